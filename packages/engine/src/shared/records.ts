import {
  parseCidr,
  parseIp,
  parseMac,
  type EndpointId,
  type HostId,
  type Ip,
  type Network,
  type NetworkId,
  type RemoteEndpoint,
  type SharedHost,
} from "@netkit/core";
import * as z from "zod/mini";

/** A network as all hosts have it. */
export type SharedNetwork = Omit<Network, "realised" | "facts" | "share"> & { readonly removing?: boolean };

/** Who has an address, in an `address/` record; `who` in words: `sandbox 'web' on host 'a'`. */
export interface SharedAddress {
  readonly id: EndpointId;
  readonly host: HostId;
  readonly ip: Ip;
  readonly who: string;
}

/** The network that has a name or a claim. */
export interface SharedHolder {
  readonly id: NetworkId;
  readonly name: string;
}

const id = z.string().check(z.regex(/^[0-9a-f]{64}$/));
const text = z.string().check(z.maxLength(255));
const name = z.string().check(z.regex(/^[\w.-]{1,128}$/));
/** A record of another host ends up in requests to this one's kernel: it is what it would be here, to the letter. */
const ip = z.string().check(z.refine((value) => isCanonical(parseIp, value)));
const cidr = z.string().check(z.refine((value) => isCanonical(parseCidr, value)));
const mac = z.string().check(z.refine((value) => isCanonical(parseMac, value)));
const optional = z.optional;

const subnet = z.object({
  subnet: cidr,
  gateway: optional(ip),
  range: optional(cidr),
  auxiliary: z.record(text, ip),
});

const route = z.object({ destination: cidr, gateway: optional(ip), type: optional(text), metric: z.number() });

const network = z.object({
  id,
  name,
  created: text,
  labels: z.record(z.string(), z.string()),
  driver: text,
  scope: z.literal("global"),
  predefined: z.literal(false),
  internal: z.boolean(),
  ipv6: z.boolean(),
  configFrom: optional(text),
  subnets: z.array(subnet).check(z.maxLength(100)),
  routes: optional(z.array(route).check(z.maxLength(1_000))),
  options: z.record(z.string(), z.unknown()),
  claims: z.record(z.string(), text),
  besideHost: optional(z.boolean()),
  announces: optional(z.boolean()),
  removing: optional(z.boolean()),
  listed: optional(
    z.object({
      file: z.string(),
      sandboxes: z.record(name, z.object({ ip: optional(ip), ip6: optional(ip), mac: optional(mac) })),
    }),
  ),
});

const endpoint = z.object({
  id,
  network: id,
  host: id,
  hostName: text,
  vtep: ip,
  mac,
  addresses: z.array(cidr).check(z.maxLength(100)),
  linkLocal: optional(z.array(cidr).check(z.maxLength(100))),
  unlisted: optional(z.literal(true)),
  mtu: optional(z.int()),
  sandbox: optional(z.object({ id, name, hostname: text, aliases: z.array(text).check(z.maxLength(1_000)) })),
});

const host = z.object({ id, name: text, vtep: ip, mtu: z.int() });
const address = z.object({ id, host: id, ip, who: z.string().check(z.maxLength(500)) });
const holder = z.object({ id, name });

function isCanonical(parse: (text: string) => string, text: string): boolean {
  try {
    return parse(text) === text;
  } catch {
    return false;
  }
}

/** Undefined for what doesn't fit: it is somebody's mistake, or of a netkit that writes another version. */
function reading<T>(schema: z.ZodMiniType): (value: unknown) => T | undefined {
  return (value) => {
    const result = z.safeParse(schema, value);
    return result.success ? (result.data as T) : undefined;
  };
}

export const readNetwork: (value: unknown) => SharedNetwork | undefined = reading(network);
export const readEndpoint: (value: unknown) => RemoteEndpoint | undefined = reading(endpoint);
export const readHost: (value: unknown) => SharedHost | undefined = reading(host);
export const readAddress: (value: unknown) => SharedAddress | undefined = reading(address);
export const readHolder: (value: unknown) => SharedHolder | undefined = reading(holder);
