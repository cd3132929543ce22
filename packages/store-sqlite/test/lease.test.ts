import { randomUUID } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import type { LeaseId, Store } from "@netkit/core";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { directory } from "./directory.ts";
import { open, writing } from "./stores.ts";

/** Stops the clock; the function returned lets it go on by so many milliseconds. */
function stopClock(): (ms: number) => void {
  vi.useFakeTimers({ toFake: ["hrtime"] });
  onTestFinished(() => void vi.useRealTimers());
  return (ms) => void vi.advanceTimersByTime(ms);
}

function put(store: Store, key: string, lease: LeaseId): Promise<unknown> {
  return store.commit({ checks: [], writes: [{ key, value: 1, lease }] });
}

describe("a key with a lease", () => {
  test("is gone when the lease has run out, with no write in between", async () => {
    const advance = stopClock();
    const store = open();
    const lease = await store.lease(1000);
    await put(store, "a", lease.id);
    await store.commit(writing({ b: 1 }));
    advance(999);
    expect(await store.get("a")).toBeDefined();
    advance(1);
    expect(await store.get("a")).toBeUndefined();
    expect(await store.range("")).toEqual([{ key: "b", value: 1, revision: 2 }]);
    const create = { checks: [{ key: "a", revision: 0 }], writes: [{ key: "a", value: 2 }] };
    expect(await store.commit(create)).toEqual({ committed: true, revision: 4 });
  });

  test("stays as long as the lease is renewed", async () => {
    const advance = stopClock();
    const store = open();
    const lease = await store.lease(1000);
    await put(store, "a", lease.id);
    for (let n = 0; n < 5; n++) {
      advance(900);
      expect(await lease.renew()).toBe(true);
    }
    expect(await store.get("a")).toBeDefined();
    advance(1000);
    expect(await lease.renew()).toBe(false);
    expect(await store.get("a")).toBeUndefined();
  });

  test.each(["1970-01-02", "2099-01-01"])("knows nothing of a clock that is set to %s", async (date) => {
    vi.useFakeTimers({ toFake: ["Date"] });
    onTestFinished(() => void vi.useRealTimers());
    const store = open();
    const lease = await store.lease(10_000);
    await put(store, "a", lease.id);
    vi.setSystemTime(date);
    expect(await store.get("a")).toBeDefined();
    expect(await lease.renew()).toBe(true);
    await store.commit(writing({ b: 1 }));
    expect(await store.get("a")).toBeDefined();
  });

  test("is gone with the boot, however long its lease was", async () => {
    const path = `${directory()}/state.db`;
    const store = open({ path });
    const lease = await store.lease(1_000_000);
    await put(store, "a", lease.id);
    using database = new DatabaseSync(path);
    const boot = randomUUID();
    database.exec(`UPDATE lease SET id = '${boot}' || substr(id, 37)`);
    database.exec(`UPDATE entry SET lease = '${boot}' || substr(lease, 37)`);
    expect(await store.get("a")).toBeUndefined();
    expect(await store.commit(writing({ b: 1 }))).toEqual({ committed: true, revision: 3 });
  });

  test("is gone when the lease is revoked", async () => {
    const store = open();
    const lease = await store.lease(1_000_000);
    await put(store, "a", lease.id);
    await lease.revoke();
    expect(await store.get("a")).toBeUndefined();
    expect(await lease.renew()).toBe(false);
    await lease.revoke();
    expect(await store.revision()).toBe(2);
  });

  test("can't be written once the lease has run out", async () => {
    const advance = stopClock();
    const store = open();
    const lease = await store.lease(1000);
    advance(1000);
    expect(await put(store, "a", lease.id)).toEqual({ committed: false, conflicts: ["a"] });
    expect(await put(store, "a", "nobody's" as LeaseId)).toEqual({ committed: false, conflicts: ["a"] });
  });

  test("outlives it when it was written again without", async () => {
    const advance = stopClock();
    const store = open();
    const lease = await store.lease(1000);
    await put(store, "a", lease.id);
    await store.commit(writing({ a: 2 }));
    advance(1000);
    await store.commit(writing({ b: 1 }));
    expect(await store.get("a")).toMatchObject({ value: 2 });
  });

  test("is reported to watchers as removed, by any process that watches", async () => {
    const path = `${directory()}/state.db`;
    const [store, other] = [open({ path }), open({ path })];
    const lease = await store.lease(60);
    await put(store, "a", lease.id);
    const iterator = other.watch("a", 1, new AbortController().signal)[Symbol.asyncIterator]();
    expect(await iterator.next()).toEqual({ done: false, value: { type: "delete", key: "a", revision: 2 } });
    await iterator.return?.();
  });
});
