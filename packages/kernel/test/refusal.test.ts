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
