import { join } from "node:path";
import type { Store, WatchEvent } from "@netkit/core";
import { describe, expect, test } from "vitest";
import { open, writing } from "./stores.ts";
import { directory } from "./directory.ts";

/** The first `count` events; then the watcher is ended. */
async function events(store: Store, prefix: string, revision: number, count: number): Promise<WatchEvent[]> {
  const found: WatchEvent[] = [];
  const end = new AbortController();
  for await (const event of store.watch(prefix, revision, end.signal)) {
    if (found.push(event) === count) end.abort();
  }
  return found;
}

describe("a watcher", () => {
  test("sees what changed after its revision under its prefix, in order", async () => {
    const store = open();
    await store.commit(writing({ "a/1": 1, "b/1": 1 }));
    await store.commit(writing({ "a/3": 3, "a/2": 2 }));
    await store.commit(writing({ "a/1": undefined, "b/2": 2 }));
    expect(await events(store, "a/", 0, 3)).toEqual([
      { type: "put", key: "a/2", value: 2, revision: 2 },
      { type: "put", key: "a/3", value: 3, revision: 2 },
      { type: "delete", key: "a/1", revision: 3 },
    ]);
    expect(await events(store, "", 2, 2)).toEqual([
      { type: "delete", key: "a/1", revision: 3 },
      { type: "put", key: "b/2", value: 2, revision: 3 },
    ]);
  });

  test("sees of a key that changed several times the last change", async () => {
    const store = open();
    for (const value of [1, 2, 3]) await store.commit(writing({ a: value }));
    await store.commit(writing({ b: 1 }));
    await store.commit(writing({ b: undefined }));
    await store.commit(writing({ b: 2 }));
    expect(await events(store, "", 0, 3)).toEqual([
      { type: "put", key: "a", value: 3, revision: 3 },
      { type: "delete", key: "b", revision: 5 },
      { type: "put", key: "b", value: 2, revision: 6 },
    ]);
  });

  test("waits for what is to come", async () => {
    const store = open();
    const waiting = events(store, "a", 0, 2);
    await store.commit(writing({ b: 1 }));
    await store.commit(writing({ a: 1 }));
    await store.commit(writing({ a: undefined }));
    expect(await waiting).toMatchObject([
      { type: "put", revision: 2 },
      { type: "delete", revision: 3 },
    ]);
  });

  test("sees what another connection commits", async () => {
    const path = `${directory()}/state.db`;
    const [store, other] = [open({ path }), open({ path })];
    const iterator = store.watch("", 0, new AbortController().signal)[Symbol.asyncIterator]();
    for (const value of [1, 2, 3]) {
      const next = iterator.next();
      await other.commit(writing({ a: value }));
      expect(await next).toEqual({ done: false, value: { type: "put", key: "a", value, revision: value } });
    }
    await iterator.return?.();
  });

  test("misses nothing while its consumer is busy", async () => {
    const store = open();
    const end = new AbortController();
    const seen: unknown[] = [];
    await store.commit(writing({ "k/0": 0 }));
    for await (const event of store.watch("k/", 0, end.signal)) {
      seen.push("key" in event && event.key);
      const next = seen.length;
      if (next === 1200) end.abort();
      else await store.commit(writing({ [`k/${next}`]: next }));
    }
    expect(seen).toEqual(Array.from({ length: 1200 }, (_, n) => `k/${n}`));
  });

  test("that is too far behind must read everything again", async () => {
    const store = open();
    await store.commit(writing({ gone: 1, kept: 1 }));
    await store.commit(writing({ gone: undefined }));
    for (let n = 3; n <= 10_600; n++) await store.commit(writing({ counter: n }));
    expect(await events(store, "", 1, 1)).toEqual([{ type: "resync", revision: 10_600 }]);
    expect(await events(store, "", 499, 1)).toMatchObject([{ type: "resync" }]);
    // Removals up to 500 were forgotten at 10,500; from there on nothing is missing.
    expect(await events(store, "", 500, 1)).toEqual([{ type: "put", key: "counter", value: 10_600, revision: 10_600 }]);
  });

  test("that comes from the future must read everything again", async () => {
    const store = open();
    await store.commit(writing({ a: 1 }));
    const waiting = events(store, "", 7, 2);
    await store.commit(writing({ a: 2 }));
    expect((await waiting)[0]).toMatchObject({ type: "resync" });
  });
});

describe("a watcher ends", () => {
  test.each<[string, (store: Store, end: AbortController) => void]>([
    ["when it is told to", (_, end) => end.abort()],
    ["with its store", (store) => void store.close()],
  ])("%s, and leaves no timer", async (_, stop) => {
    const before = timers();
    const store = open();
    const end = new AbortController();
    const ended = Promise.all([drain(store, end.signal), drain(store, end.signal)]);
    expect(timers()).toBe(before + 1);
    stop(store, end);
    await ended;
    expect(timers()).toBe(before);
  });

  test("before it begins if it was told before", async () => {
    const store = open();
    await store.commit(writing({ a: 1 }));
    expect(await drain(store, AbortSignal.abort())).toEqual([]);
  });

  test("with its store, even between two events", async () => {
    const store = open();
    await store.commit(writing({ a: 1 }));
    const iterator = store.watch("", 0, new AbortController().signal)[Symbol.asyncIterator]();
    await iterator.next();
    await store.close();
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });
});

describe("changes so far", () => {
  test("are what a watcher would see, at once, with the revision that they reach", async () => {
    const store = open();
    expect(await store.changes("", 0)).toEqual({ events: [], revision: 0 });
    for (let n = 0; n < 1_200; n++) await store.commit(writing({ [`k/${n}`]: n }));
    await store.commit(writing({ "k/7": undefined, other: 1 }));
    const { events: all, revision } = await store.changes("k/", 0);
    expect(revision).toBe(1_201);
    expect(all).toHaveLength(1_200);
    expect(all.at(-1)).toEqual({ type: "delete", key: "k/7", revision: 1_201 });
    expect(await store.changes("k/", revision)).toEqual({ events: [], revision });
    expect((await store.changes("", 1_200)).events).toHaveLength(2);
  });

  test("are seen after a quiet time, whoever made them", async () => {
    const path = join(directory(), "state.db");
    const [store, other] = [open({ path }), open({ path })];
    await store.commit(writing({ a: 1 }));
    for (const quiet of [0, 1]) expect((await store.changes("", 1)).events, `${quiet}`).toEqual([]);
    await other.commit(writing({ a: 2 }));
    expect((await store.changes("", 1)).events).toEqual([{ type: "put", key: "a", value: 2, revision: 2 }]);
    expect(await store.changes("", 2)).toEqual({ events: [], revision: 2 });
    await store.commit(writing({ a: 3 }));
    expect((await store.changes("", 2)).events).toEqual([{ type: "put", key: "a", value: 3, revision: 3 }]);
    const lease = await other.lease(50);
    await other.commit({ checks: [], writes: [{ key: "b", value: 1, lease: lease.id }] });
    expect((await store.changes("", 3)).events).toHaveLength(1);
    await expect
      .poll(async () => await store.changes("", 4))
      .toEqual({
        events: [{ type: "delete", key: "b", revision: 5 }],
        revision: 5,
      });
  });

  test("begin with a resync where the history is gone", async () => {
    const store = open();
    await store.commit(writing({ a: 1 }));
    expect(await store.changes("", 7)).toEqual({ events: [{ type: "resync", revision: 1 }], revision: 1 });
  });
});

function timers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
}

async function drain(store: Store, signal: AbortSignal): Promise<WatchEvent[]> {
  const found: WatchEvent[] = [];
  for await (const event of store.watch("", 0, signal)) found.push(event);
  return found;
}
