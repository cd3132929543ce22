import { join } from "node:path";
import type { Commit, Entry } from "@netkit/core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { directory } from "./directory.ts";
import { open, writing } from "./stores.ts";

describe("a commit", () => {
  test("writes all its keys at one revision", async () => {
    const store = open();
    expect(await store.revision()).toBe(0);
    expect(await store.commit(writing({ "a/1": { deep: [1, "two", null] }, "a/2": null }))).toEqual({
      committed: true,
      revision: 1,
    });
    expect(await store.get("a/1")).toEqual({ key: "a/1", value: { deep: [1, "two", null] }, revision: 1 });
    expect(await store.get("a/2")).toEqual({ key: "a/2", value: null, revision: 1 });
    expect(await store.get("a/3")).toBeUndefined();
    expect(await store.revision()).toBe(1);
  });

  test("writes nothing if one check fails, and names each that failed", async () => {
    const store = open();
    await store.commit(writing({ a: 1, b: 1 }));
    await store.commit(writing({ b: 2 }));
    const checks = [
      { key: "a", revision: 1 },
      { key: "b", revision: 1 },
      { key: "c", revision: 3 },
      { key: "a", revision: 0 },
    ];
    const result = await store.commit({ checks, writes: [{ key: "d", value: 1 }] });
    expect(result).toEqual({ committed: false, conflicts: ["b", "c", "a"] });
    expect(await store.get("d")).toBeUndefined();
    expect(await store.revision()).toBe(2);
  });

  test("is refused where a key must be absent and isn't, and not after it was removed", async () => {
    const store = open();
    const create: Commit = { checks: [{ key: "a", revision: 0 }], writes: [{ key: "a", value: 1 }] };
    expect(await store.commit(create)).toMatchObject({ committed: true });
    expect(await store.commit(create)).toEqual({ committed: false, conflicts: ["a"] });
    await store.commit(writing({ a: undefined }));
    expect(await store.commit(create)).toEqual({ committed: true, revision: 3 });
  });

  test("sees a key that another commit put between read and write", async () => {
    const store = open();
    // Both look for a free slot, find the same one, and only one of them gets it.
    const [first, second] = await Promise.all([store.range("slot/"), store.range("slot/")]);
    expect([first, second]).toEqual([[], []]);
    const checks = [{ key: "slot/1", revision: 0 }];
    const commits = ["a", "b"].map((value) => store.commit({ checks, writes: [{ key: "slot/1", value }] }));
    expect(await Promise.all(commits)).toMatchObject([{ committed: true }, { committed: false }]);
    expect(await store.get("slot/1")).toMatchObject({ value: "a" });
  });

  test("that changes nothing has no revision of its own", async () => {
    const store = open();
    await store.commit(writing({ a: 1 }));
    expect(await store.commit({ checks: [{ key: "a", revision: 1 }], writes: [] })).toEqual({
      committed: true,
      revision: 1,
    });
    expect(await store.commit(writing({ b: undefined }))).toEqual({ committed: true, revision: 1 });
    expect(await store.commit(writing({ a: undefined }))).toEqual({ committed: true, revision: 2 });
  });

  test.each([[""], ["é"], ["a\n"], ["\u007f"]])("refuses the key %j", async (key) => {
    await expect(open().commit(writing({ [key]: 1 }))).rejects.toThrow(TypeError);
  });

  test("refuses to write a key twice", async () => {
    const twice: Commit = {
      checks: [],
      writes: [
        { key: "a", value: 1 },
        { key: "a", value: 2 },
      ],
    };
    await expect(open().commit(twice)).rejects.toThrow(TypeError);
  });

  test("that can't be written as JSON leaves nothing behind", async () => {
    const store = open();
    await expect(store.commit(writing({ a: 1, b: 1n }))).rejects.toThrow(TypeError);
    expect(await store.get("a")).toBeUndefined();
    expect(await store.commit(writing({ a: 1 }))).toEqual({ committed: true, revision: 1 });
  });
});

function keysOf(entries: readonly Entry[]): string[] {
  return entries.map(({ key }) => key);
}

describe("a range", () => {
  test("holds the keys of a prefix in bytewise order", async () => {
    const store = open();
    const keys = ["b/", "b/10", "b/9", "b/B", "b/a", "b/a b", "b/~", "b", "c", "a/1", "b0"];
    await store.commit(writing(Object.fromEntries(keys.map((key) => [key, 0]))));
    expect(keysOf(await store.range("b/"))).toEqual(["b/", "b/10", "b/9", "b/B", "b/a", "b/a b", "b/~"]);
    expect(keysOf(await store.range(""))).toEqual(keys.toSorted());
    expect(await store.range("d")).toEqual([]);
  });

  test("starts at `from` and ends after `limit`", async () => {
    const store = open();
    await store.commit(writing({ "a/1": 0, "a/2": 0, "a/3": 0, "b/1": 0 }));
    expect(keysOf(await store.range("a/", { from: "a/2" }))).toEqual(["a/2", "a/3"]);
    expect(keysOf(await store.range("a/", { from: "a/10" }))).toEqual(["a/2", "a/3"]);
    expect(keysOf(await store.range("a/", { from: "a/1", limit: 2 }))).toEqual(["a/1", "a/2"]);
    expect(keysOf(await store.range("a/", { from: "0", limit: 1 }))).toEqual(["a/1"]);
    expect(await store.range("a/", { from: "b/" })).toEqual([]);
    expect(await store.range("a/", { limit: 0 })).toEqual([]);
  });
});

test("stores of one file do what a map would, whoever of them writes", async () => {
  const names = ["a", "a/1", "a/2", "b", "b/1"];
  const key = fc.constantFrom(...names);
  const write = fc.tuple(key, fc.option(fc.jsonValue(), { nil: undefined }));
  const commit = fc.record({
    writer: fc.nat(1),
    alone: fc.boolean(),
    checks: fc.array(fc.tuple(key, fc.nat(4)), { maxLength: 2 }),
    writes: fc.uniqueArray(write, { selector: ([name]) => name, maxLength: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(commit, { maxLength: 12 }), async (commits) => {
      const path = join(directory(), "state.db");
      const stores = [open({ path }), open({ path })] as const;
      const model = new Map<string, { value: unknown; revision: number }>();
      let revision = 0;
      for (const { writer, alone, checks, writes } of commits) {
        const store = stores[writer] ?? stores[0];
        using _ = alone ? store.alone?.() : undefined;
        const conflicts = checks
          .filter(([name, wanted]) => (model.get(name)?.revision ?? 0) !== wanted)
          .map(([name]) => name);
        const result = await store.commit({
          checks: checks.map(([name, wanted]) => ({ key: name, revision: wanted })),
          writes: writes.map(([name, value]) => ({ key: name, value })),
        });
        if (conflicts.length === 0) {
          const effective = writes.filter(([name, value]) => value !== undefined || model.has(name));
          if (effective.length > 0) revision++;
          for (const [name, value] of effective) {
            if (value === undefined) model.delete(name);
            else model.set(name, { value: JSON.parse(JSON.stringify(value)) as unknown, revision });
          }
        }
        expect(result).toEqual(conflicts.length > 0 ? { committed: false, conflicts } : { committed: true, revision });
        const all = [...model]
          .map(([name, { value, revision: at }]) => ({ key: name, value, revision: at }))
          .toSorted((a, b) => (a.key < b.key ? -1 : 1));
        for (const reader of alone ? [store] : stores) {
          expect(await reader.range("")).toEqual(all);
          const found = await reader.getAll(names);
          expect(names.flatMap((name) => found.get(name) ?? [])).toEqual(all);
          for (const name of names) expect((await reader.get(name))?.value).toEqual(model.get(name)?.value);
        }
      }
      for (const store of stores) await store.close();
    }),
    { numRuns: 100 },
  );
});

test("what is kept in memory is what was written, whatever its writer does with the object later", async () => {
  const store = open();
  const list = [1, 2];
  await store.commit(writing({ a: { list } }));
  list.push(3);
  expect(await store.get("a")).toMatchObject({ value: { list: [1, 2] } });
});

test("more documents than are kept are read as they are", async () => {
  const store = open();
  const keys = Array.from({ length: 1_000 }, (_, index) => `key/${index}`);
  await store.commit(writing(Object.fromEntries(keys.map((key, index) => [key, index]))));
  for (let round = 0; round < 2; round++) {
    const found = await store.getAll(keys);
    expect(keys.map((key) => found.get(key)?.value)).toEqual(keys.map((_, index) => index));
  }
});

test("a document under a lease is gone at the lease's end, also for those who have just read it", async () => {
  const store = open();
  const lease = await store.lease(60_000);
  await store.commit({ checks: [], writes: [{ key: "a", value: 1, lease: lease.id }] });
  expect(await store.get("a")).toMatchObject({ value: 1 });
  expect(await store.get("a")).toMatchObject({ value: 1 });
  await lease.revoke();
  expect(await store.get("a")).toBeUndefined();
  expect(await store.revision()).toBe(2);
});

test("who wrongly said to be alone gets revisions of its own all the same", async () => {
  const path = join(directory(), "state.db");
  const [one, other] = [open({ path }), open({ path })];
  using _ = one.alone?.();
  await one.commit(writing({ a: 1 }));
  await other.commit(writing({ b: 1 }));
  expect(await one.commit(writing({ c: 1 }))).toEqual({ committed: true, revision: 3 });
  expect((await one.changes("", 0)).events.map((event) => ("key" in event ? event.key : event.type))).toEqual([
    "a",
    "b",
    "c",
  ]);
});
