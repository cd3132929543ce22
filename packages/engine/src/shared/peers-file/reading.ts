import {
  familyOf,
  parseCidr,
  parseIp,
  parseMac,
  parseName,
  subnetOf,
  type Cidr,
  type Ip,
  type ListedSandbox,
  type OptionInput,
  type SubnetRequest,
} from "@netkit/core";
import { en } from "zod/locales";
import * as z from "zod/mini";
import { peersFileSchema, type FileContent, type NetworkContent } from "./format.ts";
import { Source, type Where } from "./source.ts";

export interface FileHost {
  readonly name: string;
  readonly vtep: Ip;
  readonly mtu: number | undefined;
}

interface FileEndpoint extends ListedSandbox {
  readonly host: string;
}

export interface FileNetwork {
  readonly name: string;
  readonly driver: string;
  readonly subnets: readonly SubnetRequest[];
  /** By the names of hosts. */
  readonly parts: ReadonlyMap<string, readonly Cidr[]>;
  readonly options: OptionInput;
  readonly internal: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** By the names of sandboxes. */
  readonly endpoints: ReadonlyMap<string, FileEndpoint>;
}

/** What a peers file says, but for what drivers have to say to it. */
export interface PeersFile {
  readonly source: Source;
  readonly hosts: ReadonlyMap<string, FileHost>;
  readonly networks: ReadonlyMap<string, FileNetwork>;
}

/** @throws NetkitError CONFIG_INVALID with the lines of all that is wrong */
export function readPeersFile(path: string, text: string): PeersFile {
  const source = new Source(path, text);
  const content = check(source);
  const hosts = readHosts(source, content.hosts);
  const networks = new Map<string, FileNetwork>();
  for (const [name, network] of Object.entries(content.networks ?? {}))
    networks.set(name, readNetwork(source, name, network, content.hosts));
  source.refuse();
  return { source, hosts, networks };
}

function check(source: Source): FileContent {
  const { content } = source;
  const result = z.safeParse(peersFileSchema, content, { error: en().localeError });
  if (result.success) return result.data;
  for (const issue of result.error.issues) {
    const where = issue.path.map(step);
    if (issue.code === "unrecognized_keys") for (const key of issue.keys) source.blame([...where, key], "no such key");
    else source.blame(where, lackOf(content, where) ?? issue.message);
  }
  source.refuse();
  throw result.error;
}

/** What can be written where nothing is, by the place with `*` for names. */
const examples: Readonly<Record<string, string>> = {
  "": "hosts: { one: 10.1.0.1 }",
  hosts: "{ one: 10.1.0.1 }",
  "hosts.*": "10.1.0.1",
  "hosts.*.address": "10.1.0.1",
  networks: "{ my-overlay: { subnets: [10.0.9.0/24], ... } }, or leave it out",
  "networks.*": "{ subnets: [10.0.9.0/24], hosts: { one: 10.0.9.64/26 }, options: { vni: 5001 } }",
  "networks.*.subnets": "[10.0.9.0/24]",
  "networks.*.hosts": "{ one: 10.0.9.64/26 }",
  "networks.*.hosts.*": "10.0.9.64/26",
  "networks.*.options": "{ vni: 5001 }",
  "networks.*.labels": "{ team: blue }, or leave it out",
  "networks.*.endpoints": "{ web: { host: one, ip: 10.0.9.2 } }, or leave it out",
  "networks.*.endpoints.*": "{ host: one, ip: 10.0.9.2 }",
  "networks.*.endpoints.*.host": "one",
};

/** What there is to say of a place that has nothing; undefined: it has something. */
function lackOf(content: unknown, where: Where): string | undefined {
  const found = where.reduce<unknown>((value, key) => (value as Record<string, unknown> | null)?.[key], content);
  if (found !== null && found !== undefined) return undefined;
  const example = examples[where.map((key, index) => (index % 2 === 1 ? "*" : key)).join(".")];
  const lack = found === null ? "there is nothing in it" : "it is missing";
  return `${lack}: write ${example === undefined ? "it, or leave it out" : `one, such as ${example}`}`;
}

function step(key: PropertyKey): string | number {
  return typeof key === "symbol" ? String(key) : key;
}

function readHosts(source: Source, content: FileContent["hosts"]): Map<string, FileHost> {
  const hosts = new Map<string, FileHost>();
  for (const [name, given] of Object.entries(content)) {
    const where = ["hosts", name];
    const { address, mtu } = typeof given === "string" ? { address: given } : given;
    if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/.test(name)) source.blame(where, "that is no name of a host");
    const vtep = source.attempt(where, () => parseIp(address));
    if (vtep === undefined) continue;
    const same = hosts.values().find((other) => other.vtep === vtep);
    if (same !== undefined) source.blame(where, `${vtep} is the address of host '${same.name}', too`);
    const [first] = hosts.values();
    if (first !== undefined && familyOf(first.vtep) !== familyOf(vtep))
      source.blame(
        where,
        `${vtep} and ${first.vtep} of host '${first.name}' are of two families: no tunnel joins them`,
      );
    hosts.set(name, { name, vtep, mtu });
  }
  return hosts;
}

function readNetwork(
  source: Source,
  name: string,
  {
    driver = "overlay",
    subnets,
    hosts: parts,
    options = {},
    internal = false,
    labels = {},
    endpoints = {},
  }: NetworkContent,
  hosts: FileContent["hosts"],
): FileNetwork {
  const at = ["networks", name];
  source.attempt(at, () => parseName("network", name));
  const isKnown = (host: string, where: readonly (string | number)[]): void => {
    if (!Object.hasOwn(hosts, host)) source.blame(where, `'hosts' of the file has no host '${host}'`);
  };
  const requests = subnets.flatMap((given, index): SubnetRequest[] => {
    const { subnet, gateway } = typeof given === "string" ? { subnet: given } : given;
    const where = [...at, "subnets", index];
    const cidr = source.attempt(where, () => parseCidr(subnet));
    const via = gateway === undefined ? undefined : source.attempt(where, () => parseIp(gateway));
    return cidr === undefined ? [] : [{ subnet: cidr, ...(via === undefined ? {} : { gateway: via }) }];
  });
  const read = new Map<string, Cidr[]>();
  for (const [host, given] of Object.entries(parts)) {
    const where = [...at, "hosts", host];
    isKnown(host, where);
    read.set(
      host,
      [given].flat().flatMap((text) => source.attempt(where, () => wholeCidr(source, where, text)) ?? []),
    );
  }
  const listed = new Map<string, FileEndpoint>();
  for (const [sandbox, { host, ip, ip6, mac }] of Object.entries(endpoints)) {
    const where = [...at, "endpoints", sandbox];
    source.attempt(where, () => parseName("sandbox", sandbox));
    isKnown(host, [...where, "host"]);
    const [v4, v6] = [
      ip && source.attempt([...where, "ip"], () => parseIp(ip)),
      ip6 && source.attempt([...where, "ip6"], () => parseIp(ip6)),
    ];
    const own = mac && source.attempt([...where, "mac"], () => parseMac(mac));
    listed.set(sandbox, { host, ...(v4 && { ip: v4 }), ...(v6 && { ip6: v6 }), ...(own && { mac: own }) });
  }
  return {
    name,
    driver,
    subnets: requests,
    parts: read,
    options: Object.fromEntries(Object.entries(options).map(([option, value]) => [option, String(value)])),
    internal,
    labels: Object.fromEntries(Object.entries(labels).map(([label, value]) => [label, String(value)])),
    endpoints: listed,
  };
}

function wholeCidr(source: Source, where: readonly (string | number)[], text: string): Cidr {
  const cidr = parseCidr(text);
  const whole = subnetOf(cidr);
  if (whole !== cidr) source.blame(where, `${cidr} has host bits set: it should be ${whole}`);
  return whole;
}
