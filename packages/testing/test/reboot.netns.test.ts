import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { storeWith, type Store } from "@netkit/core";
import { openSqliteStore } from "@netkit/store-sqlite";
import { expect, test } from "vitest";
import { age } from "./age.ts";
import { TestHost } from "./host.ts";

/** A store that keeps a copy of its files as a power cut would leave them: what was flushed, and nothing after. */
function openOnDisk(root: string, copy: string, onFlush: () => void): Store {
  const store = openSqliteStore({ path: join(root, "state.db") });
  const keep = (): void => {
    for (const name of ["state.db", "state.db-wal"]) copyFileSync(join(root, name), join(copy, name));
  };
  return storeWith(store, {
    async commit(commit) {
      const result = await store.commit(commit);
      if (commit.durable !== false) keep();
      return result;
    },
    async flush() {
      onFlush();
      await store.flush();
      keep();
    },
  });
}

test("what was acknowledged survives a power cut", async () => {
  using root = new TestHost.Root();
  using survived = new TestHost.Root();
  const before = new TestHost();
  try {
    let givingUp: AbortController | undefined;
    const store = openOnDisk(root.path, survived.path, () => givingUp?.abort());
    const netkit = await before.open({ root: root.path, store });
    await netkit.networks.create({ name: "kept", subnets: [{ subnet: "10.9.0.0/24" }] });
    await netkit.networks.create({ name: "removed", subnets: [{ subnet: "10.9.1.0/24" }] });
    await netkit.networks.remove("removed");
    const box = await netkit.sandboxes.open({ name: "box", networks: [{ network: "kept", ip: "10.9.0.5" }] });
    await box.close();
    // This one is given up when its intent is on the disk already, and may not come back either.
    const { signal } = (givingUp = new AbortController());
    await expect(netkit.networks.create({ name: "failed" }, { signal })).rejects.toMatchObject({ code: "CANCELLED" });
    givingUp = undefined;
    // Of this one only the intent is on the disk.
    await netkit.networks.create({ name: "last", subnets: [{ subnet: "10.9.2.0/24" }] });
    await store.close();
  } finally {
    before.sh("ip -o link show type bridge | cut -d: -f2 | xargs -rn1 ip link del; nft flush ruleset");
    await before[Symbol.asyncDispose]();
  }
  await age(survived.path);
  const after = new TestHost();
  const netkit = await after.open({ root: survived.path });
  const names = (await netkit.networks.list()).filter(({ predefined }) => !predefined).map(({ name }) => name);
  expect(names).toEqual(["kept", "last"]);
  expect(await netkit.sandboxes.list()).toEqual([]);
  for (const gateway of ["10.9.0.1/24", "10.9.2.1/24"]) expect(after.sh("ip -o address show")).toContain(gateway);
  expect((await netkit.doctor()).findings).toEqual([]);
  for (const name of names) await netkit.networks.remove(name);
  await after[Symbol.asyncDispose]();
});

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
    await netkit.networks.lend("n", { holder: "somebody", ip: "10.9.0.6" });
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
  expect((await netkit.networks.inspect("n")).loans).toEqual([]);
  const again = await netkit.sandboxes.open({
    name: "box",
    networks: [{ network: "n", ip: "10.9.0.5", publish: ["8080:80"] }],
  });
  await again.close();
  const { addresses } = await netkit.networks.lend("n", { holder: "somebody else", ip: "10.9.0.6" });
  expect(addresses).toEqual([{ address: "10.9.0.6/24", gateway: "10.9.0.1" }]);
  await netkit.networks.takeBack("n", "somebody else");
  await netkit.networks.remove("n");
  // What the last boot had left under /etc/netns, too.
  expect(after.traces()).not.toContain(netkit.instance.mark);
  await after[Symbol.asyncDispose]();
  root[Symbol.dispose]();
});

test("after a reboot a macvlan network without its parent waits for it, and keeps no other from coming back", async () => {
  using root = new TestHost.Root();
  const makeParent = "ip link add lan0 type veth peer name lan1; ip link set lan0 up; ip link set lan1 up";
  const before = new TestHost();
  try {
    before.sh(makeParent);
    const netkit = await before.open({ root: root.path });
    await netkit.networks.create({ name: "alone", driver: "macvlan" });
    await netkit.networks.create({ name: "lan", driver: "macvlan", options: { parent: "lan0" } });
    const box = await netkit.sandboxes.open({ name: "box", networks: ["lan", "alone"] });
    before.sh(`ip netns del ${box.netns?.split("/").at(-1)}`);
  } finally {
    await before[Symbol.asyncDispose]();
  }
  await age(root.path);
  const after = new TestHost();
  const netkit = await after.open({ root: root.path });
  expect(await netkit.sandboxes.list()).toEqual([]);
  const twins = [{ name: "one" }, { name: "two" }].map(({ name }) => ({ name, networks: ["alone"] }));
  for (const twin of twins) await (await netkit.sandboxes.open(twin)).close();
  await expect(netkit.sandboxes.open({ networks: ["lan"] })).rejects.toMatchObject({
    code: "LINK_NOT_FOUND",
    message: expect.stringContaining("'lan0'") as unknown,
  });
  expect((await netkit.doctor()).findings.map(({ message }) => message)).toEqual([
    "link lan0 of network 'lan' is missing; it isn't netkit's, so that netkit can't mend it",
  ]);
  after.sh(makeParent);
  await (await netkit.sandboxes.open({ networks: ["lan"] })).close();
  expect((await netkit.doctor()).findings).toEqual([]);
  for (const name of ["alone", "lan"]) await netkit.networks.remove(name);
  after.sh("ip link delete lan0");
  // The last boot had left something, which is gone, too.
  expect(after.traces().trim()).toBe("");
  await after[Symbol.asyncDispose]();
});
