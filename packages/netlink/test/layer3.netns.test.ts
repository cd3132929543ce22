import { expect, test } from "vitest";
import {
  appendFdbEntry,
  appendRoute,
  createLink,
  delAddress,
  delFdbEntry,
  delNeighbour,
  delRoute,
  delRule,
  listAddresses,
  listFdb,
  listNeighbours,
  listRoutes,
  listRules,
  newAddress,
  newFdbEntry,
  newNeighbour,
  newRoute,
  newRule,
  replaceAddress,
  replaceFdbEntry,
  replaceNeighbour,
  replaceRoute,
  setLink,
} from "../src/index.ts";
import type { NetlinkSocket, Route } from "../src/index.ts";
import { makeNamespace } from "./namespaces.ts";

/** A veth pair v0-v1 that is up; the ifindex of v0. */
function addPair(socket: NetlinkSocket): number {
  const { ifindex } = createLink(socket, { kind: "veth", name: "v0", up: true, peer: { name: "v1" } });
  socket.batchOrThrow([setLink("v1", { up: true })]);
  return ifindex;
}

test("addresses of both versions are as ip shows them, and usable at once", () => {
  using host = makeNamespace();
  using socket = host.open();
  const ifindex = addPair(socket);
  const addresses = [
    { ifindex, address: "10.1.0.2/24", broadcast: "10.1.0.255", label: "v0:x", noPrefixRoute: true },
    { ifindex, address: "10.2.0.2/32", peer: "10.2.0.3", label: "v0", scope: 253 },
    { ifindex, address: "fd00::2/64", noDad: true, noPrefixRoute: true },
    { ifindex, address: "fd01::2/128", validLifetimeS: 1000, preferredLifetimeS: 500, noDad: true },
  ];
  socket.batchOrThrow(addresses.map(newAddress));
  const shown = host.ipJson("address show dev v0")[0]?.["addr_info"];
  expect(shown).toContainEqual(
    expect.objectContaining({
      local: "10.1.0.2",
      prefixlen: 24,
      broadcast: "10.1.0.255",
      label: "v0:x",
      noprefixroute: true,
    }),
  );
  expect(shown).toContainEqual(expect.objectContaining({ local: "10.2.0.2", address: "10.2.0.3", scope: "link" }));
  expect(shown).toContainEqual(
    expect.objectContaining({ local: "fd00::2", prefixlen: 64, nodad: true, noprefixroute: true }),
  );
  expect(shown).toContainEqual(expect.objectContaining({ local: "fd01::2", valid_life_time: 1000 }));
  const listed = listAddresses(socket, { ifindex });
  for (const address of addresses) expect(listed).toContainEqual(expect.objectContaining(address));
  expect(listed.find(({ address }) => address === "fd00::2/64")?.tentative).toBe(false);
  // Without a prefix route no route leads to the prefix.
  expect(host.ip("route show 10.1.0.0/24")).toBe("");
  expect(listAddresses(socket, { ifindex, version: 4 })).toHaveLength(2);
  socket.batchOrThrow([replaceAddress({ ifindex, address: "fd01::2/128", validLifetimeS: 2000 })]);
  expect(listAddresses(socket, { ifindex }).find(({ address }) => address === "fd01::2/128")).toMatchObject({
    validLifetimeS: 2000,
  });
  socket.batchOrThrow(addresses.map(delAddress));
  expect(host.ip("-4 address show dev v0")).toBe("");
  expect(() => socket.request(delAddress({ ifindex, address: "10.1.0.2/24" }))).toThrow(
    expect.objectContaining({ code: "EADDRNOTAVAIL" }),
  );
});

test("routes of all types are as ip shows them, and are read back", () => {
  using host = makeNamespace();
  using socket = host.open();
  const ifindex = addPair(socket);
  socket.batchOrThrow([
    newAddress({ ifindex, address: "10.1.0.2/24" }),
    newAddress({ ifindex, address: "fd00::2/64", noDad: true }),
  ]);
  const routes: Route[] = [
    { destination: "0.0.0.0/0", gateway: "10.1.0.1", ifindex, protocol: 210, metric: 5, preferredSource: "10.1.0.2" },
    { destination: "10.5.0.0/16", ifindex, scope: 253, mtu: 1400 },
    { destination: "10.6.0.0/16", gateway: "172.16.0.1", ifindex, onlink: true, table: 1000 },
    { destination: "10.7.0.0/16", gateway: "fe80::1", ifindex },
    { destination: "10.8.0.0/16", type: "blackhole" },
    { destination: "10.9.0.0/16", type: "unreachable", metric: 7 },
    { destination: "10.10.0.0/16", type: "prohibit" },
    {
      destination: "10.11.0.0/16",
      nexthops: [
        { gateway: "10.1.0.3", ifindex, weight: 2 },
        { gateway: "10.1.0.4", ifindex, weight: 1 },
      ],
    },
    { destination: "::/0", gateway: "fd00::1", ifindex, protocol: 210, metric: 1024 },
    { destination: "fd05::/64", ifindex, metric: 12, mtu: 1300 },
    { destination: "fd06::/64", type: "blackhole", metric: 1024 },
  ];
  socket.batchOrThrow(routes.map(newRoute));
  const listed = [...listRoutes(socket), ...listRoutes(socket, { table: 1000 })];
  for (const route of routes) expect(listed).toContainEqual(expect.objectContaining(route));
  const shown = [...host.ipJson("route show table all"), ...host.ipJson("-6 route show table all")];
  for (const route of [
    { dst: "default", gateway: "10.1.0.1", dev: "v0", protocol: "210", metric: 5, prefsrc: "10.1.0.2" },
    { dst: "10.5.0.0/16", dev: "v0", scope: "link", metrics: [{ mtu: 1400 }] },
    { dst: "10.6.0.0/16", gateway: "172.16.0.1", table: "1000", flags: ["onlink"] },
    { dst: "10.7.0.0/16", via: { family: "inet6", host: "fe80::1" } },
    { type: "blackhole", dst: "10.8.0.0/16" },
    { type: "unreachable", dst: "10.9.0.0/16", metric: 7 },
    { type: "prohibit", dst: "10.10.0.0/16" },
    { dst: "default", gateway: "fd00::1", dev: "v0", protocol: "210" },
    { dst: "fd05::/64", dev: "v0", metric: 12, metrics: [{ mtu: 1300 }] },
    { type: "blackhole", dst: "fd06::/64" },
  ]) {
    expect(shown).toContainEqual(expect.objectContaining(route));
  }
  expect(shown.find(({ dst }) => dst === "10.11.0.0/16")?.["nexthops"]).toMatchObject([
    { gateway: "10.1.0.3", weight: 2 },
    { gateway: "10.1.0.4", weight: 1 },
  ]);
  expect(listRoutes(socket, { protocol: 210 })).toHaveLength(2);
  expect(listRoutes(socket, { table: 4242 })).toEqual([]);
  socket.batchOrThrow([replaceRoute({ destination: "0.0.0.0/0", gateway: "10.1.0.9", ifindex, metric: 5 })]);
  expect(host.ipJson("route show default")).toMatchObject([{ gateway: "10.1.0.9" }]);
  socket.batchOrThrow([appendRoute({ destination: "0.0.0.0/0", gateway: "10.1.0.8", ifindex, metric: 5 })]);
  expect(host.ipJson("route show default")).toHaveLength(2);
  socket.batchOrThrow([delRoute({ destination: "0.0.0.0/0", gateway: "10.1.0.9" }), ...routes.slice(1).map(delRoute)]);
  expect(host.ipJson("route show default")).toMatchObject([{ gateway: "10.1.0.8" }]);
  expect(host.ip("-6 route show table main").includes("fd05")).toBe(false);
});

test("a route through a gateway that isn't reachable fails in the kernel's own words", () => {
  using host = makeNamespace();
  using socket = host.open();
  const ifindex = addPair(socket);
  expect(() => socket.request(newRoute({ destination: "10.0.0.0/8", gateway: "192.0.2.1", ifindex }))).toThrow(
    expect.objectContaining({
      code: "ENETUNREACH",
      extack: "Nexthop has invalid gateway",
      message: `add route 10.0.0.0/8 via 192.0.2.1 of ifindex ${ifindex} in namespace ${host.path}: Nexthop has invalid gateway (ENETUNREACH)`,
    }),
  );
});

test("policy rules are as ip shows them, and what ip added is read", () => {
  using host = makeNamespace();
  using socket = host.open();
  const rules = [
    { version: 4, priority: 100, from: "10.1.0.0/24", table: 1000, protocol: 210 },
    { version: 4, priority: 101, to: "10.2.0.0/16", iifName: "v0", mark: 5, markMask: 255, action: "blackhole" },
    { version: 6, priority: 102, from: "fd00::/64", table: 254, suppressPrefixLength: 0, invert: true },
  ] as const;
  socket.batchOrThrow(rules.map(newRule));
  const shown = [...host.ipJson("rule show"), ...host.ipJson("-6 rule show")];
  for (const rule of [
    { priority: 100, src: "10.1.0.0", srclen: 24, table: "1000", protocol: "210" },
    { priority: 101, dst: "10.2.0.0", dstlen: 16, iif: "v0", fwmark: "0x5", fwmask: "0xff", action: "blackhole" },
    { priority: 102, src: "fd00::", srclen: 64, table: "main", suppress_prefixlen: 0 },
  ]) {
    expect(shown).toContainEqual(expect.objectContaining(rule));
  }
  host.ip("rule add priority 200 oif v7 ipproto udp lookup 77");
  const listed = listRules(socket);
  for (const rule of rules) expect(listed).toContainEqual(expect.objectContaining(rule));
  expect(listRules(socket, 4)).toContainEqual(
    expect.objectContaining({ priority: 200, oifName: "v7", ipProtocol: 17, table: 77 }),
  );
  socket.batchOrThrow(rules.map(delRule));
  expect(listRules(socket).filter(({ priority }) => priority >= 100 && priority <= 102)).toEqual([]);
  expect(() => socket.request(delRule(rules[0]))).toThrow(expect.objectContaining({ code: "ENOENT" }));
});

test("neighbours of both versions, proxy entries included", () => {
  using host = makeNamespace();
  using socket = host.open();
  const ifindex = addPair(socket);
  const known = [
    { ifindex, address: "10.1.0.9", mac: "02:00:00:00:00:09", state: "permanent", protocol: 210 },
    { ifindex, address: "fd00::9", mac: "02:00:00:00:00:19", state: "permanent", router: true },
  ] as const;
  const proxies = [
    { ifindex, address: "10.1.0.77", proxy: true },
    { ifindex, address: "fd00::77", proxy: true },
  ];
  socket.batchOrThrow([...known, ...proxies].map(newNeighbour));
  const shown = host.ipJson("neighbour show dev v0");
  expect(shown).toContainEqual(
    expect.objectContaining({ dst: "10.1.0.9", lladdr: "02:00:00:00:00:09", state: ["PERMANENT"] }),
  );
  expect(shown).toContainEqual(expect.objectContaining({ dst: "fd00::9", lladdr: "02:00:00:00:00:19" }));
  expect(host.ip("neighbour show proxy")).toContain("10.1.0.77 dev v0");
  expect(host.ip("neighbour show proxy")).toContain("fd00::77 dev v0");
  for (const entry of known) expect(listNeighbours(socket, { ifindex })).toContainEqual(entry);
  for (const entry of proxies) {
    expect(listNeighbours(socket, { ifindex, proxy: true })).toContainEqual(expect.objectContaining(entry));
  }
  expect(listNeighbours(socket, { ifindex: ifindex + 1000 })).toEqual([]);
  socket.batchOrThrow([replaceNeighbour({ ...known[0], mac: "02:00:00:00:00:0a" })]);
  expect(host.ipJson("neighbour show 10.1.0.9 dev v0")).toMatchObject([{ lladdr: "02:00:00:00:00:0a" }]);
  socket.batchOrThrow([...known, ...proxies].map(delNeighbour));
  expect(listNeighbours(socket, { ifindex, version: 4 })).toEqual([]);
  expect(host.ip("neighbour show proxy")).toBe("");
});

test("forwarding entries of a bridge and of a vxlan behind it", () => {
  using host = makeNamespace();
  using socket = host.open();
  const bridge = createLink(socket, { kind: "bridge", name: "br0", up: true }).ifindex;
  const ifindex = createLink(socket, {
    kind: "vxlan",
    name: "vx0",
    vni: 9,
    port: 4789,
    learning: false,
    master: bridge,
    up: true,
  }).ifindex;
  const mac = "02:00:00:00:00:05";
  const inBridge = { ifindex, mac, table: "master", state: "static" } as const;
  const inVxlan = { ifindex, mac, table: "self", destination: "192.0.2.5", state: "permanent" } as const;
  const flood = { ...inVxlan, mac: "00:00:00:00:00:00", destination: "192.0.2.6" };
  socket.batchOrThrow([
    newFdbEntry(inBridge),
    newFdbEntry(inVxlan),
    appendFdbEntry(flood),
    appendFdbEntry({ ...flood, destination: "192.0.2.7", port: 4790, vni: 10 }),
  ]);
  const shown = host.bridgeJson("fdb show dev vx0").filter((row) => row["mac"] === mac || row["dst"]);
  expect(shown).toContainEqual(expect.objectContaining({ mac, master: "br0", state: "static" }));
  expect(shown).toContainEqual(expect.objectContaining({ mac, dst: "192.0.2.5", flags: ["self"], state: "permanent" }));
  expect(shown).toContainEqual(expect.objectContaining({ dst: "192.0.2.7", port: 4790, vni: 10 }));
  expect(shown).toHaveLength(4);
  const listed = listFdb(socket, { ifindex });
  for (const entry of [{ ...inBridge, bridge }, inVxlan, flood]) {
    expect(listed).toContainEqual(expect.objectContaining(entry));
  }
  expect(listFdb(socket, { bridge }).filter((entry) => entry.mac === mac && entry.table === "master")).toHaveLength(1);
  socket.batchOrThrow([replaceFdbEntry({ ...inVxlan, destination: "192.0.2.50" })]);
  expect(host.bridgeJson("fdb show dev vx0")).toContainEqual(expect.objectContaining({ mac, dst: "192.0.2.50" }));
  socket.batchOrThrow([delFdbEntry(inBridge), delFdbEntry({ ...inVxlan, destination: "192.0.2.50" })]);
  expect(listFdb(socket, { ifindex }).filter((entry) => entry.mac === mac)).toEqual([]);
});
