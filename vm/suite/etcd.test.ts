import { localStores, timeScale, virtualMachines } from "@netkit/testing/hosts";
import { describe, expect, test } from "vitest";
import { launch, launchPair, onSharingHosts } from "./sharing.ts";
import { expectReached, peer } from "./traffic.ts";

describe.skipIf(virtualMachines === undefined && !localStores.includes("etcd"))("etcd", () => {
  test("of three members loses its leader while sandboxes are attached: each of them is on the network, or its user was told", async () => {
    await onSharingHosts(
      2,
      async ({ hosts, store, complaints }) => {
        const { a, b, x } = await launchPair(hosts);
        const leader = await store.leader();
        const names = Array.from({ length: 6 }, (_, index) => index);
        const attaching = hosts.map(async (host) => {
          const outcomes: { readonly name: string; readonly status: number | undefined; readonly stderr: string }[] =
            [];
          for (const name of names.map((number) => `${host.name}-${number}`))
            outcomes.push({ name, ...(await host.run(["sh", "-c", peer(name, "--network n")])) });
          return outcomes;
        });
        // The first of them are there by then, and the last are not yet.
        await b.until("bridge fdb show | grep -w dst | wc -l | grep -qx 3");
        await leader.stop("SIGKILL");
        const outcomes = (await Promise.all(attaching)).flat();
        const failed = outcomes.filter(({ status }) => status !== 0);
        for (const { stderr } of failed) expect(stderr).toContain("etcd");
        await leader.start();
        const there = outcomes.filter(({ status }) => status === 0).map(({ name }) => name);
        expect(there.length).toBeGreaterThan(names.length);
        const targets = Object.fromEntries(there.map((name) => [name, name]));
        await Promise.all([
          expectReached(a, "x", targets, 20_000),
          expectReached(b, "y", { ...targets, [x]: "x" }, 20_000),
        ]);
        for (const { name } of failed)
          expect((await a.run(["netkit", "exec", "x", "--", "getent", "hosts", name])).status).toBe(2);
        for (const host of hosts) await complaints(host);
      },
      { store: "etcd of three" },
    );
  });

  test("forgets its history while a host is cut off: that one learns all the same what is there and what isn't", async () => {
    await onSharingHosts(2, async ({ hosts, store, complaints }) => {
      const { a, b, x } = await launchPair(hosts);
      await launch(a, peer("gone", "--network n"));
      await expectReached(b, "y", { gone: "gone" });
      await b.cut();
      await launch(a, "netkit sandbox rm -f gone", peer("z", "--network n"), peer("v", "--network n"));
      await store.compact();
      // Connections from before are none any more.
      await store.stop();
      await store.start();
      await b.heal();
      await expectReached(b, "y", { z: "z", v: "v", [x]: "x" }, 30_000);
      await expectReached(a, "z", { y: "y" }, 30_000);
      expect((await b.run(["netkit", "exec", "y", "--", "getent", "hosts", "gone"])).status).toBe(2);
      for (const host of [a, b]) await complaints(host);
    });
  });

  test("loses everything: its owners write it again", async () => {
    await onSharingHosts(2, async ({ hosts, store, complaints }) => {
      const { a, b, x, y } = await launchPair(hosts);
      await a.netkit("network", "create", "--driver", "overlay", "unused");
      const keys = async (): Promise<string> => await store.etcdctl("get", "--prefix", "", "--keys-only");
      const before = await keys();
      await store.wipe();
      await expect.poll(keys, { timeout: 30_000 * timeScale, interval: 200 }).toBe(before);
      await Promise.all([expectReached(a, "x", { [y]: "y", y: "y" }), expectReached(b, "y", { [x]: "x", x: "x" })]);
      await launch(b, peer("z", "--network n"));
      await expectReached(a, "x", { z: "z" });
      expect((await b.netkit("network", "ls", "--format", "{{.Name}}")).split("\n")).toContain("unused");
      for (const host of [a, b]) await complaints(host);
    });
  });
});
