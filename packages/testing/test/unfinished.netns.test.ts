// A disk that fills up, or breaks, between the beginning and the end of an operation.
import { join } from "node:path";
import { NetkitError, storeWith, type Store } from "@netkit/core";
import type { Netkit } from "@netkit/engine";
import { openSqliteStore } from "@netkit/store-sqlite";
import { expect, test } from "vitest";
import { TestHost } from "./host.ts";

interface Broken {
  readonly netkit: Netkit;
  /** From the second commit on, which is the end of an operation, nothing can be written. */
  full: boolean;
}

async function open(host: TestHost): Promise<Broken> {
  const store: Store = openSqliteStore({ path: join(host.root, "state.db") });
  const broken = { full: false };
  const fails = storeWith(store, {
    async commit(commit) {
      const begins = commit.writes.some(({ key, value }) => key === "journal/open" && value !== undefined);
      if (broken.full && !begins) throw new NetkitError("STATE_UNWRITABLE", "the disk is full");
      return await store.commit(commit);
    },
  });
  return Object.assign(broken, { netkit: await host.open({ store: fails }) });
}

test("what is being made is undone, and the next operation closes it", async () => {
  await using host = new TestHost();
  const broken = await open(host);
  const { netkit } = broken;
  await netkit.networks.create({ name: "n", subnets: [{ subnet: "10.9.0.0/24" }] });
  await using box = await netkit.sandboxes.open({ name: "box" });
  broken.full = true;
  await expect(box.connect("n", { publish: ["8080:80"] })).rejects.toMatchObject({ code: "STATE_UNWRITABLE" });
  expect(host.sh("ip -o link show type veth")).toBe("");
  expect(host.sh("nft list ruleset")).not.toContain("8080");
  broken.full = false;
  await box.connect("n", { publish: ["8080:80"] });
  expect((await netkit.doctor()).findings).toEqual([]);
  await box.close();
  await netkit.networks.remove("n");
});

test("what is being made at the same time is undone together, and each is told", async () => {
  await using host = new TestHost();
  const broken = await open(host);
  const { netkit } = broken;
  broken.full = true;
  const results = await Promise.allSettled(["a", "b"].map(async (name) => await netkit.sandboxes.open({ name })));
  expect(results).toMatchObject(results.map(() => ({ status: "rejected", reason: { code: "STATE_UNWRITABLE" } })));
  broken.full = false;
  expect(await netkit.sandboxes.list()).toEqual([]);
  expect((await netkit.doctor()).findings).toEqual([]);
  host.expectClean();
});

test("what is being removed is finished by the next operation, and the error says so", async () => {
  await using host = new TestHost();
  const broken = await open(host);
  const { netkit } = broken;
  await netkit.networks.create({ name: "n", subnets: [{ subnet: "10.9.0.0/24" }] });
  await netkit.sandboxes.open({ name: "box", networks: ["n"] });
  broken.full = true;
  await expect(netkit.sandboxes.remove("box", { force: true })).rejects.toMatchObject({
    code: "TEARDOWN",
    message: "'remove sandbox box' was begun and could not be finished: the disk is full",
    hint: expect.stringContaining("next change"),
  });
  broken.full = false;
  await netkit.networks.remove("n");
  expect(await netkit.sandboxes.list()).toEqual([]);
  expect((await netkit.doctor()).findings).toEqual([]);
});
