import { join } from "node:path";
import { openSqliteStore } from "@netkit/store-sqlite";
import { expect, test } from "vitest";
import { TestHost } from "./host.ts";

/** Makes the state look as if it had been written before the last boot. */
async function age(root: string): Promise<void> {
  const store = openSqliteStore({ path: join(root, "state.db") });
  const entries = [...(await store.range("boot")), ...(await store.range("namespace/"))];
  const writes = entries.map(({ key, value }) => ({
    key,
    value: key === "boot" ? "another-boot" : { ...(value as object), boot: "another-boot" },
  }));
  await store.commit({ checks: [], writes });
  await store.close();
}

test("after a reboot networks are back with the next opening, sandboxes are gone and all they held is free", async () => {
  const root = new TestHost.Root();
  const before = new TestHost();
  try {
    const netkit = await before.open({ root: root.path });
    await netkit.networks.create({ name: "n", subnets: [{ subnet: "10.9.0.0/24" }] });
    const box = await netkit.sandboxes.open({
      name: "box",
      networks: [{ network: "n", ip: "10.9.0.5", publish: ["8080:80"] }],
    });
    // A boot takes the namespace away.
    before.sh(
      `ip netns del ${box.netns?.split("/").at(-1)}; ip link del $(ip -o link show type bridge | cut -d: -f2); nft flush ruleset`,
    );
  } finally {
    await before[Symbol.asyncDispose]();
  }
  await age(root.path);
  const after = new TestHost();
  const netkit = await after.open({ root: root.path });
  expect(await netkit.sandboxes.list()).toEqual([]);
  expect(after.sh("ip -o address show")).toContain("10.9.0.1/24");
  expect((await netkit.doctor()).findings).toEqual([]);
  const again = await netkit.sandboxes.open({
    name: "box",
    networks: [{ network: "n", ip: "10.9.0.5", publish: ["8080:80"] }],
  });
  await again.close();
  await netkit.networks.remove("n");
  // What the last boot had left under /etc/netns, too.
  expect(after.traces()).not.toContain(netkit.instance.mark);
  await after[Symbol.asyncDispose]();
  root[Symbol.dispose]();
});
