import { parseCidr, parseIp, parseMac, type NamespaceId, type Owner } from "@netkit/core";
import { expect, test } from "vitest";
import type { KernelResource } from "../src/kind.ts";
import { planRemoval } from "../src/removal.ts";
import type { Item } from "../src/transaction.ts";

const owner: Owner = { type: "endpoint", id: "a".repeat(64), name: "web" };
const ns = "b".repeat(64) as NamespaceId;
const item = (resource: KernelResource): Item => ({ resource, owner });

const netns = item({ kind: "netns", ns, name: "web" });
const file = item({ kind: "file", ns: "host", path: "/etc/netns/web/resolv.conf", content: "" });
const veth = item({ kind: "veth", ns: "host", name: "v1", peer: { ns, name: "eth0" } });
const bridge = item({ kind: "bridge", ns: "host", name: "br0" });
const dummy = item({ kind: "dummy", ns, name: "d0" });
const macvlan = item({ kind: "macvlan", ns, name: "m0", parent: "up0", mode: "bridge" });
const onPeer = item({ kind: "address", ns, link: "eth0", address: parseCidr("192.0.2.2/24") });
const onBridge = item({ kind: "neighbour", ns: "host", link: "br0", address: parseIp("192.0.2.9") });
const sysctlOfPort = item({ kind: "sysctl", ns: "host", path: "net/ipv6/conf/v1/accept_ra", value: "0" });
const sysctlOfAll = item({ kind: "sysctl", ns: "host", path: "net/ipv4/conf/all/forwarding", value: "1" });
const ifb = item({ kind: "ifb", ns: "host", name: "i1" });
const shaperOfPort = item({
  kind: "shaper",
  ns: "host",
  link: "v1",
  bytesPerSecond: 125,
  burstBytes: 2000,
  limitBytes: 4000,
});
const shaperOfIfb = item({ ...shaperOfPort.resource, link: "i1" } as KernelResource);
const redirect = item({ kind: "redirect", ns: "host", link: "v1", to: "i1" });
const onOther = item({ kind: "fdb", ns: "host", link: "other", mac: parseMac("02:00:00:00:00:01") });
const freeRoute = item({
  kind: "route",
  ns: "host",
  destination: parseCidr("192.0.2.0/24"),
  via: parseIp("198.51.100.1"),
});
const adopted = item({ kind: "bridge", ns: "host", name: "br1", ensure: "exists" });

test("what is on a removed link needs no request, what is on another does", () => {
  const { single, links, namespaces, children } = planRemoval([
    onPeer,
    onBridge,
    sysctlOfPort,
    sysctlOfAll,
    onOther,
    freeRoute,
    veth,
    bridge,
    adopted,
  ]);
  expect(single).toEqual([sysctlOfAll, onOther, freeRoute]);
  expect([...links]).toEqual([["host", [veth, bridge]]]);
  expect(namespaces).toEqual([]);
  expect([...children]).toEqual([
    [veth, [onPeer, sysctlOfPort]],
    [bridge, [onBridge]],
  ]);
});

test("an ifb goes in one request with the link that it is for, and takes all of the rate's parts with it", () => {
  const { single, links, children } = planRemoval([redirect, shaperOfPort, shaperOfIfb, veth, ifb]);
  expect(single).toEqual([]);
  expect([...links]).toEqual([["host", [veth, ifb]]]);
  expect([...children]).toEqual([
    [veth, [redirect, shaperOfPort]],
    [ifb, [shaperOfIfb]],
  ]);
});

test("a removed namespace takes all with it, but for links that reach out of it", () => {
  const inside = item({ kind: "rule", ns, family: "ipv4", priority: 9, table: 9 });
  const onDummy = item({ kind: "address", ns, link: "d0", address: parseCidr("192.0.2.3/32") });
  const { single, links, namespaces, children } = planRemoval([
    inside,
    onDummy,
    onPeer,
    veth,
    macvlan,
    dummy,
    file,
    netns,
  ]);
  expect(single).toEqual([file]);
  expect([...links]).toEqual([
    ["host", [veth]],
    [ns, [macvlan]],
  ]);
  expect(namespaces).toEqual([netns]);
  expect([...children]).toEqual([
    [netns, [inside, onDummy, dummy]],
    [veth, [onPeer]],
  ]);
});
