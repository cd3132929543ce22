import { randomBytes } from "node:crypto";
import { familyOf, parseCidr, parseIp, prefixLengthOf, subnetOf, type Cidr, type Ip } from "@netkit/core";
import { bigintToIp, compareIps, contains, firstUsableOf, overlaps, spanOf } from "@netkit/ipam";
import type { PodmanSubnet } from "./network-options.ts";
import { refusal } from "./refusal.ts";

/** Where free subnets are looked for. */
export interface SubnetPool {
  readonly base: string;
  /** The prefix length of its subnets. */
  readonly size: number;
}

/** Neither twice nor within each other. @throws NetkitError */
export function checkSubnets(subnets: readonly PodmanSubnet[]): void {
  const parsed = subnets.map(({ subnet }) => parseCidr(subnet));
  for (const [index, one] of parsed.entries()) {
    const other = parsed.slice(index + 1).find((each) => overlaps(one, each));
    if (other === undefined) continue;
    throw refusal(one === other ? `duplicate subnet defined: ${one}` : `overlapping subnets: ${one} and ${other}`);
  }
}

/** The first subnet of the pools that nobody uses. @throws NetkitError */
export function freeSubnet(pools: readonly SubnetPool[], used: readonly Cidr[]): PodmanSubnet {
  for (const { base, size } of pools) {
    const pool = parseCidr(base);
    if (familyOf(pool) !== "ipv4" || size < prefixLengthOf(pool) || size > 30) continue;
    const { first, last } = spanOf(pool);
    const length = 1n << BigInt(32 - size);
    for (let at = first; at <= last; at += length) {
      const subnet = `${bigintToIp(at, "ipv4")}/${size}` as Cidr;
      const taken = used.find((each) => overlaps(each, subnet));
      if (taken === undefined) return { subnet };
      // To the end of who has it: a large one would take as many steps as it has subnets.
      const end = spanOf(taken).last;
      if (end > at + length) at = end + 1n - length;
    }
  }
  throw refusal("could not find free subnet from subnet pools");
}

/** A unique local one (RFC 4193): by chance, so that no two hosts have the same. */
export function freeIpv6Subnet(used: readonly Cidr[]): PodmanSubnet {
  for (;;) {
    const bits = `fd${randomBytes(7).toString("hex")}`;
    const subnet = parseCidr(`${bits.match(/.{4}/g)?.join(":")}::/64`);
    if (!used.some((each) => overlaps(each, subnet))) return { subnet };
  }
}

/**
 * A subnet with its gateway, which is the first address unless it is named.
 * @param used by others; empty where nobody asks
 * @throws NetkitError
 */
export function completeSubnet(given: PodmanSubnet, hasGateway: boolean, used: readonly Cidr[]): PodmanSubnet {
  const subnet = parseCidr(given.subnet);
  if (used.some((each) => overlaps(each, subnet)))
    throw refusal(`subnet ${subnet} is already used on the host or by another config`);
  const { start_ip: start, end_ip: end } = given.lease_range ?? {};
  const ends = Object.entries({ start_ip: start, end_ip: end }).flatMap(([name, text]): [string, Ip][] =>
    text === undefined ? [] : [[name, addressOf(text)]],
  );
  for (const [name, ip] of ends)
    if (!contains(subnet, ip)) throw refusal(`lease range ${name} ${ip} not in subnet ${subnet}`);
  const [[, from] = [], [, to] = []] = ends;
  if (from !== undefined && to !== undefined && compareIps(from, to) > 0)
    throw refusal(`lease range start_ip ${from} must be less than or equal to end_ip ${to}`);
  if (given.gateway !== undefined) {
    const gateway = addressOf(given.gateway);
    if (!contains(subnet, gateway)) throw refusal(`gateway ${gateway} not in subnet ${subnet}`);
    return { ...given, subnet, gateway };
  }
  return hasGateway ? { ...given, subnet, gateway: gatewayOf(subnet) } : { ...given, subnet };
}

function gatewayOf(subnet: Cidr): Ip {
  const longest = familyOf(subnet) === "ipv4" ? 30 : 127;
  if (prefixLengthOf(subnet) <= longest) return firstUsableOf(subnetOf(subnet));
  throw refusal(
    `could not create gateway for subnet ${subnet} because it has a ${longest + 1} or greater subnet prefix`,
  );
}

/** @throws NetkitError */
export function addressOf(text: string): Ip {
  try {
    return parseIp(text);
  } catch {
    throw refusal(`invalid IP address syntax: ${JSON.stringify(text.slice(0, 80))}`);
  }
}
