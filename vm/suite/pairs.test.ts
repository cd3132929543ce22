import { localStores, virtualMachines, type Host, type StoreKind } from "@netkit/testing/hosts";
import { describe, expect, test } from "vitest";
import { known, launch, onSharingHosts } from "./sharing.ts";
import { expectMtu, expectReached, peer } from "./traffic.ts";

/** Virtual machines have the servers of all. */
function isThere(store: StoreKind): boolean {
  return virtualMachines !== undefined || localStores.includes(store);
}

/** From each sandbox to each, itself among them, by address and by name. */
async function expectAllReached(
  sandboxes: readonly { readonly host: Host; readonly name: string; readonly address: string }[],
): Promise<void> {
  const targets = Object.fromEntries(
    sandboxes.flatMap(({ name, address }) => [
      [address, name],
      [name, name],
      [`${name}.n`, name],
    ]),
  );
  await Promise.all(sandboxes.map(async ({ host, name }) => await expectReached(host, name, targets)));
}

/** Sandboxes that are called as their host, on the network `n`. */
async function launchOn(
  hosts: readonly Host[],
  options = "",
): Promise<{ host: Host; name: string; address: string }[]> {
  return await Promise.all(
    hosts.map(async (host) => {
      const { [host.name]: [address = ""] = [] } = await launch(
        host,
        known("n"),
        peer(host.name, `--network n ${options}`),
      );
      return { host, name: host.name, address };
    }),
  );
}

async function expectPairs(store: StoreKind): Promise<void> {
  await onSharingHosts(
    3,
    async ({ hosts, startAgent }) => {
      const [a, b, c] = hosts as readonly [Host, Host, Host];
      await a.netkit("network", "create", "--driver", "overlay", "--subnet", "10.0.9.0/24", "n");
      const first = await launchOn([a, b], "--publish 7:7 --publish 7:7/udp");
      await expectAllReached(first);
      await Promise.all([expectMtu(a, a.name, b.name, 1450), expectMtu(b, b.name, a.name, 1450)]);
      // A published port is one of the host that the sandbox is on.
      await expectReached(b, undefined, { [a.address]: a.name });
      await expectReached(c, undefined, { [b.address]: b.name });

      await startAgent(c);
      const all = [...first, ...(await launchOn([c]))];
      await expectAllReached(all);
      await expectMtu(c, c.name, a.name, 1450);
      const where = "{{range .Containers}}{{.Name}} {{.Host}} {{.VTEP}}\n{{end}}";
      const listed = (await b.netkit("network", "inspect", "-f", where, "n")).split("\n");
      expect(listed).toEqual(expect.arrayContaining(hosts.map(({ name, address }) => `${name} ${name} ${address}`)));

      await c.shell(`netkit sandbox rm -f ${c.name} && netkit agent stop`);
      await Promise.all(
        [a, b].map(async (host) => {
          await host.until(`! bridge fdb show | grep -w ${c.address}`);
          await host.until(`! netkit host ls --filter state=up | grep -w ${c.address}`);
          expect((await host.run(["netkit", "exec", host.name, "--", "getent", "hosts", c.name])).status).toBe(2);
        }),
      );
    },
    { store, agents: 2 },
  );
}

describe.skipIf(!isThere("etcd"))("core", () => {
  test("on three hosts, one of which joins late and leaves, all reach all by address and name, as long as they are there", async () => {
    await expectPairs("etcd");
  });
});

test.skipIf(!isThere("consul"))("the same by Consul", async () => {
  await expectPairs("consul");
});
