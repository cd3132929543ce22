import assert from "node:assert/strict";
import { isNetkitError } from "@netkit/core";
import type { Case, CaseContext } from "../case.ts";
import { inLab, type Lab } from "../lab/lab.ts";
import { makesNetworks, onlyNetwork } from "../lab/steps.ts";

const common = { since: 1, tier: "kernel", requires: ["root", "ip", "nft"] } as const satisfies Partial<Case>;

const lab =
  (work: (lab: Lab) => Promise<void>) =>
  async ({ driver }: CaseContext): Promise<void> =>
    await inLab(driver, {}, work);

/** Drivers without networks of the user's: one namespace, shared or alone. */
export const sharedCases: readonly Case[] = [
  {
    ...common,
    id: "DRV-ONLY-001",
    rule: "no further network can be made of a driver that has one or none",
    applies: (driver) => !makesNetworks(driver),
    run: lab(async ({ netkit, driver, snapshot }) => {
      const before = await snapshot();
      await assert.rejects(netkit.networks.create({ name: "another", driver: driver.name }), isUnsupported);
      assert.deepEqual(await snapshot(), before);
    }),
  },
  {
    ...common,
    id: "DRV-ONLY-002",
    rule: "refuses published ports where it has none",
    applies: ({ traits }) => !traits.publish,
    run: lab(async ({ netkit, driver, network }) => {
      if (makesNetworks(driver)) await network("a");
      else await netkit.sandboxes.open({ name: "holder" });
      const on = makesNetworks(driver) ? "a" : onlyNetwork(driver, netkit.instance, "holder");
      await assert.rejects(
        netkit.sandboxes.open({ name: "web", networks: [{ network: on, publish: ["8080:80"] }] }),
        isUnsupported,
      );
      assert.ok((await netkit.sandboxes.list()).every(({ name }) => name !== "web"));
    }),
  },
  {
    ...common,
    id: "DRV-ALONE-001",
    rule: "a sandbox of its own without addresses has a loopback interface that works, and nothing else",
    applies: ({ traits }) => traits.namespace === "own" && traits.exclusive && traits.addresses === "none",
    run: lab(async ({ netkit, driver, space }) => {
      const web = await netkit.sandboxes.open({ name: "web", networks: [onlyNetwork(driver, netkit.instance, "")] });
      const links = await space(web).ip<{ ifname: string; flags: string[] }>("link show");
      assert.deepEqual(
        links.map(({ ifname }) => ifname),
        ["lo"],
      );
      assert.ok(links[0]?.flags.includes("UP"));
      assert.deepEqual(await space(web).ip("route show"), []);
    }),
  },
  {
    ...common,
    id: "DRV-HOST-001",
    rule: "a sandbox in the host's namespace sees the host's links, and the host is as before when it goes",
    applies: ({ traits }) => traits.namespace === "host",
    run: lab(async ({ netkit, driver, host }) => {
      await host.shell("ip link add mine0 type veth peer name mine1");
      const web = await netkit.sandboxes.open({ name: "web", networks: [onlyNetwork(driver, netkit.instance, "")] });
      assert.equal(web.netns, undefined);
      const child = await web.run(["ip", "-o", "link", "show", "mine0"], { stdio: "ignore" });
      assert.equal((await child.exited).code, 0);
      await netkit.sandboxes.remove(web.id);
      assert.equal((await host.ip("link show dev mine0")).length, 1);
      await host.shell("ip link del mine0");
    }),
  },
  {
    ...common,
    id: "DRV-JOIN-001",
    rule: "a sandbox that joins another one is in the same namespace, which lives until both are gone",
    applies: ({ traits }) => traits.namespace === "joined",
    run: lab(async ({ netkit, driver, space }) => {
      const holder = await netkit.sandboxes.open({ name: "holder" });
      await space(holder).shell("ip link add seen0 type veth peer name seen1");
      const web = await netkit.sandboxes.open({ name: "web", networks: [`${driver.name}:holder`] });
      const inode = async (of: typeof web): Promise<string> => await space(of).exec(["readlink", "/proc/self/ns/net"]);
      assert.equal(await inode(web), await inode(holder));
      await netkit.sandboxes.remove("holder");
      assert.equal((await space(web).ip("link show dev seen0")).length, 1, "the namespace went with its first member");
    }),
  },
  {
    ...common,
    id: "DRV-JOIN-002",
    rule: "a joined sandbox can't be connected, can't join itself or a sandbox that isn't there",
    applies: ({ traits }) => traits.namespace === "joined",
    run: lab(async ({ netkit, driver }) => {
      await netkit.sandboxes.open({ name: "holder" });
      await netkit.sandboxes.open({ name: "web", networks: [`${driver.name}:holder`] });
      await assert.rejects(netkit.sandboxes.open({ name: "self", networks: [`${driver.name}:self`] }), isNetkitError);
      await assert.rejects(
        netkit.sandboxes.open({ name: "lost", networks: [`${driver.name}:nobody`] }),
        (error) => isNetkitError(error) && error.code === "SANDBOX_NOT_FOUND",
      );
    }),
  },
];

function isUnsupported(error: unknown): boolean {
  return isNetkitError(error) && error.kind === "unsupported";
}
