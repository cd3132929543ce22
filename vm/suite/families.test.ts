import { localStores, virtualMachines, type Host } from "@netkit/testing/hosts";
import { describe, expect, test } from "vitest";
import { launch, launchPair, onSharingHosts } from "./sharing.ts";
import { expectMtu, expectNotReached, expectReached, peer } from "./traffic.ts";

describe.skipIf(virtualMachines === undefined && localStores.length === 0)("an overlay", () => {
  test("has both families, several subnets of each, and addresses that are asked for", async () => {
    await onSharingHosts(2, async ({ hosts }) => {
      const [a, b] = hosts as readonly [Host, Host];
      const subnets = "--subnet 10.0.9.0/24 --subnet 10.0.10.0/24 --subnet fd00:9::/64 --subnet fd00:10::/64";
      const { x, y } = await launchPair(hosts, `--ipv6 ${subnets}`);
      const { v } = await launch(a, peer("v", "--network n --ip 10.0.10.20 --ip6 fd00:10::20"));
      const { w } = await launch(b, peer("w", "--network n --ip 10.0.10.21 --ip6 fd00:9::21"));
      expect([v, w]).toEqual([
        ["10.0.10.20", "fd00:10::20"],
        ["10.0.10.21", "fd00:9::21"],
      ]);
      const targets = {
        [x]: "x",
        [y]: "y",
        "10.0.10.20": "v",
        "fd00:10::20": "v",
        "10.0.10.21": "w",
        "fd00:9::21": "w",
      };
      await Promise.all([
        expectReached(a, "x", { ...targets, w: "w" }),
        expectReached(b, "y", { ...targets, v: "v" }),
        expectReached(a, "v", targets),
        expectReached(b, "w", targets),
      ]);
    });
  });

  test("that is internal joins sandboxes of all hosts, and leads nowhere else", async () => {
    await onSharingHosts(2, async ({ hosts }) => {
      const { a, b, x, y } = await launchPair(hosts, "--internal --subnet 10.0.9.0/24");
      await Promise.all([expectReached(a, "x", { [y]: "y", y: "y" }), expectReached(b, "y", { [x]: "x", x: "x" })]);
      await expectNotReached(a, "x", b.address);
      expect(await a.netkit("exec", "x", "--", "ip", "route", "show", "default")).toBe("");
    });
  });

  test("goes over IPv6, with what room is left for packets", async () => {
    await onSharingHosts(
      2,
      async ({ hosts }) => {
        const { a, b, x, y } = await launchPair(hosts);
        await Promise.all([expectReached(a, "x", { [y]: "y", y: "y" }), expectReached(b, "y", { [x]: "x", x: "x" })]);
        await expectMtu(a, "x", "y", 1430);
        expect(await b.bridge("fdb show")).toContainEqual(expect.objectContaining({ dst: a.address6 }));
      },
      { advertise: ({ address6 }) => address6 },
    );
  });
});
