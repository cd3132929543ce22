import { constants } from "node:os";
import { parseCidr, type Resource } from "@netkit/core";
import { NetlinkError } from "@netkit/netlink";
import { expect, test } from "vitest";
import type { KernelResource } from "../src/kind.ts";
import { refusal } from "../src/refusal.ts";

const shaper: Resource = {
  kind: "shaper",
  ns: "host",
  link: "v1",
  bytesPerSecond: 125,
  burstBytes: 2000,
  limitBytes: 4000,
};

test.each<[string, KernelResource, string]>([
  ["a shaper", shaper, "UNSUPPORTED"],
  ["a redirect", { kind: "redirect", ns: "host", link: "v1", to: "i1" }, "UNSUPPORTED"],
  ["an address", { kind: "address", ns: "host", link: "v1", address: parseCidr("192.0.2.1/24") }, "KERNEL"],
])("what %s doesn't find", (_, resource, code) => {
  const item = { resource, owner: { type: "endpoint", id: "e".repeat(64), name: "web" } } as const;
  const extack = "Specified qdisc kind is unknown.";
  const error = new NetlinkError({ op: "add qdisc tbf of ifindex 3", errno: constants.errno.ENOENT, extack });
  expect(refusal(item, error)).toMatchObject({ code, message: expect.stringContaining(extack) });
});

test.each<[KernelResource, string]>([
  [{ kind: "vlan", ns: "host", name: "eth0.50", parent: "eth0", id: 50 }, "modprobe 8021q"],
  [{ kind: "ipvlan", ns: "host", name: "eth0", parent: "up0", mode: "l2", flag: "bridge" }, "modprobe ipvlan"],
])("a kind of links that the kernel lacks is refused with the module that has it: $0.kind", (resource, command) => {
  const owner = { type: "network", id: "e".repeat(64), name: "lan" } as const;
  const extack = "Unknown device type";
  const error = new NetlinkError({ op: "create", errno: constants.errno.EOPNOTSUPP, extack });
  const hint: unknown = expect.stringContaining(command);
  expect(refusal({ resource, owner }, error)).toMatchObject({ code: "UNSUPPORTED", hint });
});

test.each([
  ["EINVAL", "passthru"],
  ["EBUSY", "port of a bridge"],
] as const)("what %s says of a macvlan is about its parent", (code, word) => {
  const owner = { type: "endpoint", id: "e".repeat(64), name: "web" } as const;
  const error = new NetlinkError({ op: "create macvlan eth0", errno: constants.errno[code] });
  const macvlan: KernelResource = { kind: "macvlan", ns: "host", name: "eth0", parent: "up0", mode: "bridge" };
  const hint: unknown = expect.stringContaining(word);
  expect(refusal({ resource: macvlan, owner }, error)).toMatchObject({ code: "KERNEL", hint });
  const dummy: KernelResource = { kind: "dummy", ns: "host", name: "eth0" };
  expect(refusal({ resource: dummy, owner }, error)).not.toMatchObject({ hint });
});

test("a bridge whose ports are used up names what has no such limit", () => {
  const owner = { type: "endpoint", id: "e".repeat(64), name: "web" } as const;
  const resource = { kind: "veth", ns: "host", name: "v1", master: "br0", peer: { ns: "host", name: "v2" } } as const;
  const error = new NetlinkError({ op: "create veth", errno: 54 });
  const hint: unknown = expect.stringContaining("--driver routed");
  expect(refusal({ resource, owner }, error)).toMatchObject({ code: "POOL_EXHAUSTED", hint });
});
