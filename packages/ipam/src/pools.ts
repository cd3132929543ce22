import { createHash } from "node:crypto";
import { familyOf, NetkitError, prefixLengthOf, type Cidr } from "@netkit/core";
import { bigintToIp, ipOfKey, overlaps, spanOf, type Span } from "./address.ts";
import { isDefaultRoute } from "./default-route.ts";

/** A block that is cut into subnets of one length. */
export interface Pool {
  readonly base: Cidr;
  readonly length: number;
}

/**
 * 1,088 private subnets (RFC 1918): 172.16.0.0/12 from 172.17.0.0 on, its first /16 last, then 192.168.0.0/16. Each is
 * a /22: the 1,022 hosts of one fill the 1,023 ports of a Linux bridge but for one.
 */
export const defaultIpv4Pools: readonly Pool[] = [
  "172.17.0.0/16",
  "172.18.0.0/15",
  "172.20.0.0/14",
  "172.24.0.0/13",
  "172.16.0.0/16",
  "192.168.0.0/16",
].map((base) => ({ base: base as Cidr, length: 22 }));

/**
 * For networks that hosts share, where Docker's swarms have theirs: 10.0.0.0/8, in /22s as above, of which each host takes an address. It is apart from the pools that hosts choose from by themselves.
 */
export const globalIpv4Pools: readonly Pool[] = [{ base: "10.0.0.0/8" as Cidr, length: 22 }];

/** The 65,536 /64s of a unique local /48 whose 40 bits of global id derive from `seed` (RFC 4193). */
export function uniqueLocalPool(seed: string): Pool {
  const globalId = createHash("sha256").update(seed).digest("hex").slice(0, 10);
  return { base: `${ipOfKey(`fd${globalId}`.padEnd(32, "0"))}/48` as Cidr, length: 64 };
}

export interface PoolRequest {
  /** In order of preference. */
  readonly pools: readonly Pool[];
  /** The subnets of other networks. */
  readonly taken: readonly Cidr[];
  /** What the host reaches otherwise: its routes (default and split-default ones count as no overlap), its name servers. */
  readonly routes: readonly Cidr[];
}

/**
 * The first subnet of the pools that overlaps nothing.
 * @throws NetkitError POOL_EXHAUSTED
 */
export function choosePool({ pools, taken, routes }: PoolRequest): Cidr {
  const families = new Set(pools.map(({ base }) => familyOf(base)));
  const inTheWay = [...taken, ...routes.filter((route) => !isDefaultRoute(route))];
  const obstacles = inTheWay.filter((cidr) => families.has(familyOf(cidr))).map(spanOf);
  // Of spans that start together the longest counts, so the order of their ends doesn't matter to the walk below.
  obstacles.sort((a, b) => (a.first < b.first ? -1 : Number(a.first > b.first)));
  for (const pool of pools) {
    const found = firstFree(pool, obstacles);
    if (found !== undefined) return found;
  }
  const count = pools.reduce((sum, { base, length }) => sum + 2 ** (length - prefixLengthOf(base)), 0);
  throw new NetkitError("POOL_EXHAUSTED", `each of the ${count} subnets of the pools overlaps a network or a route`, {
    hint: "Remove networks that aren't needed, or name a subnet with --subnet.",
    details: { pools, count, taken: taken.length },
  });
}

/** Walks the pool and the sorted obstacles together, stepping over each obstacle once. */
function firstFree({ base, length }: Pool, obstacles: readonly Span[]): Cidr | undefined {
  const { family, first, last } = spanOf(base);
  const size = 1n << BigInt((family === "ipv4" ? 32 : 128) - length);
  let candidate = first;
  for (const obstacle of obstacles) {
    if (obstacle.family !== family || obstacle.last < candidate) continue;
    if (obstacle.first >= candidate + size || obstacle.first > last) break;
    candidate = (obstacle.last / size + 1n) * size;
  }
  return candidate + size - 1n > last ? undefined : (`${bigintToIp(candidate, family)}/${length}` as Cidr);
}

/** A subnet in use, with what a message calls it: `network 'web'`, `the route 10.0.0.0/8 dev tun0`. */
export interface NamedSubnet {
  readonly cidr: Cidr;
  readonly name: string;
}

/** The name of the first of `others` that overlaps `subnet`; default and split-default routes count as no overlap. */
export function findOverlap(subnet: Cidr, others: Iterable<NamedSubnet>): string | undefined {
  for (const { cidr, name } of others) {
    if (familyOf(cidr) === familyOf(subnet) && !isDefaultRoute(cidr) && overlaps(cidr, subnet)) return name;
  }
  return undefined;
}
