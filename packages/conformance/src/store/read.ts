import assert from "node:assert/strict";
import type { Entry } from "@netkit/core";
import * as fc from "fast-check";
import type { StoreCase } from "./case.ts";
import { commit, numbered, writing } from "./writing.ts";

/** Every printable character of ASCII, at each place where somebody might take it for something else. */
const oddKeys = [
  ...Array.from({ length: 0x7e - 0x20 + 1 }, (_, n) => String.fromCharCode(0x20 + n)),
  ..."a//b,/a,a/,a/./b,a/../b,../a,a?b=c,a#b,a%2Fb,a%,a&b,a+b, a ,a b,*,[a],{a},a\\b,\"a\",'a',~,$a,a=b;c".split(","),
  `long/${"x".repeat(200)}`,
];

/** What one client committed, as another one reads it. */
export const readCases: readonly StoreCase[] = [
  {
    id: "STO-READ-001",
    rule: "gives what was committed, with the revision of the commit, and nothing of what wasn't",
    run: async ({ open }) => {
      const [writer, reader] = [open(), open()];
      const revision = await commit(writer, writing({ "a/1": { deep: [1, "two", null] }, "a/2": null }));
      assert.ok(Number.isSafeInteger(revision) && revision >= 1);
      const one: Entry = { key: "a/1", value: { deep: [1, "two", null] }, revision };
      const two: Entry = { key: "a/2", value: null, revision };
      assert.deepEqual(await reader.get("a/1"), one);
      assert.deepEqual(await reader.get("a/2"), two);
      assert.equal(await reader.get("a/3"), undefined);
      assert.equal(await reader.get("a/"), undefined);
      assert.deepEqual(
        await reader.getAll(["a/2", "a/3", "a/1", "a"]),
        new Map([
          ["a/1", one],
          ["a/2", two],
        ]),
      );
      assert.deepEqual(await reader.getAll([]), new Map());
      assert.deepEqual(await reader.range(""), [one, two]);
    },
  },
  {
    id: "STO-READ-002",
    rule: "lists a prefix in bytewise order of the keys, from a key on, up to a number",
    run: async ({ open }) => {
      const store = open();
      const keys = ["b/", "b/10", "b/9", "b/B", "b/a", "b/a b", "b/~", "b", "c", "a/1", "b0"];
      await commit(store, writing(Object.fromEntries(keys.map((key) => [key, 0]))));
      const list = async (...args: Parameters<typeof store.range>): Promise<string[]> =>
        (await store.range(...args)).map(({ key }) => key);
      assert.deepEqual(await list("b/"), ["b/", "b/10", "b/9", "b/B", "b/a", "b/a b", "b/~"]);
      assert.deepEqual(await list(""), keys.toSorted());
      assert.deepEqual(await list("d"), []);
      assert.deepEqual(await list("b/", { from: "b/9" }), ["b/9", "b/B", "b/a", "b/a b", "b/~"]);
      assert.deepEqual(await list("b/", { from: "b/11" }), ["b/9", "b/B", "b/a", "b/a b", "b/~"]);
      assert.deepEqual(await list("b/", { from: "b/9", limit: 2 }), ["b/9", "b/B"]);
      assert.deepEqual(await list("b/", { from: "0", limit: 1 }), ["b/"]);
      assert.deepEqual(await list("b/", { from: "c" }), []);
      assert.deepEqual(await list("b/", { limit: 0 }), []);
    },
  },
  {
    id: "STO-READ-003",
    rule: "keeps JSON of every shape, whatever its characters",
    run: async ({ open }) => {
      const store = open();
      const shapes = [
        0,
        -1.5e300,
        "",
        "\0\u2028é𝄞 \ud800",
        true,
        false,
        null,
        [],
        {},
        [[[]]],
        { "": { "é\n": [null, {}] } },
      ];
      for (const value of [...shapes, ...fc.sample(fc.jsonValue({ stringUnit: "binary" }), { numRuns: 20, seed: 1 })]) {
        await commit(store, writing({ a: value }));
        const expected: unknown = JSON.parse(JSON.stringify(value));
        assert.deepEqual((await store.get("a"))?.value, expected);
      }
    },
  },
  {
    id: "STO-READ-004",
    rule: "keeps values of 256 KiB",
    run: async ({ open }) => {
      const store = open();
      const value = "é".repeat(128 * 1024 - 1);
      await commit(store, writing({ a: value }));
      assert.equal((await store.get("a"))?.value, value);
    },
  },
  {
    id: "STO-READ-005",
    rule: "takes every printable character of ASCII in keys for itself",
    run: async ({ open }) => {
      const store = open();
      const keys = [...new Set(oddKeys)];
      for (let from = 0; from < keys.length; from += 20) {
        const some = keys.slice(from, from + 20);
        await commit(store, writing(Object.fromEntries(some.map((key) => [key, key]))));
      }
      assert.deepEqual(
        (await store.range("")).map(({ key, value }) => [key, value]),
        keys.toSorted().map((key) => [key, key]),
      );
      for (const key of keys) {
        assert.equal((await store.get(key))?.value, key);
        const under = keys.filter((other) => other.startsWith(key)).toSorted();
        assert.deepEqual(
          (await store.range(key)).map((entry) => entry.key),
          under,
          `the range of ${JSON.stringify(key)}`,
        );
        const { events } = await store.changes(key, 0);
        if (events[0]?.type !== "resync")
          assert.deepEqual(events.map((event) => ("key" in event ? event.key : "")).toSorted(), under);
      }
      for (let from = 0; from < keys.length; from += 20) {
        await commit(store, writing(Object.fromEntries(keys.slice(from, from + 20).map((key) => [key, undefined]))));
      }
      assert.deepEqual(await store.range(""), []);
    },
  },
  {
    id: "STO-READ-006",
    rule: "gives any number of keys of one moment, however many change meanwhile",
    run: async ({ open }) => {
      const [writer, reader] = [open(), open()];
      const names = Object.keys(numbered("k/", 20));
      await commit(writer, writing(numbered("k/", 20, 0)));
      for (let from = 20; from < 200; from += 20) {
        await commit(writer, writing(Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`l/${from + n}`, 0]))));
      }
      const many = [...names.slice(0, 10), ...Array.from({ length: 180 }, (_, n) => `l/${n + 20}`), ...names.slice(10)];
      const end = new AbortController();
      const write = async (): Promise<void> => {
        for (let n = 1; !end.signal.aborted; n++) await commit(writer, writing(numbered("k/", 20, n)));
      };
      const read = async (): Promise<void> => {
        for (let n = 0; n < 20; n++) {
          const found = await reader.getAll(many);
          assert.equal(found.size, 200);
          const values = new Set(names.map((key) => found.get(key)?.value));
          assert.equal(values.size, 1, `values of ${values.size} moments in one answer`);
          const listed = new Set((await reader.range("k/")).map(({ value }) => value));
          assert.equal(listed.size, 1, `values of ${listed.size} moments in one list`);
        }
      };
      await Promise.all([write(), read().finally(() => end.abort())]);
    },
  },
];
