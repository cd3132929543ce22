import { familyOf, ipOf, parseIp, prefixLengthOf, type Cidr, type Family, type Ip } from "@netkit/core";

const bitsOf: Readonly<Record<Family, number>> = { ipv4: 32, ipv6: 128 };

/** All addresses from `first` to `last`, both included. */
export interface Span {
  readonly family: Family;
  readonly first: bigint;
  readonly last: bigint;
}

/** The number that an address is: 32 or 128 bits, most significant first. */
export function ipToBigint(ip: Ip): bigint {
  return BigInt(`0x${addressKey(ip)}`);
}

/** @throws RangeError if the family has no such address */
export function bigintToIp(value: bigint, family: Family): Ip {
  return ipOfKey(keyOf(value, family));
}

/** Sorts as the address does: 8 hex digits for IPv4, 32 for IPv6. */
export function addressKey(ip: Ip): string {
  if (familyOf(ip) === "ipv4") {
    return ip
      .split(".")
      .map((part) => Number(part).toString(16).padStart(2, "0"))
      .join("");
  }
  const [head = "", tail = ""] = ip.split("::");
  const [before, after] = [groupDigits(head), groupDigits(tail)];
  return before + "0".repeat(32 - before.length - after.length) + after;
}

function groupDigits(groups: string): string {
  if (groups === "") return "";
  return groups
    .split(":")
    .map((group) => group.padStart(4, "0"))
    .join("");
}

/** The address of an {@link addressKey}. */
export function ipOfKey(key: string): Ip {
  if (key.length === 8) {
    return [0, 2, 4, 6].map((at) => Number.parseInt(key.slice(at, at + 2), 16)).join(".") as Ip;
  }
  return parseIp(key.replaceAll(/(.{4})(?=.)/g, "$1:"));
}

/** {@link addressKey} of an address given as a number. */
export function keyOf(value: bigint, family: Family): string {
  if (value < 0n || value >> BigInt(bitsOf[family]) !== 0n) throw new RangeError(`no ${family} address is ${value}`);
  return value.toString(16).padStart(bitsOf[family] / 4, "0");
}

/** The block that `cidr` lies in; host bits don't matter. */
export function spanOf(cidr: Cidr): Span {
  const family = familyOf(cidr);
  const hostBits = BigInt(bitsOf[family] - prefixLengthOf(cidr));
  const first = (ipToBigint(ipOf(cidr)) >> hostBits) << hostBits;
  return { family, first, last: first | ((1n << hostBits) - 1n) };
}

/**
 * The addresses of a subnet that interfaces can have. IPv4: all but the network and broadcast addresses; IPv6: all but
 * the subnet-router anycast address (RFC 4291, 2.6.1). Both of a point-to-point pair (RFC 3021, RFC 6164); the one of a
 * host prefix.
 */
export function usableSpanOf(cidr: Cidr): Span {
  const { family, first, last } = spanOf(cidr);
  if (last - first < 2n) return { family, first, last };
  return { family, first: first + 1n, last: family === "ipv4" ? last - 1n : last };
}

/** The first address of the block: the network address in IPv4, the subnet-router anycast address in IPv6. */
export function networkOf(cidr: Cidr): Ip {
  const { family, first } = spanOf(cidr);
  return bigintToIp(first, family);
}

/** The last address of the block, in IPv4 its broadcast address. */
export function broadcastOf(cidr: Cidr): Ip {
  const { family, last } = spanOf(cidr);
  return bigintToIp(last, family);
}

export function firstUsableOf(cidr: Cidr): Ip {
  const { family, first } = usableSpanOf(cidr);
  return bigintToIp(first, family);
}

export function lastUsableOf(cidr: Cidr): Ip {
  const { family, last } = usableSpanOf(cidr);
  return bigintToIp(last, family);
}

/** Whether the address lies in the block; false across families. */
export function contains(cidr: Cidr, ip: Ip): boolean {
  if (familyOf(cidr) !== familyOf(ip)) return false;
  const { first, last } = spanOf(cidr);
  const value = ipToBigint(ip);
  return first <= value && value <= last;
}

/** Whether two blocks share an address; false across families. */
export function overlaps(a: Cidr, b: Cidr): boolean {
  if (familyOf(a) !== familyOf(b)) return false;
  const [x, y] = [spanOf(a), spanOf(b)];
  return x.first <= y.last && y.first <= x.last;
}

/** Whether all of `inner` lies in `outer`; false across families. */
export function containsSubnet(outer: Cidr, inner: Cidr): boolean {
  if (familyOf(outer) !== familyOf(inner)) return false;
  const [x, y] = [spanOf(outer), spanOf(inner)];
  return x.first <= y.first && y.last <= x.last;
}

/** Order for `sort`: IPv4 before IPv6, then by number. */
export function compareIps(a: Ip, b: Ip): number {
  const [x, y] = [addressKey(a), addressKey(b)];
  if (x.length !== y.length) return x.length - y.length;
  return x < y ? -1 : Number(x > y);
}
