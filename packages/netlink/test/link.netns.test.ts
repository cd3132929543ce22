import { expect, test } from "vitest";
import {
  createLink,
  delLink,
  delLinkGroup,
  deleteLink,
  findLink,
  getLink,
  getLinkIndex,
  hasLinkKind,
  listLinks,
  newLink,
  openNamespace,
  setLink,
  updateLink,
} from "../src/index.ts";
import type { LinkStats, NetlinkMessage } from "../src/index.ts";
import type { TestNamespace } from "./namespaces.ts";
import { makeNamespace } from "./namespaces.ts";

function linkShown(namespace: TestNamespace, name: string): Record<string, unknown> | undefined {
  return namespace.ipJson(`link show ${name}`)[0];
}

function newPair(index: number, group: number): NetlinkMessage {
  return newLink({ kind: "veth", name: `v${index}`, group, peer: { name: `w${index}` } });
}

test("a veth across two namespaces is made in place, with addresses, MTU, master and group", () => {
  using a = makeNamespace();
  using b = makeNamespace();
  using inA = a.open();
  using inB = b.open();
  using target = openNamespace(b.path);
  const bridge = createLink(inA, { kind: "bridge", name: "br0", up: true });
  const made = createLink(inA, {
    kind: "veth",
    name: "a0",
    up: true,
    mac: "02:00:00:00:00:01",
    mtu: 1400,
    txqlen: 77,
    group: 9,
    master: bridge.ifindex,
    alias: "mine",
    peer: { name: "eth0", namespace: target.fd, mac: "02:00:00:00:00:02", mtu: 1300 },
  });
  inB.batchOrThrow([setLink("eth0", { up: true })]);
  expect(linkShown(a, "a0")).toMatchObject({
    ifindex: made.ifindex,
    address: "02:00:00:00:00:01",
    mtu: 1400,
    txqlen: 77,
    group: "9",
    master: "br0",
    ifalias: "mine",
    operstate: "UP",
    linkinfo: { info_kind: "veth", info_slave_kind: "bridge" },
    link_index: made.parent,
  });
  expect(linkShown(b, "eth0")).toMatchObject({
    ifindex: made.parent,
    address: "02:00:00:00:00:02",
    mtu: 1300,
    operstate: "UP",
  });
  expect(getLink(inB, "eth0")).toMatchObject({ parent: made.ifindex, carrier: true, operState: "up", kind: "veth" });
});

test("both ends of a veth get the ifindexes asked for; the peer's alone is not heeded", () => {
  using a = makeNamespace();
  using b = makeNamespace();
  using inA = a.open();
  using inB = b.open();
  using target = openNamespace(b.path);
  createLink(inA, { kind: "veth", name: "a0", ifindex: 50, peer: { name: "b0", ifindex: 60, namespace: target.fd } });
  createLink(inA, { kind: "veth", name: "a1", peer: { name: "b1", ifindex: 70, namespace: target.fd } });
  expect([getLinkIndex(inA, "a0"), getLinkIndex(inB, "b0")]).toEqual([50, 60]);
  expect(getLinkIndex(inB, "b1")).not.toBe(70);
  const taken = {
    kind: "veth",
    name: "a2",
    ifindex: 51,
    peer: { name: "b2", ifindex: 60, namespace: target.fd },
  } as const;
  expect(() => createLink(inA, taken)).toThrow(expect.objectContaining({ code: "EBUSY" }));
  expect(findLink(inA, "a2")).toBeUndefined();
});

test("what ip shows of a bridge and its ports is what was asked for, and is read back", () => {
  using host = makeNamespace();
  using socket = host.open();
  const settings = {
    kind: "bridge",
    stp: false,
    forwardDelayCs: 200,
    ageingTimeCs: 6000,
    multicastSnooping: false,
    groupForwardMask: 8,
    callIptables: true,
    callIp6tables: false,
  } as const;
  const bridge = createLink(socket, { ...settings, name: "br0", mac: "02:00:00:00:00:09", up: true });
  expect(linkShown(host, "br0")).toMatchObject({
    address: "02:00:00:00:00:09",
    linkinfo: {
      info_kind: "bridge",
      info_data: {
        forward_delay: 200,
        ageing_time: 6000,
        stp_state: 0,
        mcast_snooping: 0,
        nf_call_iptables: 1,
        nf_call_ip6tables: 0,
      },
    },
  });
  expect(getLink(socket, "br0").info).toMatchObject(settings);
  createLink(socket, { kind: "veth", name: "p0", master: bridge.ifindex, peer: { name: "p1" } });
  const port = {
    hairpin: true,
    isolated: true,
    learning: false,
    flood: false,
    multicastFlood: false,
    broadcastFlood: false,
    neighbourSuppress: true,
    proxyArp: true,
    bpduGuard: true,
    locked: true,
  };
  updateLink(socket, "p0", { bridgePort: port });
  expect(linkShown(host, "p0")).toMatchObject({
    linkinfo: {
      info_slave_data: {
        hairpin: true,
        isolated: true,
        learning: false,
        flood: false,
        mcast_flood: false,
        bcast_flood: false,
        neigh_suppress: true,
        proxy_arp: true,
        guard: true,
        locked: true,
      },
    },
  });
  expect(getLink(socket, "p0").bridgePort).toEqual(port);
  updateLink(socket, "p0", { bridgePort: { hairpin: false } });
  expect(getLink(socket, "p0").bridgePort).toEqual({ ...port, hairpin: false });
});

test("vxlan and macvlan are made as asked for, and read back", () => {
  using host = makeNamespace();
  using socket = host.open();
  const lower = createLink(socket, { kind: "veth", name: "low0", peer: { name: "low1" } });
  const vxlan = {
    kind: "vxlan",
    vni: 4711,
    local: "10.0.0.1",
    remote: "10.0.0.2",
    underlay: lower.ifindex,
    port: 4789,
    ttl: 16,
    tos: 0,
    learning: false,
    ageingTimeS: 300,
    proxy: true,
    l2Miss: true,
    l3Miss: true,
    udpChecksum: true,
    udp6ZeroChecksumTx: false,
    udp6ZeroChecksumRx: true,
    groupPolicy: true,
  } as const;
  createLink(socket, { ...vxlan, name: "vx0" });
  createLink(socket, { kind: "vxlan", name: "vx6", vni: 2, local: "fd00::1" });
  createLink(socket, { kind: "macvlan", name: "mv0", parent: lower.ifindex, mode: "bridge" });
  expect(linkShown(host, "vx0")).toMatchObject({
    linkinfo: {
      info_kind: "vxlan",
      info_data: {
        id: 4711,
        local: "10.0.0.1",
        remote: "10.0.0.2",
        link: "low0",
        port: 4789,
        ttl: 16,
        learning: false,
        proxy: true,
        l2miss: true,
        gbp: true,
        l3miss: true,
        udp_csum: true,
      },
    },
  });
  expect(linkShown(host, "vx6")).toMatchObject({ linkinfo: { info_data: { id: 2, local6: "fd00::1" } } });
  expect(linkShown(host, "mv0")).toMatchObject({ link: "low0", linkinfo: { info_data: { mode: "bridge" } } });
  expect(getLink(socket, "vx0").info).toEqual(vxlan);
  expect(getLink(socket, "vx6").info).toMatchObject({ vni: 2, local: "fd00::1" });
  expect(getLink(socket, "mv0")).toMatchObject({ parent: lower.ifindex, info: { kind: "macvlan", mode: "bridge" } });
});

test.each(["ipvlan", "macvlan", "vlan"] as const)(
  "whether the kernel has links of kind %s is known without making one",
  (kind) => {
    using host = makeNamespace();
    using socket = host.open();
    const { ifindex: parent } = createLink(socket, { kind: "bridge", name: "br0" });
    const before = listLinks(socket).map(({ name }) => name);
    const known = hasLinkKind(socket, kind);
    expect(listLinks(socket).map(({ name }) => name)).toEqual(before);
    const wanted = kind === "vlan" ? { kind, id: 5 } : { kind };
    const [made] = socket.batch([newLink({ ...wanted, name: "on0", parent })]);
    expect(made?.ok).toBe(known);
  },
);

test("what ip made is listed as ip lists it", () => {
  using host = makeNamespace();
  host.ip("link add br0 type bridge");
  host.ip("link add v0 type veth peer name v1");
  host.ip("link set v0 master br0 up alias some-text group 5");
  host.ip("link property add dev v1 altname a-rather-long-alternative-name");
  using socket = host.open();
  const shown = host.ipJson("link show").map((row) => ({
    ifindex: row["ifindex"],
    name: row["ifname"],
    mac: row["address"],
    mtu: row["mtu"],
    txqlen: row["txqlen"],
    alias: row["ifalias"],
    kind: (row["linkinfo"] as Record<string, unknown> | undefined)?.["info_kind"],
    altNames: row["altnames"] ?? [],
    operState: String(row["operstate"]).toLowerCase().replaceAll("lowerlayerdown", "lower-layer-down"),
    up: (row["flags"] as string[]).includes("UP"),
  }));
  const listed = listLinks(socket).map(({ ifindex, name, mac, mtu, txqlen, alias, kind, altNames, operState, up }) => ({
    ifindex,
    name,
    mac,
    mtu,
    txqlen,
    alias,
    kind,
    altNames,
    operState,
    up,
  }));
  expect(listed).toEqual(shown);
  expect(listed).toHaveLength(4);
  expect(listLinks(socket, { kind: "veth" }).map(({ name }) => name)).toEqual(["v1", "v0"]);
  expect(listLinks(socket, { master: getLinkIndex(socket, "br0") }).map(({ name }) => name)).toEqual(["v0"]);
  expect(getLink(socket, "a-rather-long-alternative-name").name).toBe("v1");
  expect(getLink(socket, "v0").group).toBe(5);
});

test("links change by name and by ifindex, and leave their master and alias", () => {
  using host = makeNamespace();
  using socket = host.open();
  const bridge = createLink(socket, { kind: "bridge", name: "br0" });
  const { ifindex } = createLink(socket, { kind: "veth", name: "v0", peer: { name: "v1" } });
  updateLink(socket, "v0", { master: bridge.ifindex, alias: "text", mac: "02:00:00:00:00:07", mtu: 1280, up: true });
  expect(linkShown(host, "v0")).toMatchObject({ master: "br0", ifalias: "text", address: "02:00:00:00:00:07" });
  updateLink(socket, ifindex, { master: 0, alias: "", up: false, name: "w0" });
  const shown = linkShown(host, "w0");
  expect(shown).toMatchObject({ ifindex, mtu: 1280 });
  expect(shown).not.toHaveProperty("master");
  expect(shown).not.toHaveProperty("ifalias");
  expect(shown?.["flags"]).not.toContain("UP");
  expect(() => setLink("w0", { name: "x0" })).toThrow(TypeError);
});

test("links are deleted by name, by ifindex, by group, and without holding up the event loop", async () => {
  using host = makeNamespace();
  using socket = host.open();
  const names = (): string[] => listLinks(socket, { kind: "veth" }).map(({ name }) => name);
  socket.batchOrThrow([newPair(0, 1), newPair(1, 1), newPair(2, 2), newPair(3, 2), newPair(4, 2)]);
  socket.batchOrThrow([delLink("v0"), delLink(getLinkIndex(socket, "w1"))]);
  expect(names().toSorted()).toEqual(["v2", "v3", "v4", "w2", "w3", "w4"]);
  let ticks = 0;
  const ticking = setInterval(() => (ticks += 1), 1);
  await deleteLink(socket, "v2");
  clearInterval(ticking);
  expect(ticks).toBeGreaterThan(0);
  socket.batchOrThrow([delLinkGroup(2)]);
  expect(names()).toEqual([]);
  await expect(deleteLink(socket, "v2")).rejects.toMatchObject({ code: "ENODEV", op: 'delete link "v2"' });
  expect(() => delLinkGroup(0)).toThrow(RangeError);
});

test("a link without address generation comes up without a link-local address", () => {
  using host = makeNamespace();
  using socket = host.open();
  createLink(socket, { kind: "veth", name: "v0", up: true, peer: { name: "v1" } });
  expect(getLink(socket, "v1").addressGeneration).toBe("eui64");
  socket.batchOrThrow([setLink("v1", { addressGeneration: "none" }), setLink("v1", { up: true })]);
  expect(linkShown(host, "v1")).toMatchObject({ inet6_addr_gen_mode: "none", operstate: "UP" });
  expect(getLink(socket, "v1").addressGeneration).toBe("none");
  expect(host.ip("-6 address show dev v1")).toBe("");
  expect(host.ip("-6 address show dev v0")).toContain("fe80::");
});

test("counters count what a ping sent", () => {
  using host = makeNamespace();
  using socket = host.open();
  updateLink(socket, "lo", { up: true });
  const counters = (): LinkStats => {
    const [lo] = listLinks(socket);
    expect(getLink(socket, "lo").stats).toEqual(lo?.stats);
    if (lo?.stats === undefined) throw new Error("no counters");
    return lo.stats;
  };
  const before = counters();
  host.ip(`netns exec ${host.name} ping -c 3 -i 0.01 -q 127.0.0.1`);
  const after = counters();
  // Three requests and three replies of 84 bytes.
  expect(after.txPackets - before.txPackets).toBe(6n);
  expect(after.rxBytes - before.rxBytes).toBe(6n * 84n);
  const { stats: _, ...rest } = getLink(socket, "lo");
  expect(listLinks(socket, { stats: false })).toEqual([rest]);
});
