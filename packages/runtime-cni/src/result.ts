import * as z from "zod";
import { cniCodes, CniError } from "./cni-error.ts";
import { describeIssues } from "./configuration.ts";
import { isAtLeast, type CniVersion } from "./version.ts";

// What others have put into a result goes on as it is, keys that are unknown here included.
const interfaceSchema = z.looseObject({
  name: z.string(),
  mac: z.string().optional(),
  mtu: z.int().optional(),
  sandbox: z.string().optional(),
});
const ipSchema = z.looseObject({
  address: z.string(),
  gateway: z.string().optional(),
  interface: z.int().min(0).optional(),
});
const routeSchema = z.looseObject({ dst: z.string(), gw: z.string().optional() });
const dnsSchema = z.looseObject({
  nameservers: z.array(z.string()).optional(),
  domain: z.string().optional(),
  search: z.array(z.string()).optional(),
  options: z.array(z.string()).optional(),
});

/** Keys that are unknown here are kept, whoever they are of. */
interface Entry {
  readonly [key: string]: unknown;
}

interface Interface extends Entry {
  readonly name: string;
  readonly mac?: string | undefined;
  readonly mtu?: number | undefined;
  /** The path of its namespace; absent: it is the host's. */
  readonly sandbox?: string | undefined;
}

interface Address extends Entry {
  /** With its prefix length. */
  readonly address: string;
  readonly gateway?: string | undefined;
  /** Which of the interfaces has it. */
  readonly interface?: number | undefined;
}

interface Route extends Entry {
  readonly dst: string;
  readonly gw?: string | undefined;
}

interface Dns extends Entry {
  readonly nameservers?: string[] | undefined;
  readonly domain?: string | undefined;
  readonly search?: string[] | undefined;
  readonly options?: string[] | undefined;
}

/** What an ADD came to, in the terms of the newest version. */
export interface Result {
  readonly interfaces: readonly Interface[];
  readonly ips: readonly Address[];
  readonly routes: readonly Route[];
  readonly dns: Dns;
}

const list = <T extends z.ZodType>(schema: T) =>
  z.union([z.array(schema), z.null().transform((): z.output<T>[] => [])]).optional();

const newShape = z.object({
  interfaces: list(interfaceSchema),
  ips: list(ipSchema),
  routes: list(routeSchema),
  dns: dnsSchema.nullish(),
});

const oldIp = z.object({ ip: z.string(), gateway: z.string().optional(), routes: list(routeSchema) });
const oldShape = z.object({ ip4: oldIp.nullish(), ip6: oldIp.nullish(), dns: dnsSchema.nullish() });

/** What the plugins before this one came to. @throws CniError 6 */
export function parseResult(value: unknown, version: CniVersion): Result {
  return isAtLeast(version, "0.3.0") ? parseNew(value) : parseOld(value);
}

function parseOld(value: unknown): Result {
  const { ip4, ip6, dns } = read(oldShape, value);
  const found = [ip4, ip6].flatMap((one) => one ?? []);
  return {
    interfaces: [],
    ips: found.map(({ ip, gateway }) => ({ address: ip, ...(gateway === undefined ? {} : { gateway }) })),
    routes: found.flatMap(({ routes }) => routes ?? []),
    dns: dns ?? {},
  };
}

function parseNew(value: unknown): Result {
  const { interfaces, ips, routes, dns } = read(newShape, value);
  return {
    interfaces: interfaces ?? [],
    ips: (ips ?? []).map(withoutFamily),
    routes: routes ?? [],
    dns: dns ?? {},
  };
}

/** Which family an address is of is written where the version has it. */
function withoutFamily(address: Address): Address {
  const { version: _, ...others } = address;
  return others;
}

function read<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new CniError(cniCodes.undecodable, `could not parse prevResult: ${describeIssues(result.error)}`);
}

/** A result, and another one after it: what refers to an interface by its number still does. */
export function appendResult(before: Result, { interfaces, ips, routes, dns }: Result): Result {
  const shift = before.interfaces.length;
  return {
    interfaces: [...before.interfaces, ...interfaces],
    ips: [
      ...before.ips,
      ...ips.map((ip) => (ip.interface === undefined ? ip : { ...ip, interface: ip.interface + shift })),
    ],
    routes: [...before.routes, ...routes],
    dns: { ...before.dns, ...dns },
  };
}

/**
 * The shape that a version has it in. That before 0.3.0 has one address of each family and no interfaces; 1.0.0 left out the
 * family of an address; only 1.1.0 has MTUs.
 */
export function formatResult(result: Result, version: CniVersion): Record<string, unknown> {
  const { interfaces, ips, routes, dns } = result;
  if (!isAtLeast(version, "0.3.0")) {
    const old = [true, false].flatMap((ipv4) => {
      const first = ips.find(({ address }) => isIpv4(address) === ipv4);
      if (first === undefined) return [];
      const own = routes.filter(({ dst }) => isIpv4(dst) === ipv4).map(({ dst, gw }) => ({ dst, gw }));
      const key = ipv4 ? "ip4" : "ip6";
      return [[key, { ip: first.address, gateway: first.gateway, ...(own.length === 0 ? {} : { routes: own }) }]];
    });
    return { cniVersion: version, ...Object.fromEntries(old), dns };
  }
  const hasMtus = isAtLeast(version, "1.1.0");
  return {
    cniVersion: version,
    ...(interfaces.length === 0
      ? {}
      : { interfaces: interfaces.map(({ mtu, ...each }) => (hasMtus && mtu !== undefined ? { ...each, mtu } : each)) }),
    ips: isAtLeast(version, "1.0.0") ? ips : ips.map((ip) => ({ version: isIpv4(ip.address) ? "4" : "6", ...ip })),
    routes: hasMtus ? routes : routes.map(({ dst, gw }) => ({ dst, gw })),
    dns,
  };
}

function isIpv4(address: string): boolean {
  return !address.includes(":");
}
