import { existsSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { keyOf, parseCidr, parseIp, parseMac, type NamespaceId, type Reading, type Resource } from "@netkit/core";
import { setSyscalls, syscalls } from "@netkit/netlink";
import { expect, test } from "vitest";
import { kernelHandler } from "../src/index.ts";
import { markOf } from "../src/mark.ts";
import { bridgeJson, ipJson, mark, sh, TestHost } from "./host.ts";

const bridge: Resource = { kind: "bridge", ns: "host", name: "br0", mac: parseMac("02:00:5e:00:00:01") };
const gateway: Resource = { kind: "address", ns: "host", link: "br0", address: parseCidr("10.9.0.1/24") };

function endpoint(ns: NamespaceId, number: number): Resource[] {
  return [
    { kind: "veth", ns: "host", name: `nkv${number}`, master: "br0", peer: { ns, name: "eth0" } },
    { kind: "sysctl", ns, path: "net/ipv6/conf/eth0/accept_ra", value: "0" },
    { kind: "address", ns, link: "eth0", address: parseCidr(`10.9.0.${number + 1}/24`) },
    { kind: "route", ns, destination: parseCidr("0.0.0.0/0"), via: parseIp("10.9.0.1"), link: "eth0" },
  ];
}

const names = (where = ""): unknown[] => ipJson(`${where}link show`).map((row) => row["ifname"]);

test("an attached sandbox reaches its gateway, with one request per namespace, one for the mark, and one for the carrier", async () => {
  using host = new TestHost();
  const [a, b] = [host.sandbox(), host.sandbox()];
  await host.handler.apply(host.creates(bridge, gateway));
  await host.handler.apply(host.creates(...endpoint(a.id, 1)));
  host.requests.length = 0;
  const resources = endpoint(b.id, 2).filter(({ kind }) => kind !== "sysctl");
  await host.handler.apply(host.creates(...resources));
  expect(host.requests).toEqual([
    'create veth "nkv2"',
    expect.stringMatching(/^set link with ifindex \d+$/),
    expect.stringMatching(/^set link with ifindex \d+ and 2 more$/),
    expect.stringMatching(/^read link with ifindex \d+ and 1 more$/),
  ]);
  sh(`ip netns exec ${b.name} ping -c 1 -W 2 10.9.0.1`);
  sh(`ip netns exec ${b.name} ping -c 1 -W 2 10.9.0.2`);
});

test("a failing change leaves nothing of the whole run", async () => {
  using host = new TestHost();
  const { id, name } = host.sandbox();
  await host.handler.apply(host.creates(bridge, gateway));
  const before = [names(), names(`-n ${name} `), sh("ip -4 -o address show dev br0")];
  const bad: Resource = {
    kind: "route",
    ns: id,
    destination: parseCidr("10.0.0.0/8"),
    via: parseIp("192.0.2.1"),
    link: "eth0",
  };
  const extra: Resource = { kind: "address", ns: "host", link: "br0", address: parseCidr("10.9.1.1/24") };
  // The rest of the batch is carried out by the kernel all the same.
  const changes = host.creates(extra, ...endpoint(id, 1), bad, {
    ...bad,
    destination: parseCidr("10.8.0.0/16"),
    via: parseIp("10.9.0.1"),
  });
  await expect(host.handler.apply(changes)).rejects.toMatchObject({
    code: "KERNEL",
    message: expect.stringMatching(
      /^route 10\.0\.0\.0\/8 .*endpoint 'web': .*Nexthop has invalid gateway.*\(ENETUNREACH\)$/,
    ),
    hint: expect.stringContaining("gateway"),
    cause: expect.objectContaining({ code: "ENETUNREACH" }),
  });
  expect([names(), names(`-n ${name} `), sh("ip -4 -o address show dev br0")]).toEqual(before);
});

test("a link of another owner is neither taken, changed nor removed", async () => {
  using host = new TestHost();
  sh("ip link add br0 type bridge");
  const before = ipJson("link show br0");
  await expect(host.handler.apply(host.creates(bridge))).rejects.toMatchObject({
    code: "LINK_TAKEN",
    message: expect.stringContaining("bridge br0 of endpoint 'web'"),
  });
  await expect(host.handler.apply(host.replaces(bridge, { ...bridge, mtu: 1400 }))).rejects.toMatchObject({
    code: "LINK_TAKEN",
  });
  await host.handler.apply(host.removes(bridge));
  expect(ipJson("link show br0")).toEqual(before);
});

test("a taken name in the sandbox is said to be the peer's", async () => {
  using host = new TestHost();
  const { id, name } = host.sandbox();
  sh(`ip -n ${name} link add eth0 type bridge`);
  await host.handler.apply(host.creates(bridge));
  await expect(host.handler.apply(host.creates(...endpoint(id, 1)))).rejects.toMatchObject({
    code: "LINK_TAKEN",
    message: expect.stringContaining("(or its peer 'eth0') exists already"),
  });
  expect(names()).toEqual(["lo", "br0"]);
});

test("a VNI that another link has is said to be that link's", async () => {
  using host = new TestHost();
  sh("ip link add theirs type vxlan id 4096 dstport 4789 local 127.0.0.1");
  const vxlan: Resource = { kind: "vxlan", ns: "host", name: "nkx1", vni: 4096, port: 4789, learning: false };
  await expect(host.handler.apply(host.creates(bridge, vxlan))).rejects.toMatchObject({
    code: "LINK_TAKEN",
    message:
      "vxlan nkx1 of endpoint 'web' can't be made: 'theirs', a vxlan without netkit's mark, has the VNI 4096 on port 4789",
    hint: expect.stringContaining("ip link delete dev theirs"),
  });
  expect(names()).toEqual(["lo", "theirs"]);
  await host.handler.apply(host.creates({ ...vxlan, port: 4790 }));
});

test("what must exist is checked, and never removed", async () => {
  using host = new TestHost();
  const parent: Resource = { kind: "link", ns: "host", name: "up0", ensure: "exists" };
  const adopted: Resource = { kind: "bridge", ns: "host", name: "up0", ensure: "exists" };
  await expect(host.handler.apply(host.creates(parent))).rejects.toMatchObject({
    code: "LINK_NOT_FOUND",
    message: expect.stringContaining("no link 'up0'"),
  });
  expect(await host.handler.read([parent, adopted])).toEqual([{ state: "missing" }, { state: "missing" }]);
  sh("ip link add up0 type bridge stp_state 1");
  await host.handler.apply(host.creates(parent, adopted));
  expect(await host.handler.read([parent, adopted])).toEqual([{ state: "same" }, { state: "same" }]);
  expect(host.handler.toShell(host.creates(parent, adopted))).toEqual([]);
  await host.handler.apply(host.removes(parent, adopted));
  expect(names()).toContain("up0");
  sh("ip link delete up0; ip link add up0 type veth peer name up1");
  expect(await host.handler.read([adopted])).toMatchObject([{ state: "different", differences: [{ field: "kind" }] }]);
  await expect(host.handler.apply(host.creates(adopted))).rejects.toMatchObject({ code: "LINK_TAKEN" });
});

test("a bridge that was made anew by hand doesn't stop the next attach", async () => {
  using host = new TestHost();
  const { id } = host.sandbox();
  await host.handler.apply(host.creates(bridge));
  sh("ip link delete br0; ip link add br0 type bridge");
  await host.handler.apply(host.creates(...endpoint(id, 1)));
  expect(ipJson("link show nkv1")).toMatchObject([{ master: "br0" }]);
});

test("a link that another process has made anew is brought in line", async () => {
  using host = new TestHost();
  const { id } = host.sandbox();
  const all = [bridge, ...endpoint(id, 1)];
  await host.handler.apply(host.creates(...all));
  const elsewhere = kernelHandler(host.context);
  await elsewhere.apply(host.removes(...all.toReversed()));
  await elsewhere.apply(host.creates(...all));
  elsewhere.close();
  sh("ip link set nkv1 down; ip link set br0 down");
  const down = all.filter(({ kind }) => kind === "bridge" || kind === "veth");
  await host.handler.apply(down.flatMap((resource) => host.replaces(resource, resource)));
  expect(await host.handler.read(all)).toEqual(all.map(() => ({ state: "same" })));
});

test("links that are removed together cost one request, and take what is on them along", async () => {
  using host = new TestHost();
  const sandboxes = Array.from({ length: 8 }, () => host.sandbox());
  await host.handler.apply(host.creates(bridge, gateway));
  const all = sandboxes.flatMap(({ id }, index) => endpoint(id, index + 1));
  await host.handler.apply(host.creates(...all));
  host.requests.length = 0;
  const undo = await host.handler.apply(host.removes(...all.toReversed()));
  expect(host.requests.filter((what) => !what.startsWith("read link"))).toEqual(["delete 8 links"]);
  expect(names()).toEqual(["lo", "br0"]);
  for (const { name } of sandboxes) expect(names(`-n ${name} `)).toEqual(["lo"]);
  await undo();
  expect(await host.handler.read(all)).toEqual(all.map(() => ({ state: "same" })));
  sh(`ip netns exec ${sandboxes[7]?.name} ping -c 1 -W 2 10.9.0.1`);
});

test("of several IPv6 routes to one destination the one that goes is removed", async () => {
  using host = new TestHost();
  const destination = parseCidr("fd00:9::/64");
  const first: Resource = { kind: "route", ns: "host", destination, type: "blackhole", metric: 5 };
  const last: Resource = { kind: "route", ns: "host", destination, type: "prohibit" };
  const metrics = (): unknown[] => ipJson(`-6 route show ${destination}`).map(({ metric }) => metric);
  await host.handler.apply(host.creates(first, last));
  expect(metrics()).toEqual([5, 1024]);
  await host.handler.apply(host.removes(last));
  expect(metrics()).toEqual([5]);
});

/** The kernel's state of a neighbour that isn't as wanted. */
function stateOf(reading: Reading): unknown {
  return reading.state === "different" ? reading.differences.find(({ field }) => field === "state")?.found : undefined;
}

test("neighbours that the kernel is asking for give way to those that are made, each of them", async () => {
  using host = new TestHost();
  const addresses = ["10.9.0.7", "10.9.0.8", "fd00:9::7"];
  const made = addresses.map((address, index): Resource => ({
    kind: "neighbour",
    ns: "host",
    link: "br0",
    address: parseIp(address),
    mac: parseMac(`02:00:5e:10:00:0${index}`),
  }));
  const port: Resource = { kind: "veth", ns: "host", name: "p0", master: "br0", peer: { ns: "host", name: "p1" } };
  const gateway6: Resource = { kind: "address", ns: "host", link: "br0", address: parseCidr("fd00:9::1/64") };
  await host.handler.apply(host.creates(bridge, port, gateway, gateway6));
  sh(addresses.map((address) => `(ping -q -c 1 -W 1 ${address} || true) &`).join("\n") + "\nwait");
  expect((await host.handler.read(made)).map(stateOf)).toEqual(made.map(() => "incomplete"));
  const undo = await host.handler.apply(host.creates(...made));
  expect(await host.handler.read(made)).toEqual(made.map(() => ({ state: "same" })));
  await undo();
  expect(await host.handler.read(made)).toEqual(made.map(() => ({ state: "missing" })));
});

test("a hundred peers are made with a few requests, and found there with a few", async () => {
  using host = new TestHost();
  const vxlan: Resource = {
    kind: "vxlan",
    ns: "host",
    name: "nkx1",
    vni: 9,
    port: 4789,
    master: "br0",
    learning: false,
  };
  await host.handler.apply(host.creates(bridge, vxlan));
  const peers = Array.from({ length: 100 }, (_, index): Resource[] => {
    const mac = parseMac(`02:00:5e:10:00:${(index + 16).toString(16)}`);
    return [
      { kind: "neighbour", ns: "host", link: "br0", address: parseIp(`10.9.1.${index}`), mac },
      { kind: "fdb", ns: "host", link: "nkx1", mac, destination: parseIp("192.0.2.9") },
      { kind: "fdb", ns: "host", link: "nkx1", mac, master: true },
    ];
  }).flat();
  const real = syscalls();
  using _ = { [Symbol.dispose]: () => setSyscalls(real) };
  let sent = 0;
  setSyscalls({
    ...real,
    send: (...args) => {
      sent += 1;
      return real.send(...args);
    },
  });
  for (const undo of [true, false]) {
    sent = 0;
    const takeBack = await host.handler.apply(host.creates(...peers));
    expect(sent).toBeLessThan(20);
    expect(await host.handler.read(peers)).toEqual(peers.map(() => ({ state: "same" })));
    if (undo) await takeBack();
  }
  sent = 0;
  await host.handler.apply(host.creates(...peers));
  expect(sent).toBeLessThan(20);
  await host.handler.apply(host.removes(...peers));
  expect(await host.handler.read(peers)).toEqual(peers.map(() => ({ state: "missing" })));
});

test("removing returns once the links are gone, and doesn't wait for the kernel's answer, which comes a grace period later", async () => {
  using host = new TestHost();
  const [a, b] = [host.sandbox(), host.sandbox()];
  const resources = [bridge, gateway, ...endpoint(a.id, 1), ...endpoint(b.id, 2)];
  await host.handler.apply(host.creates(...resources));
  const answered = Promise.withResolvers<void>();
  const real = syscalls();
  setSyscalls({
    ...real,
    writeLate: async (...args) => {
      const sent = await real.writeLate(...args);
      await answered.promise;
      return sent;
    },
  });
  using _ = { [Symbol.dispose]: () => (setSyscalls(real), answered.resolve()) };
  const takeBack = await host.handler.apply(host.removes(...resources.toReversed()));
  expect(names()).toEqual(["lo"]);
  for (const { name } of [a, b]) {
    expect(names(`-n ${name} `)).toEqual(["lo"]);
    expect(ipJson(`-n ${name} route show table all`).filter(({ dev }) => dev !== "lo")).toEqual([]);
  }
  // Names and ifindexes are free.
  await takeBack();
  expect(await host.handler.read(resources)).toEqual(resources.map(() => ({ state: "same" })));
});

test("a link that the kernel refuses to delete is an error, whatever has become of the others", async () => {
  using host = new TestHost();
  const { id: ns } = host.sandbox();
  await host.handler.apply(host.creates(bridge, ...endpoint(ns, 1)));
  const real = syscalls();
  using _ = { [Symbol.dispose]: () => setSyscalls(real) };
  setSyscalls({ ...real, writeLate: () => Promise.resolve(-constants.errno.EPERM) });
  await expect(host.handler.apply(host.removes(bridge, ...endpoint(ns, 1)))).rejects.toThrow("EPERM");
  expect(names()).toEqual(["lo", "br0", "nkv1"]);
});

test("a namespace is made with its loopback up, removed with all in it, and made again by undo", async () => {
  using host = new TestHost();
  const name = `nkt${process.pid.toString(16)}-made`;
  const ns = host.register(name);
  const netns: Resource = { kind: "netns", ns, name };
  const all = [netns, bridge, gateway, ...endpoint(ns, 1)];
  await host.handler.apply(host.creates(...all));
  expect(ipJson(`-n ${name} link show lo`)).toMatchObject([{ flags: expect.arrayContaining(["UP"]) }]);
  expect(await host.handler.read(all)).toEqual(all.map(() => ({ state: "same" })));
  await expect(host.handler.apply(host.creates(netns))).rejects.toMatchObject({ code: "RESOURCE_CONFLICT" });
  host.requests.length = 0;
  const undo = await host.handler.apply(host.removes(...all.toReversed()));
  expect(host.requests.filter((what) => !what.startsWith("read link"))).toEqual([
    "delete 2 links",
    `remove namespace /run/netns/${name}`,
  ]);
  expect(existsSync(`/run/netns/${name}`)).toBe(false);
  expect(names()).toEqual(["lo"]);
  expect(await host.handler.read(all)).toEqual(all.map(() => ({ state: "missing" })));
  await host.handler.apply(host.removes(...all.toReversed()));
  await undo();
  expect(await host.handler.read(all)).toEqual(all.map(() => ({ state: "same" })));
  sh(host.handler.toShell(host.removes(...all.toReversed())).join("\n"));
  expect(names()).toEqual(["lo"]);
  // A process that died while it made the namespace left an empty file.
  writeFileSync(`/run/netns/${name}`, "");
  expect(await host.handler.read([netns])).toEqual([{ state: "missing" }]);
  await host.handler.apply(host.creates(netns));
  expect(await host.handler.read([netns])).toEqual([{ state: "same" }]);
});

test("what lives in a namespace that is gone is missing, and removing it is no error", async () => {
  using host = new TestHost();
  const { id } = host.sandbox();
  await host.handler.apply(host.creates(bridge));
  host.forget(id);
  const all = endpoint(id, 1);
  expect(await host.handler.read(all)).toEqual(all.map(() => ({ state: "missing" })));
  await host.handler.apply(host.removes(...all.toReversed()));
  await expect(host.handler.apply(host.creates(...all))).rejects.toMatchObject({ code: "NAMESPACE_NOT_FOUND" });
  expect(names()).toEqual(["lo", "br0"]);
});

test("a handed-over veth is compared at the host's end alone", async () => {
  using host = new TestHost();
  const { id, name } = host.sandbox();
  const veth: Resource = {
    kind: "veth",
    ns: "host",
    name: "nkv1",
    peer: { ns: id, name: "tmp0", mtu: 1400 },
    handedOver: true,
  };
  await host.handler.apply(host.creates(veth));
  sh(`ip -n ${name} link set tmp0 down name eth5 mtu 1300`);
  expect(await host.handler.read([veth])).toEqual([{ state: "same" }]);
  expect(await host.handler.read([{ ...veth, handedOver: false }])).toMatchObject([{ state: "different" }]);
});

test("namespaces outside of /run/netns are written with nsenter", async () => {
  using host = new TestHost();
  const { name } = host.sandbox();
  const adopted = host.register(name, `/var/run/../run/netns/${name}`);
  const all = [bridge, ...endpoint(adopted, 1)];
  sh(host.handler.toShell(host.creates(...all)).join("\n"));
  expect(await host.handler.read(all)).toEqual(all.map(() => ({ state: "same" })));
});

test("strays are the marked objects that nobody knows", async () => {
  using host = new TestHost();
  const { id } = host.sandbox();
  const [stray, kept, stranger] = [`${mark}.stray`, `${mark}.kept`, `${mark}0.stranger`];
  for (const name of [stray, stranger]) {
    host.register(name);
    sh(`ip netns add ${name}`);
  }
  const netns: Resource = { kind: "netns", ns: host.register(kept), name: kept };
  await host.handler.apply(host.creates(netns));
  await host.handler.apply(host.creates(bridge, ...endpoint(id, 1)));
  // A process that died between making a link and giving it its alias leaves the group that marks it.
  sh(`ip link add nkv2 group ${markOf(mark).group} type bridge`);
  sh(`ip link add foreign type bridge; ip link set foreign alias ${mark}0/x`);
  const known = new Set([bridge, netns].map(keyOf));
  const strays = await host.handler.strays(known);
  expect(strays.map((one) => ("name" in one ? one.name : undefined))).toEqual(["nkv1", "nkv2", stray]);
  await host.handler.apply(host.removes(...strays));
  expect(names()).toEqual(["lo", "br0", "foreign"]);
  expect([stray, kept, stranger].map((name) => existsSync(`/run/netns/${name}`))).toEqual([false, true, true]);
  expect(await host.handler.strays(known)).toEqual([]);
  expect(await host.handler.strays(new Set([keyOf(bridge)]))).toMatchObject([{ kind: "netns", name: kept }]);
  // With a known namespace that can't be found, any might be it: none is called a stray.
  sh(`ip netns add ${stray}`);
  host.forget(netns.ns);
  expect(await host.handler.strays(known)).toEqual([]);
});

function tunnelFrom(local: string): Resource {
  return { kind: "vxlan", ns: "host", name: "nkx1", vni: 4096, port: 4789, local: parseIp(local), learning: false };
}

test("a VXLAN device whose tunnels end at another address keeps its tables, and so it does by the commands", async () => {
  using host = new TestHost();
  const mac = parseMac("02:6e:0a:00:01:03");
  const entry: Resource = { kind: "fdb", ns: "host", link: "nkx1", mac, destination: parseIp("127.0.0.9") };
  const [one, two, three] = [tunnelFrom("127.0.0.1"), tunnelFrom("127.0.0.2"), tunnelFrom("127.0.0.3")];
  await host.handler.apply(host.creates(one, entry));
  await host.handler.apply(host.replaces(one, two));
  expect(await host.handler.read([two, entry])).toEqual([{ state: "same" }, { state: "same" }]);
  sh(host.handler.toShell(host.replaces(two, three)).join("\n"));
  expect(await host.handler.read([three, entry])).toEqual([{ state: "same" }, { state: "same" }]);
  // Of another family it is made anew.
  await host.handler.apply(host.replaces(three, tunnelFrom("::1")));
  expect(await host.handler.read([tunnelFrom("::1")])).toEqual([{ state: "same" }]);
});

test("an entry takes the place of one that was learned, in both tables, and of nobody's own", async () => {
  using host = new TestHost();
  const mac = parseMac("02:6e:0a:00:01:03");
  const vxlan: Resource = {
    kind: "vxlan",
    ns: "host",
    name: "nkx1",
    vni: 4096,
    port: 4789,
    local: parseIp("127.0.0.1"),
    master: "br0",
    learning: true,
  };
  await host.handler.apply(host.creates(bridge, vxlan));
  sh("ip link add other type veth peer name peer; ip link set peer up; ip link set other master br0 up");
  const entries: Resource[] = [
    { kind: "fdb", ns: "host", link: "nkx1", mac, destination: parseIp("127.0.0.2") },
    { kind: "fdb", ns: "host", link: "nkx1", mac, master: true },
  ];
  const same = entries.map(() => ({ state: "same" }));
  const learn = (port: string): string =>
    sh(
      `bridge fdb replace ${mac} dev nkx1 dst 127.0.0.3 self dynamic; bridge fdb replace ${mac} dev ${port} master dynamic`,
    );
  for (const port of ["nkx1", "other"]) {
    learn(port);
    const undo = await host.handler.apply(host.creates(...entries));
    expect(await host.handler.read(entries)).toEqual(same);
    await undo();
    expect(bridgeJson("fdb show").filter((row) => row["mac"] === mac)).toEqual([]);
    // As doctor mends them.
    learn(port);
    await host.handler.apply(entries.flatMap((entry) => host.replaces(entry, entry)));
    expect(await host.handler.read(entries)).toEqual(same);
    await host.handler.apply(host.removes(...entries));
  }
  for (const theirs of ["nkx1 dst 127.0.0.3 self permanent", "nkx1 dst 127.0.0.3 self static", "other master static"]) {
    sh(`bridge fdb add ${mac} dev ${theirs}`);
    const before = bridgeJson("fdb show");
    await expect(host.handler.apply(host.creates(...entries))).rejects.toMatchObject({ code: "RESOURCE_CONFLICT" });
    expect(bridgeJson("fdb show")).toEqual(before);
    sh(`bridge fdb delete ${mac} dev ${theirs}`);
  }
  sh("ip link delete other");
});

test("in the tables of an overlay's own links, what nobody knows is a stray; what the kernel has by itself isn't", async () => {
  using host = new TestHost();
  const [mac, other] = [parseMac("02:6e:0a:00:01:03"), parseMac("02:6e:0a:00:01:04")];
  const vxlan: Resource = {
    kind: "vxlan",
    ns: "host",
    name: "nkx1",
    vni: 4096,
    port: 4789,
    local: parseIp("127.0.0.1"),
    master: "br0",
    learning: false,
  };
  const own: Resource[] = [
    bridge,
    gateway,
    vxlan,
    { kind: "fdb", ns: "host", link: "nkx1", mac, destination: parseIp("127.0.0.2") },
    { kind: "fdb", ns: "host", link: "nkx1", mac, master: true },
    { kind: "neighbour", ns: "host", link: "br0", address: parseIp("10.9.0.3"), mac },
  ];
  await host.handler.apply(host.creates(...own));
  const known = new Set(own.map(keyOf));
  expect(await host.handler.strays(known)).toEqual([]);
  sh(`bridge fdb add ${other} dev nkx1 dst 127.0.0.3 self permanent
      bridge fdb add ${other} dev nkx1 master static
      ip neighbour add 10.9.0.4 lladdr ${other} dev br0 nud permanent
      ip neighbour add 10.9.0.5 lladdr ${other} dev br0 nud reachable`);
  const strays = await host.handler.strays(known);
  expect(strays.map(keyOf).toSorted()).toEqual([
    `fdb host nkx1 ${other} master`,
    `fdb host nkx1 ${other} self`,
    "neighbour host br0 10.9.0.4",
  ]);
  await host.handler.apply(host.removes(...strays));
  expect(await host.handler.strays(known)).toEqual([]);
  expect(await host.handler.read(own)).toEqual(own.map(() => ({ state: "same" })));
});

test.each(["br", "dev", "up", "type", "name", "m", "a+b", "a@b", "+"])(
  "the commands of links called '%s' make and remove them, though iproute2 has words that begin so",
  async (name) => {
    using host = new TestHost();
    const { id } = host.sandbox();
    const resources: Resource[] = [
      { ...bridge, name, mtu: 1400, noLinkLocal: true },
      { ...gateway, link: name },
      { kind: "veth", ns: "host", name: `${name}1`, master: name, peer: { ns: id, name } },
      { kind: "address", ns: id, link: name, address: parseCidr("10.9.0.2/24") },
      { kind: "sysctl", ns: id, path: `net/ipv6/conf/${name}/accept_ra`, value: "0" },
      { kind: "route", ns: id, destination: parseCidr("0.0.0.0/0"), via: parseIp("10.9.0.1"), link: name },
    ];
    const before = names();
    sh(host.handler.toShell(host.creates(...resources)).join("\n"));
    expect(await host.handler.read(resources)).toEqual(resources.map(() => ({ state: "same" })));
    sh(host.handler.toShell(host.removes(...resources.toReversed())).join("\n"));
    expect(names()).toEqual(before);
  },
);
