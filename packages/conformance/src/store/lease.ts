import assert from "node:assert/strict";
import { setTimeout as passes } from "node:timers/promises";
import type { Lease, LeaseId } from "@netkit/core";
import type { StoreCase, StoreSubject } from "./case.ts";
import { brief, follow } from "./follow.ts";
import { commit, writing } from "./writing.ts";

/** Beyond the store's own lateness: a busy machine. */
const slackMs = 5_000;

/** How long after its last renewal a lease has ended at the latest. */
function endedAfterMs({ lease }: StoreSubject): number {
  return lease.shortestMs + lease.lateMs + slackMs;
}

export const leaseCases: readonly StoreCase[] = [
  {
    id: "STO-LEASE-001",
    rule: "removes the keys of a lease that nobody renews, not before its time, and tells those who follow",
    run: async ({ open, subject }) => {
      const [owner, other] = [open(), open()];
      await commit(owner, writing({ stays: 1 }));
      const follower = await follow(other);
      await follower.poll();
      const start = performance.now();
      const lease = await owner.lease(subject.lease.shortestMs);
      await commit(owner, writing({ a: 1, b: 1 }, lease.id));
      const watcher = await follow(other);
      const changes = await watcher.watch(() => !("b" in watcher.state), endedAfterMs(subject));
      const ms = performance.now() - start;
      assert.ok(ms >= subject.lease.shortestMs * 0.95, `it ended after ${ms} ms`);
      assert.ok(brief(changes).includes("delete b"));
      await follower.poll();
      assert.deepEqual(follower.state, { stays: 1 });
      assert.equal(await owner.get("a"), undefined);
      assert.deepEqual(
        (await owner.range("")).map(({ key }) => key),
        ["stays"],
      );
      assert.equal(await lease.renew(), false);
      const create = { checks: [{ key: "a", revision: 0 }], writes: [{ key: "a", value: 2 }] };
      await commit(other, create);
    },
  },
  {
    id: "STO-LEASE-002",
    rule: "keeps the keys of a lease that is renewed, and those that were written again without it or under another one",
    run: async ({ open, subject }) => {
      const [owner, other] = [open(), open()];
      const [kept, lost] = [await owner.lease(subject.lease.shortestMs), await owner.lease(subject.lease.shortestMs)];
      await commit(owner, writing({ kept: 1, leased: 1 }, kept.id));
      await commit(owner, writing({ lost: 1, freed: 1, moved: 1 }, lost.id));
      await commit(owner, writing({ freed: 2 }));
      await commit(other, writing({ moved: 2 }, kept.id));
      await renewUntil(kept, subject, async () => (await other.get("lost")) === undefined);
      const all = async (): Promise<unknown> => (await other.range("")).map(({ key, value }) => [key, value]);
      assert.deepEqual(await all(), [
        ["freed", 2],
        ["kept", 1],
        ["leased", 1],
        ["moved", 2],
      ]);
      await kept.revoke();
      assert.deepEqual(await all(), [["freed", 2]]);
    },
  },
  {
    id: "STO-LEASE-003",
    rule: "removes a lease's keys at once when it is revoked, and tells those who follow",
    run: async ({ open }) => {
      const [owner, other] = [open(), open()];
      const lease = await owner.lease(60_000);
      const revision = await commit(owner, writing({ a: 1, b: 1 }, lease.id));
      const follower = await follow(other);
      assert.equal(await lease.renew(), true);
      assert.deepEqual(follower.state, { a: 1, b: 1 });
      await lease.revoke();
      assert.deepEqual(await other.range(""), []);
      assert.ok((await other.revision()) > revision);
      const changes = await follower.watch(() => Object.keys(follower.state).length === 0);
      assert.deepEqual(brief(changes).toSorted(), ["delete a", "delete b"]);
      assert.equal(await lease.renew(), false);
      await lease.revoke();
    },
  },
  {
    id: "STO-LEASE-004",
    rule: "makes a commit under a lease that has ended conflict on its keys, and writes nothing of it",
    run: async ({ open }) => {
      const store = open();
      const [ended, alive] = [await store.lease(60_000), await store.lease(60_000)];
      await ended.revoke();
      const writes = [
        { key: "a", value: 1, lease: ended.id },
        { key: "b", value: 1, lease: alive.id },
        { key: "c", value: 1 },
      ];
      assert.deepEqual(await store.commit({ checks: [], writes }), { committed: false, conflicts: ["a"] });
      const nobodys = writing({ a: 1 }, "nobody's" as LeaseId);
      assert.deepEqual(await store.commit(nobodys), { committed: false, conflicts: ["a"] });
      assert.deepEqual(await store.range(""), []);
      await alive.revoke();
    },
  },
  {
    id: "STO-LEASE-005",
    rule: "lets another client write under a lease by its id, and checks and removes its keys as any others",
    run: async ({ open }) => {
      const [owner, other] = [open(), open()];
      const lease = await owner.lease(60_000);
      const first = await commit(other, writing({ a: 1, b: 1 }, lease.id));
      const checks = [{ key: "a", revision: first }];
      const second = await commit(other, { checks, writes: [{ key: "a", value: 2, lease: lease.id }] });
      // Not every store tells under which lease.
      const { lease: told = lease.id, ...entry } = (await owner.get("a")) ?? {};
      assert.deepEqual([entry, told], [{ key: "a", value: 2, revision: second }, lease.id]);
      assert.deepEqual(await other.commit({ checks, writes: [] }), { committed: false, conflicts: ["a"] });
      await commit(other, writing({ b: undefined }));
      assert.deepEqual(
        (await owner.range("")).map(({ key }) => key),
        ["a"],
      );
      await lease.revoke();
      assert.deepEqual(await owner.range(""), []);
    },
  },
];

/** Renews it in time until something else has happened, and for longer than it would have lived without. */
async function renewUntil(lease: Lease, subject: StoreSubject, happened: () => Promise<boolean>): Promise<void> {
  const start = performance.now();
  const longEnoughMs = subject.lease.shortestMs + subject.lease.lateMs;
  for (let done = false; !done || performance.now() - start < longEnoughMs; done ||= await happened()) {
    assert.ok(performance.now() - start < longEnoughMs + slackMs, "a lease that nobody renews doesn't end");
    await passes(subject.lease.shortestMs / 4);
    assert.equal(await lease.renew(), true);
  }
}
