import { familyOf, isNetkitError, parseCidr, prefixLengthOf, subnetOf, type Cidr } from "@netkit/core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  choosePool,
  containsSubnet,
  defaultIpv4Pools,
  findOverlap,
  isDefaultRoute,
  overlaps,
  uniqueLocalPool,
  type Pool,
} from "../src/index.ts";
import { anyCidr } from "./arbitraries.ts";

const cidrs = (...texts: string[]): Cidr[] => texts.map(parseCidr);

function choose(pools: readonly Pool[], taken: readonly Cidr[], routes: readonly Cidr[] = []): Cidr | "exhausted" {
  try {
    return choosePool({ pools, taken, routes });
  } catch (error) {
    if (isNetkitError(error) && error.code === "POOL_EXHAUSTED") return "exhausted";
    throw error;
  }
}

describe("the default pools", () => {
  test("hold 1,088 networks that don't overlap, the familiar ones first", () => {
    const all: Cidr[] = [];
    for (let next = choose(defaultIpv4Pools, all); next !== "exhausted"; next = choose(defaultIpv4Pools, all)) {
      all.push(next);
    }
    expect(all).toHaveLength(1088);
    expect(all.slice(0, 3)).toEqual(["172.17.0.0/22", "172.17.4.0/22", "172.17.8.0/22"]);
    expect(all.at(-1)).toBe("192.168.252.0/22");
    expect(new Set(all.map((cidr) => subnetOf(cidr))).size).toBe(1088);
    const privateBlocks = cidrs("172.16.0.0/12", "192.168.0.0/16");
    expect(all.every((cidr) => privateBlocks.some((block) => containsSubnet(block, cidr)))).toBe(true);
  });

  test("of IPv6 is a /48 in fd00::/8 that follows from the seed", () => {
    const pool = uniqueLocalPool("machine");
    expect(containsSubnet("fd00::/8" as Cidr, pool.base)).toBe(true);
    expect(pool).toEqual(uniqueLocalPool("machine"));
    expect(pool.base).not.toBe(uniqueLocalPool("other").base);
    expect(prefixLengthOf(pool.base)).toBe(48);
    const first = choosePool({ pools: [pool], taken: [], routes: [] });
    expect(first).toBe(pool.base.replace("/48", "/64"));
    expect(choosePool({ pools: [pool], taken: [first], routes: [] })).toBe(pool.base.replace("::/48", ":1::/64"));
  });
});

describe("a chosen subnet", () => {
  const pools = [
    { base: "10.0.0.0/20" as Cidr, length: 24 },
    { base: "192.168.0.0/16" as Cidr, length: 18 },
    { base: "fd00::/60" as Cidr, length: 64 },
  ];

  test("overlaps nothing, and none before it was free", () => {
    const near = fc.oneof(
      anyCidr,
      fc.tuple(fc.nat(15), fc.integer({ min: 18, max: 30 })).map(([c, length]) => parseCidr(`10.0.${c}.0/${length}`)),
      fc.nat(255).map((c) => parseCidr(`192.168.${c}.0/24`)),
      fc.nat(15).map((c) => parseCidr(`fd00:0:0:${c.toString(16)}::/64`)),
    );
    const candidates = [
      ...Array.from({ length: 16 }, (_, c) => `10.0.${c}.0/24`),
      ...Array.from({ length: 4 }, (_, c) => `192.168.${c * 64}.0/18`),
      ...Array.from({ length: 16 }, (_, c) => subnetOf(parseCidr(`fd00:0:0:${c.toString(16)}::/64`))),
    ] as Cidr[];
    fc.assert(
      fc.property(fc.array(near, { maxLength: 40 }), fc.array(near), (taken, routes) => {
        const obstacles = [...taken, ...routes.filter((route) => !isDefaultRoute(route))];
        const free = candidates.find((candidate) => !obstacles.some((other) => overlaps(candidate, other)));
        expect(choose(pools, taken, routes)).toBe(free ?? "exhausted");
      }),
      { numRuns: 500 },
    );
  });

  test("ignores default and split-default routes, no others", () => {
    const routes = cidrs("0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "::/0", "::/1", "8000::/1", "2000::/3");
    expect(choosePool({ pools, taken: [], routes })).toBe("10.0.0.0/24");
    expect(choosePool({ pools, taken: [], routes: cidrs("10.0.0.0/8") })).toBe("192.168.0.0/18");
    expect(choosePool({ pools, taken: [], routes: cidrs("0.0.0.0/2", "192.0.0.0/2") })).toBe("fd00::/64");
  });

  test("says how many there were when none is left", () => {
    const taken = cidrs("10.0.0.0/8", "192.168.0.0/16", "fd00::/8");
    expect(() => choosePool({ pools, taken, routes: [] })).toThrow("each of the 36 subnets of the pools overlaps");
  });
});

test("an overlap is found by name, default routes aside", () => {
  const others = [
    { cidr: "0.0.0.0/1" as Cidr, name: "a VPN" },
    { cidr: "10.8.0.0/16" as Cidr, name: "the route 10.8.0.0/16 dev tun0" },
    { cidr: "10.8.1.0/24" as Cidr, name: "network 'web'" },
  ];
  expect(findOverlap("10.8.1.0/25" as Cidr, others)).toBe("the route 10.8.0.0/16 dev tun0");
  expect(findOverlap("10.0.0.0/8" as Cidr, others)).toBe("the route 10.8.0.0/16 dev tun0");
  expect(findOverlap("10.9.0.0/16" as Cidr, others)).toBeUndefined();
  expect(familyOf("fd00::/64" as Cidr)).toBe("ipv6");
  expect(findOverlap("fd00::/64" as Cidr, others)).toBeUndefined();
});
