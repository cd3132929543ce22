import assert from "node:assert/strict";
import * as fc from "fast-check";
import type { Commit, Lease, Store } from "@netkit/core";
import type { StoreCase } from "./case.ts";
import { commit, numbered, writing } from "./writing.ts";

const clients = 5;

export const commitCases: readonly StoreCase[] = [
  {
    id: "STO-COMMIT-001",
    rule: "gives all writes of a commit one revision, later than all before",
    run: async ({ open }) => {
      const [store, other] = [open(), open()];
      let last = await store.revision();
      for (const value of [1, 2, 3]) {
        const revision = await commit(value === 2 ? other : store, writing({ a: value, b: value }));
        assert.ok(revision > last, `revision ${revision} comes after ${last}`);
        assert.deepEqual(
          (await other.range("")).map((entry) => entry.revision),
          [revision, revision],
        );
        assert.ok((await other.revision()) >= revision);
        last = revision;
      }
      const removed = await commit(store, writing({ a: undefined }));
      assert.ok(removed > last);
      assert.ok((await commit(store, writing({ a: 1 }))) > removed);
    },
  },
  {
    id: "STO-COMMIT-002",
    rule: "writes nothing if a check fails, and names each that failed",
    run: async ({ open }) => {
      const store = open();
      const first = await commit(store, writing({ a: 1, b: 1 }));
      await commit(store, writing({ b: 2 }));
      const checks = [
        { key: "a", revision: first },
        { key: "b", revision: first },
        { key: "c", revision: first },
        { key: "d", revision: 0 },
      ];
      const writes = [
        { key: "a", value: undefined },
        { key: "d", value: 1 },
      ];
      assert.deepEqual(await store.commit({ checks, writes }), { committed: false, conflicts: ["b", "c"] });
      assert.equal((await store.get("a"))?.value, 1);
      assert.equal(await store.get("d"), undefined);
    },
  },
  {
    id: "STO-COMMIT-003",
    rule: "refuses what must be absent and isn't, and not after it was removed",
    run: async ({ open }) => {
      const store = open();
      const create: Commit = { checks: [{ key: "a", revision: 0 }], writes: [{ key: "a", value: 1 }] };
      const revision = await commit(store, create);
      assert.deepEqual(await store.commit(create), { committed: false, conflicts: ["a"] });
      const remove: Commit = { checks: [{ key: "a", revision }], writes: [{ key: "a", value: undefined }] };
      await commit(store, remove);
      assert.deepEqual(await store.commit(remove), { committed: false, conflicts: ["a"] });
      await commit(store, create);
      assert.deepEqual(await store.commit(remove), { committed: false, conflicts: ["a"] });
    },
  },
  {
    id: "STO-COMMIT-004",
    rule: "lets exactly one of several clients have a key that all want at once",
    run: async ({ open }) => {
      const stores = Array.from({ length: clients }, open);
      for (let slot = 0; slot < 10; slot++) {
        const key = `slot/${slot}`;
        const results = await Promise.all(
          stores.map((store, value) => store.commit({ checks: [{ key, revision: 0 }], writes: [{ key, value }] })),
        );
        const winners = [...results.keys()].filter((index) => results[index]?.committed);
        assert.equal(winners.length, 1, `${winners.length} clients have ${key}`);
        assert.equal((await stores[0]?.get(key))?.value, winners[0]);
        for (const result of results) if (!result.committed) assert.deepEqual(result.conflicts, [key]);
      }
    },
  },
  {
    id: "STO-COMMIT-005",
    rule: "loses no change of clients that read, change and write with a check",
    run: async ({ open }) => {
      const stores = Array.from({ length: clients }, open);
      const revisions = (await Promise.all(stores.map((store) => addUp(store, 10)))).flat();
      assert.equal((await open().get("counter"))?.value, clients * 10);
      assert.equal(new Set(revisions).size, clients * 10, "two commits have the same revision");
    },
  },
  {
    id: "STO-COMMIT-006",
    rule: "takes a commit that checks and writes 20 keys, or removes them, or moves them from one lease to another",
    run: async ({ open }) => {
      const store = open();
      const keys = Object.keys(numbered("k/", 20));
      const leases = [await store.lease(60_000), await store.lease(60_000)];
      let revision = 0;
      const write = (value: unknown, lease?: Lease): Commit => ({
        checks: keys.map((key) => ({ key, revision })),
        writes: keys.map((key) => ({ key, value, ...(lease === undefined ? {} : { lease: lease.id }) })),
      });
      const values = async (): Promise<unknown> => (await store.range("")).map(({ key, value }) => [key, value]);
      for (const lease of [undefined, ...leases, undefined]) {
        revision = await commit(store, write("x".repeat(1_000), lease));
        assert.deepEqual(
          await values(),
          keys.map((key) => [key, "x".repeat(1_000)]),
        );
      }
      for (const lease of leases) await lease.revoke();
      assert.equal((await store.range("")).length, 20);
      const stale = write(0);
      revision = await commit(store, write(1));
      assert.deepEqual(await store.commit(stale), { committed: false, conflicts: keys });
      await commit(store, write(undefined));
      assert.deepEqual(await values(), []);
    },
  },
  {
    id: "STO-COMMIT-007",
    rule: "commits what changes nothing, if its checks hold",
    run: async ({ open }) => {
      const store = open();
      const revision = await commit(store, writing({ a: 1 }));
      await commit(store, {
        checks: [
          { key: "a", revision },
          { key: "b", revision: 0 },
        ],
        writes: [],
      });
      await commit(store, writing({ b: undefined }));
      assert.equal((await store.get("a"))?.revision, revision);
      const result = await store.commit({ checks: [{ key: "a", revision: 0 }], writes: [] });
      assert.deepEqual(result, { committed: false, conflicts: ["a"] });
    },
  },
  {
    id: "STO-COMMIT-008",
    rule: "refuses keys that aren't printable ASCII, a key twice and what isn't JSON, and writes nothing then",
    run: async ({ open }) => {
      const store = open();
      for (const key of ["", "é", "a\n", "\u007f"])
        await assert.rejects(store.commit(writing({ b: 1, [key]: 1 })), TypeError);
      const twice = [
        { key: "a", value: 1 },
        { key: "a", value: 2 },
      ];
      await assert.rejects(store.commit({ checks: [], writes: twice }), TypeError);
      for (const value of [1n, () => 1, Symbol("a")]) {
        await assert.rejects(store.commit(writing({ a: 1, b: value })), TypeError);
      }
      assert.deepEqual(await store.range(""), []);
    },
  },
  {
    id: "STO-COMMIT-009",
    rule: "keeps a check of one key apart from the writes of others",
    run: async ({ open }) => {
      const store = open();
      const revision = await commit(store, writing({ lock: 1 }));
      await commit(store, { checks: [{ key: "lock", revision }], writes: [{ key: "a", value: 1 }] });
      assert.equal((await store.get("lock"))?.revision, revision);
      const next = await commit(store, writing({ lock: 1 }));
      assert.ok(next > revision, "the same value again is a change");
      const late = { checks: [{ key: "lock", revision }], writes: [{ key: "a", value: undefined }] };
      assert.deepEqual(await store.commit(late), { committed: false, conflicts: ["lock"] });
    },
  },
  {
    id: "STO-COMMIT-010",
    rule: "does what a map would",
    run: async ({ open }) => await likeAMap(open()),
  },
];

/** The revisions of so many commits that each add one to `counter`. */
async function addUp(store: Store, times: number): Promise<number[]> {
  const revisions: number[] = [];
  while (revisions.length < times) {
    const entry = await store.get("counter");
    const checks = [{ key: "counter", revision: entry?.revision ?? 0 }];
    const value = Number(entry?.value ?? 0) + 1;
    const result = await store.commit({ checks, writes: [{ key: "counter", value }] });
    if (result.committed) revisions.push(result.revision);
  }
  return revisions;
}

async function likeAMap(store: Store): Promise<void> {
  const key = fc.constantFrom("a", "a/1", "a/2", "b", "b/1");
  const write = fc.tuple(key, fc.option(fc.jsonValue(), { nil: undefined }));
  // Of a check: whether it holds.
  const change = fc.record({
    checks: fc.uniqueArray(fc.tuple(key, fc.boolean()), { selector: ([name]) => name, maxLength: 3 }),
    writes: fc.uniqueArray(write, { selector: ([name]) => name, maxLength: 3 }),
  });
  const model = new Map<string, { value: unknown; revision: number }>();
  for (const { checks, writes } of fc.sample(change, { numRuns: 100, seed: 1 })) {
    const conflicts = checks.filter(([, holds]) => !holds).map(([name]) => name);
    const result = await store.commit({
      checks: checks.map(([name, holds]) => ({ key: name, revision: revisionFor(model.get(name)?.revision, holds) })),
      writes: writes.map(([name, value]) => ({ key: name, value })),
    });
    if (!result.committed) assert.deepEqual(result.conflicts.toSorted(), conflicts.toSorted());
    else {
      assert.deepEqual(conflicts, []);
      for (const [name, value] of writes) {
        if (value === undefined) model.delete(name);
        else model.set(name, { value: JSON.parse(JSON.stringify(value)) as unknown, revision: result.revision });
      }
    }
    const all = [...model].map(([name, { value, revision }]) => ({ key: name, value, revision }));
    assert.deepEqual(
      await store.range(""),
      all.toSorted((a, b) => (a.key < b.key ? -1 : 1)),
    );
  }
}

/** What a check says that holds or doesn't, of a key that is there at a revision or not at all. */
function revisionFor(there: number | undefined, holds: boolean): number {
  if (holds) return there ?? 0;
  return there === undefined ? 1 : 0;
}
