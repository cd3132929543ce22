import { execFileSync } from "node:child_process";
import {
  keyOf,
  NetkitError,
  parseCidr,
  parseIp,
  parseMac,
  type NamespaceId,
  type Owner,
  type Resource,
} from "@netkit/core";
import { assert, property, string } from "fast-check";
import { expect, test } from "vitest";
import { kernelHandler } from "../src/index.ts";
import { quote } from "../src/shell.ts";

const named = "a".repeat(64) as NamespaceId;
const adopted = "b".repeat(64) as NamespaceId;
const paths: Readonly<Record<string, string>> = { [named]: "/run/netns/web", [adopted]: "/proc/42/ns/net" };
const handler = kernelHandler({
  mark: "netkit",
  namespacePath(id) {
    const path = paths[id];
    if (path === undefined) throw new NetkitError("NAMESPACE_NOT_FOUND", id);
    return path;
  },
});
const owner: Owner = { type: "endpoint", id: "c".repeat(64), name: "web" };

function shell(op: "create" | "remove", ...resources: Resource[]): string[] {
  return handler.toShell(resources.map((resource) => ({ op, key: keyOf(resource), resource, owner })));
}

const veth = (ns: NamespaceId): Resource => ({
  kind: "veth",
  ns: "host",
  name: "nkv1",
  mtu: 1400,
  master: "br0",
  hairpin: true,
  peer: { ns, name: "eth0", mac: parseMac("02:00:5e:10:00:01"), mtu: 1400 },
});
const address = (ns: NamespaceId): Resource => ({
  kind: "address",
  ns,
  link: "eth0",
  address: parseCidr("fd00::2/64"),
});
const sysctl = (ns: NamespaceId): Resource => ({ kind: "sysctl", ns, path: "net/ipv4/ping_group_range", value: "0 0" });

test("an ipvlan is made in its sandbox, with mode and flag, a VLAN with its id", () => {
  expect(
    shell(
      "create",
      { kind: "vlan", ns: "host", name: "up0.50", parent: "up0", id: 50 },
      { kind: "ipvlan", ns: named, name: "eth0", parent: "up0.50", mode: "l3s", flag: "private", mtu: 1400 },
    ),
  ).toEqual([
    "ip link add link up0 dev up0.50 type vlan id 50",
    "ip link set dev up0.50 alias netkit/endpoint/web up",
    // The host may have a link of the name that it gets there.
    "ip link add link up0.50 dev nkt641f53a6 mtu 1400 netns web type ipvlan mode l3s private",
    "ip -n web link set dev nkt641f53a6 name eth0",
    "ip -n web link set dev eth0 alias netkit/endpoint/web up",
  ]);
});

test.each([
  ["bridge", "ip -n web link set dev eth0 alias netkit/endpoint/web up"],
  ["passthru", "ip -n web link set dev eth0 address 02:00:5e:10:00:01 alias netkit/endpoint/web up"],
] as const)("a macvlan in mode %s has its MAC in the end, too", (mode, last) => {
  const mac = parseMac("02:00:5e:10:00:01");
  expect(shell("create", { kind: "macvlan", ns: named, name: "eth0", parent: "up0", mode, mac })).toEqual([
    `ip link add link up0 dev nkt641f53a6 address 02:00:5e:10:00:01 netns web type macvlan mode ${mode}`,
    "ip -n web link set dev nkt641f53a6 name eth0",
    last,
  ]);
});

test("commands for a namespace with a name", () => {
  expect(shell("create", veth(named), sysctl(named), address(named))).toEqual([
    "ip link add dev nkv1 mtu 1400 type veth peer name eth0 address 02:00:5e:10:00:01 mtu 1400 netns web",
    "ip link set dev nkv1 master br0",
    "bridge link set dev nkv1 hairpin on",
    "ip link set dev nkv1 alias netkit/endpoint/web up",
    "ip -n web link set dev eth0 up",
    "ip netns exec web sysctl -q -w 'net/ipv4/ping_group_range=0 0'",
    "ip -n web address add fd00::2/64 dev eth0 nodad",
  ]);
});

test("commands for a namespace with a path alone", () => {
  expect(shell("create", veth(adopted), sysctl(adopted), address(adopted))).toEqual([
    "ip link add dev nkv1 mtu 1400 type veth peer name eth0 address 02:00:5e:10:00:01 mtu 1400 netns /proc/42/ns/net",
    "ip link set dev nkv1 master br0",
    "bridge link set dev nkv1 hairpin on",
    "ip link set dev nkv1 alias netkit/endpoint/web up",
    "nsenter --net=/proc/42/ns/net ip link set dev eth0 up",
    "nsenter --net=/proc/42/ns/net sysctl -q -w 'net/ipv4/ping_group_range=0 0'",
    "nsenter --net=/proc/42/ns/net ip address add fd00::2/64 dev eth0 nodad",
  ]);
});

test("the folder of several files is made once", () => {
  const places = ["/a/b/one", "/a/b/two", "/a/c/one"];
  const files = places.map((path): Resource => ({ kind: "file", ns: "host", path, content: "x\n" }));
  expect(shell("create", ...files)).toEqual([
    "mkdir -p /a/b",
    String.raw`printf 'x\n' > /a/b/one`,
    String.raw`printf 'x\n' > /a/b/two`,
    "mkdir -p /a/c",
    String.raw`printf 'x\n' > /a/c/one`,
  ]);
});

test("removing says nothing of what goes by itself", () => {
  const netns: Resource = { kind: "netns", ns: named, name: "web" };
  const route: Resource = { kind: "route", ns: "host", destination: parseCidr("::/0"), via: parseIp("fd00::1") };
  expect(shell("remove", route, address(named), sysctl(named), veth(named), netns)).toEqual([
    "ip -6 route delete ::/0 via fd00::1 proto 107 metric 1024",
    "ip link delete dev nkv1",
    "ip netns delete web",
  ]);
});

test("changes in place are commands that change in place", () => {
  const bridge: Resource = { kind: "bridge", ns: "host", name: "br0", mac: parseMac("02:00:00:00:00:01") };
  const resource: Resource = { ...bridge, mtu: 1400, noLinkLocal: true };
  expect(handler.toShell([{ op: "replace", key: keyOf(resource), resource, previous: bridge, owner }])).toEqual([
    "ip link set dev br0 addrgenmode none",
    "ip link set dev br0 address 02:00:00:00:00:01 mtu 1400 alias netkit/endpoint/web up",
  ]);
});

test("a word comes out of sh as it went in", () => {
  assert(
    property(string({ unit: "binary", maxLength: 40 }), (text) => {
      const word = text.replaceAll("\0", "");
      const out = execFileSync("sh", ["-c", `printf %s ${quote(word)}`], { encoding: "utf8" });
      expect(out).toBe(word.toWellFormed());
    }),
    { numRuns: 100, examples: [["$HOME"], ["it's"], [""], ["a b;c"], ["`id`"], ["-n"], ["\\"]] },
  );
});
