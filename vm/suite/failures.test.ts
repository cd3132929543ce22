import { localStores, timeScale, virtualMachines, type Host } from "@netkit/testing/hosts";
import { describe, expect, test } from "vitest";
import { launch, launchPair, onSharingHosts } from "./sharing.ts";
import { expectReached, peer } from "./traffic.ts";

/** How long others take a host to be there that they don't hear of. */
const leaseMs = 15_000;
const available = virtualMachines !== undefined || localStores.length > 0;

describe.skipIf(!available)("hosts", () => {
  test("a host dies, and another's underlay is cut: within their lease nobody has tables or names of them; healed, all is back", async () => {
    await onSharingHosts(3, async ({ hosts, store, complaints, forget }) => {
      const [a, b, c] = hosts as readonly [Host, Host, Host];
      const { x, y } = await launchPair(hosts);
      const { z: [z = ""] = [] } = await launch(c, peer("z", "--network n"));
      await expectReached(a, "x", { [y]: "y", [z]: "z", z: "z" });
      const start = performance.now();
      await Promise.all([b.cut(), c.die()]);
      forget(c);
      const gone = ["y", "z"].map((name) => `getent hosts ${name}`).join(" || ");
      await a.until(`! bridge fdb show | grep -w -e ${b.address} -e ${c.address}`, 2 * leaseMs);
      const took = performance.now() - start;
      await a.exec(["netkit", "exec", "x", "--", "sh", "-c", `! { ${gone}; }`]);
      // The store looks for what has ended now and then.
      expect(took).toBeLessThan(leaseMs + 3_000 * timeScale);
      expect(await a.ip("neighbour show nud permanent")).toEqual([]);
      expect(await a.netkit("host", "ls", "--filter", "state=up", "--format", "{{.Name}}")).toBe(`${a.name}\n`);
      expect(await a.netkit("host", "ls", "--filter", "state=down", "-q")).not.toBe("");
      await b.heal();
      await expectReached(a, "x", { [y]: "y", y: "y" }, 30_000);
      await expectReached(b, "y", { [x]: "x", x: "x" });
      expect(await complaints(b)).toContain(`${store.host.address}:2379 can't be used`);
    });
  });
});

describe.skipIf(!available)("an agent", () => {
  test("is killed: traffic goes on, and once it is back it knows what came and went meanwhile", async () => {
    await onSharingHosts(2, async ({ hosts, startAgent, killAgent }) => {
      const { a, b, x, y } = await launchPair(hosts);
      await killAgent(b);
      await Promise.all([expectReached(a, "x", { [y]: "y", y: "y" }), expectReached(b, "y", { [x]: "x" })]);
      const { z: [z = ""] = [] } = await launch(a, peer("z", "--network n"), "netkit sandbox rm -f x");
      await startAgent(b);
      await expectReached(b, "y", { [z]: "z", z: "z" });
      await expectReached(a, "z", { y: "y" });
      expect((await b.run(["netkit", "exec", "y", "--", "getent", "hosts", "x"])).status).toBe(2);
    });
  });
});

describe.skipIf(!available)("the store", () => {
  test("the store is stopped: traffic and looking go on, attaching says what is wrong; started again, all is made up for", async () => {
    await onSharingHosts(2, async ({ hosts, store, complaints }) => {
      const { a, b, x, y } = await launchPair(hosts);
      await launch(a, peer("z", "--network n"));
      await expectReached(b, "y", { z: "z" });
      await store.stop();
      await Promise.all([expectReached(a, "x", { [y]: "y", y: "y" }), expectReached(b, "y", { [x]: "x", x: "x" })]);
      const { status, stderr } = await a.run("netkit run -d --name v --network n -- true".split(" "));
      expect([status, stderr]).toEqual([125, expect.stringContaining(store.host.address)]);
      expect(await a.netkit("network", "ls", "--format", "{{.Name}}")).toContain("n\n");
      await a.netkit("sandbox", "rm", "-f", "z");
      await store.start();
      await b.until("! netkit exec y -- getent hosts z", 30_000);
      await launch(a, peer("v", "--network n"));
      await expectReached(b, "y", { v: "v", [x]: "x" });
      for (const host of [a, b]) await complaints(host);
    });
  });
});
