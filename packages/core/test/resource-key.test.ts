import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  anyMac,
  keyOf,
  parseCidr,
  parseIp,
  parseMac,
  sameData,
  type NamespaceId,
  type Resource,
  type ResourceKey,
  type ResourceKind,
  type ResourceOf,
} from "../src/index.ts";
import { randomId } from "./random-id.ts";

const ns = randomId<NamespaceId>();
const [ip, other] = [parseIp("10.0.0.2"), parseIp("10.0.0.3")];
const [cidr, otherCidr] = [parseCidr("10.0.0.0/24"), parseCidr("10.0.1.0/24")];
const [mac, otherMac] = [parseMac("02:00:00:00:00:01"), parseMac("02:00:00:00:00:02")];
const range = { first: 80, last: 80 };

/** One resource of a kind, what makes another object of it, and what is only another setting of the same. */
interface Sample<K extends ResourceKind> {
  readonly resource: ResourceOf<K>;
  readonly identity: readonly Partial<ResourceOf<K>>[];
  readonly settings: readonly Partial<ResourceOf<K>>[];
}

const samples: { readonly [K in ResourceKind]: Sample<K> } = {
  netns: {
    resource: { kind: "netns", ns, name: "a" },
    identity: [{ ns: randomId<NamespaceId>() }],
    settings: [{ name: "b" }],
  },
  file: {
    resource: { kind: "file", ns: "host", path: "/a", content: "" },
    identity: [{ path: "/b" }],
    settings: [{ content: "x" }],
  },
  sysctl: {
    resource: { kind: "sysctl", ns: "host", path: "net/a", value: "0" },
    identity: [{ path: "net/b" }],
    settings: [{ value: "1" }],
  },
  link: {
    resource: { kind: "link", ns: "host", name: "a", ensure: "exists" },
    identity: [{ name: "b" }],
    settings: [],
  },
  bridge: {
    resource: { kind: "bridge", ns: "host", name: "a" },
    identity: [{ name: "b" }],
    settings: [{ mac }, { mtu: 1 }],
  },
  veth: {
    resource: { kind: "veth", ns: "host", name: "a", peer: { ns, name: "eth0" } },
    identity: [{ name: "b" }],
    settings: [
      { master: "br" },
      { hairpin: true },
      { peer: { ns, name: "eth1" } },
      { peer: { ns, name: "eth0", mac } },
    ],
  },
  vxlan: {
    resource: { kind: "vxlan", ns: "host", name: "a", vni: 1, port: 4789, learning: false },
    identity: [{ name: "b" }],
    settings: [{ vni: 2 }, { port: 8472 }, { learning: true }, { local: ip }, { isolated: true }],
  },
  macvlan: {
    resource: { kind: "macvlan", ns, name: "a", parent: "eth0", mode: "bridge" },
    identity: [{ name: "b" }],
    settings: [{ parent: "eth1" }, { mode: "private" }],
  },
  ipvlan: {
    resource: { kind: "ipvlan", ns, name: "a", parent: "eth0", mode: "l2", flag: "bridge" },
    identity: [{ name: "b" }],
    settings: [{ parent: "eth1" }, { mode: "l3" }, { flag: "vepa" }],
  },
  vlan: {
    resource: { kind: "vlan", ns: "host", name: "a", parent: "eth0", id: 1 },
    identity: [{ name: "b" }],
    settings: [{ parent: "eth1" }, { id: 2 }],
  },
  dummy: { resource: { kind: "dummy", ns: "host", name: "a" }, identity: [{ name: "b" }], settings: [{ mac }] },
  ifb: { resource: { kind: "ifb", ns: "host", name: "a" }, identity: [{ name: "b" }], settings: [{ mac }] },
  shaper: {
    resource: { kind: "shaper", ns: "host", link: "a", bytesPerSecond: 1, burstBytes: 1, limitBytes: 1 },
    identity: [{ link: "b" }],
    settings: [{ bytesPerSecond: 2 }, { burstBytes: 2 }, { limitBytes: 2 }],
  },
  redirect: {
    resource: { kind: "redirect", ns: "host", link: "a", to: "b" },
    identity: [{ link: "c" }],
    settings: [{ to: "c" }],
  },
  address: {
    resource: { kind: "address", ns, link: "a", address: cidr },
    identity: [{ link: "b" }, { address: otherCidr }],
    settings: [{ noPrefixRoute: true }],
  },
  route: {
    resource: { kind: "route", ns, destination: cidr },
    identity: [{ destination: otherCidr }, { table: 7 }, { metric: 7 }],
    settings: [{ via: ip }, { link: "a" }, { type: "blackhole" }, { source: ip }, { onlink: true }],
  },
  rule: {
    resource: { kind: "rule", ns, family: "ipv4", priority: 1, table: 7 },
    identity: [{ family: "ipv6" }, { priority: 2 }, { from: cidr }, { to: cidr }, { from: cidr, to: otherCidr }],
    settings: [{ table: 8 }],
  },
  neighbour: {
    resource: { kind: "neighbour", ns: "host", link: "a", address: ip },
    identity: [{ link: "b" }, { address: other }, { proxy: true }],
    settings: [{ mac }],
  },
  fdb: {
    resource: { kind: "fdb", ns: "host", link: "a", mac },
    identity: [{ link: "b" }, { mac: otherMac }, { master: true }],
    settings: [{ destination: ip }],
  },
  guard: {
    resource: { kind: "guard", ns: "host", link: "a" },
    identity: [{ link: "b" }],
    settings: [],
  },
  sender: {
    resource: { kind: "sender", ns: "host", link: "a", address: ip },
    identity: [{ link: "b" }, { address: other }],
    settings: [],
  },
  isolation: {
    resource: { kind: "isolation", ns: "host", link: "a", icc: true, internal: false },
    identity: [{ link: "b" }],
    settings: [
      { icc: false },
      { internal: true },
      { ipv4: "all" },
      { ipv4: "opened" },
      { ipv6: "opened" },
      { trusted: ["c"] },
    ],
  },
  familiar: {
    resource: { kind: "familiar", ns: "host", link: "a", source: cidr },
    identity: [{ link: "b" }, { source: otherCidr }],
    settings: [],
  },
  masquerade: {
    resource: { kind: "masquerade", ns: "host", link: "a", subnet: cidr },
    identity: [{ link: "b" }, { subnet: otherCidr }],
    settings: [{ source: ip }],
  },
  untracked: {
    resource: { kind: "untracked", ns: "host", address: ip, port: 4789 },
    identity: [{ address: other }, { port: 8472 }],
    settings: [],
  },
  open: {
    resource: { kind: "open", ns: "host", protocol: "tcp", target: ip, targetPort: range, link: "a" },
    identity: [{ protocol: "udp" }, { target: other }, { targetPort: { first: 80, last: 81 } }],
    settings: [{ link: "b" }],
  },
  publish: {
    resource: {
      kind: "publish",
      ns: "host",
      family: "ipv4",
      protocol: "tcp",
      hostPort: range,
      target: ip,
      targetPort: range,
      link: "a",
    },
    identity: [
      { family: "ipv6" },
      { protocol: "udp" },
      { hostAddress: ip },
      { hostPort: { first: 81, last: 81 } },
      { hostPort: { first: 80, last: 81 } },
    ],
    settings: [{ target: other }, { targetPort: { first: 8, last: 8 } }, { link: "b" }],
  },
};

const kinds = Object.keys(samples) as ResourceKind[];
const sampleOf = (kind: ResourceKind) =>
  samples[kind] as { resource: Resource; identity: Partial<Resource>[]; settings: Partial<Resource>[] };
const changed = (resource: Resource, change: object): Resource => ({ ...resource, ...change });

describe.each(kinds)("a %s", (kind) => {
  const { resource, identity, settings } = sampleOf(kind);

  test("has a key of its own for every identity", () => {
    const all = [resource, ...identity.map((change) => changed(resource, change))];
    expect(new Set(all.map(keyOf)).size).toBe(all.length);
    for (const one of all) expect(sameData(one, resource)).toBe(one === resource);
  });

  test("keeps its key in another setting, which is other data", () => {
    for (const change of settings) {
      const one = changed(resource, change);
      expect(keyOf(one)).toBe(keyOf(resource));
      expect(sameData(one, resource), JSON.stringify(change)).toBe(false);
    }
  });

  test("has another key in another namespace", () => {
    const elsewhere = changed(resource, { ns: randomId<NamespaceId>() });
    expect(keyOf(elsewhere)).not.toBe(keyOf(resource));
    expect(keyOf(elsewhere).split(" ")[1]).toBe(elsewhere.ns);
  });

  test("is the same in any order of its fields, whoever made it and whatever it waits for", () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat(1000)), fc.option(fc.constant("exists")), (order, ensure) => {
        const dependsOn = ["bridge host x" as ResourceKey];
        const twin = shuffled({ ...resource, ensure: ensure ?? undefined, dependsOn }, order) as Resource;
        expect(keyOf(twin)).toBe(keyOf(resource));
        expect(sameData(twin, resource)).toBe(true);
      }),
    );
  });
});

test("no two kinds have a key in common", () => {
  expect(new Set(kinds.map((kind) => keyOf(sampleOf(kind).resource))).size).toBe(kinds.length);
});

function shuffled(value: unknown, order: Iterator<number>): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const ranked = Object.entries(value).map(([key, part]) => ({
    key,
    part: shuffled(part, order),
    rank: order.next().value,
  }));
  return Object.fromEntries(ranked.toSorted((a, b) => a.rank - b.rank).map(({ key, part }) => [key, part]));
}

test("an entry for unknown addresses is one of several, each to another host", () => {
  const entry: Resource = { kind: "fdb", ns: "host", link: "a", mac: anyMac, destination: ip };
  expect(keyOf({ ...entry, destination: other })).not.toBe(keyOf(entry));
});
