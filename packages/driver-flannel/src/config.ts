import {
  familyOf,
  NetkitError,
  parseCidr,
  parseIp,
  prefixLengthOf,
  subnetOf,
  type Cidr,
  type Family,
  type Ip,
} from "@netkit/core";
import { bigintToIp, contains, ipToBigint, spanOf } from "@netkit/ipam";
import { backendOf, type Backend } from "./backend.ts";
import { fieldsOf } from "./fields.ts";

/** What subnets of one family are leased from. */
export interface Pool {
  readonly network: Cidr;
  /** The prefix length of each subnet. */
  readonly length: number;
  /** The first and the last subnet, by their base addresses. */
  readonly first: Ip;
  readonly last: Ip;
}

/** What flannel's key `config` says for all hosts (flannel 0.28, pkg/subnet/config.go), defaults filled in. */
export interface FlannelConfig {
  readonly ipv4: Pool;
  readonly ipv6?: Pool;
  readonly backend: Backend;
}

/** How the families differ: names, and what flannel asks of lengths. */
interface Rules {
  readonly names: { readonly network: string; readonly length: string; readonly first: string; readonly last: string };
  readonly bits: number;
  /** A subnet has four addresses at least. */
  readonly longest: number;
  /** What a subnet has in a network that is large enough. */
  readonly usual: number;
}

const rules: Readonly<Record<Family, Rules>> = {
  ipv4: {
    names: { network: "Network", length: "SubnetLen", first: "SubnetMin", last: "SubnetMax" },
    bits: 32,
    longest: 30,
    usual: 24,
  },
  ipv6: {
    names: { network: "IPv6Network", length: "IPv6SubnetLen", first: "IPv6SubnetMin", last: "IPv6SubnetMax" },
    bits: 128,
    longest: 126,
    usual: 64,
  },
};

/**
 * @param value what is under the key; undefined: nothing
 * @param key for messages
 * @throws NetkitError OUTSIDE_INVALID; UNSUPPORTED for what netkit, or flannel on etcd, can't do
 */
export function parseConfig(value: unknown, key: string): FlannelConfig {
  const fail = (why: string): never => {
    throw new NetkitError("OUTSIDE_INVALID", `flannel's configuration in ${key} ${why}`, {
      hint: `Write one: etcdctl put ${key} '{"Network": "10.5.0.0/16", "Backend": {"Type": "vxlan"}}'`,
      details: { key, value },
    });
  };
  if (value === undefined) return fail("isn't there");
  const fields = fieldsOf(value);
  if (fields === undefined) return fail("is no JSON object");
  const flag = (name: string, absent: boolean): boolean => {
    const found = fields.get(name.toLowerCase()) ?? absent;
    return typeof found === "boolean" ? found : fail(`has a ${name} that is neither true nor false`);
  };
  if (!flag("EnableIPv4", true)) {
    throw new NetkitError(
      "UNSUPPORTED",
      `flannel's configuration in ${key} has no IPv4, by which leases in etcd are called`,
      {
        hint: "Set EnableIPv4, beside EnableIPv6.",
      },
    );
  }
  return {
    ipv4: poolOf(fields, "ipv4", fail),
    ...(flag("EnableIPv6", false) ? { ipv6: poolOf(fields, "ipv6", fail) } : {}),
    backend: backendOf(fields.get("backend"), fail),
  };
}

function poolOf(fields: ReadonlyMap<string, unknown>, family: Family, fail: (why: string) => never): Pool {
  const { names, bits, longest, usual } = rules[family];
  const parsed = <T extends Ip | Cidr>(name: string, parse: (text: string) => T): T | undefined => {
    const text = fields.get(name.toLowerCase());
    if (text === undefined) return undefined;
    try {
      const found = typeof text === "string" ? parse(text) : undefined;
      if (found !== undefined && familyOf(found) === family) return found;
    } catch {
      // As what is of the other family.
    }
    return fail(`has a ${name} that isn't one: ${JSON.stringify(text)}`);
  };
  const network = parsed(names.network, (text) => subnetOf(parseCidr(text))) ?? fail(`has no ${names.network}`);
  const own = prefixLengthOf(network);
  const asked = fields.get(names.length.toLowerCase()) ?? 0;
  if (typeof asked !== "number" || !Number.isInteger(asked) || asked < 0 || asked > longest)
    return fail(`has a ${names.length} that is no whole number up to ${longest}`);
  if (asked === 0 && own > longest - 2) return fail(`has a ${names.network} that is smaller than a /${longest - 2}`);
  const length = asked === 0 ? (own <= usual - 2 ? usual : own + 2) : asked;
  if (length < own + 2) return fail(`has room for less than four subnets of /${length} in ${network}`);
  const size = 1n << BigInt(bits - length);
  const { first: lowest, last: highest } = spanOf(network);
  // The first one isn't used: its base would be that of the network.
  const first = parsed(names.first, parseIp) ?? bigintToIp(lowest + size, family);
  const last = parsed(names.last, parseIp) ?? bigintToIp(highest + 1n - size, family);
  for (const [name, ip] of [
    [names.first, first],
    [names.last, last],
  ] as const) {
    if (!contains(network, ip)) return fail(`has a ${name} outside ${network}: ${ip}`);
    if (ipToBigint(ip) % size !== 0n) return fail(`has a ${name} that no /${length} begins with: ${ip}`);
  }
  return { network, length, first, last };
}

/** Whether a subnet is one that a pool has. */
export function isOf({ length, first, last }: Pool, subnet: Cidr): boolean {
  if (familyOf(subnet) !== familyOf(first) || prefixLengthOf(subnet) !== length) return false;
  const base = spanOf(subnet).first;
  return ipToBigint(first) <= base && base <= ipToBigint(last);
}
