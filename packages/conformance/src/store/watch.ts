import assert from "node:assert/strict";
import type { Store, WatchEvent } from "@netkit/core";
import type { StoreCase } from "./case.ts";
import { brief, follow, Follower } from "./follow.ts";
import { patienceMs, soon } from "./soon.ts";
import { commit, numbered, writing } from "./writing.ts";

export const watchCases: readonly StoreCase[] = [
  {
    id: "STO-WATCH-001",
    rule: "reports to a watcher what others change under its prefix, in order, and nothing else",
    run: async ({ open }) => {
      const [writer, reader] = [open(), open()];
      await commit(writer, writing({ "a/0": 0, "b/0": 0 }));
      const follower = await follow(reader, "a/");
      const watching = follower.watch((changes) => changes.some(({ key }) => key === "a/end"));
      await commit(writer, writing({ "a/1": { deep: [1] }, "b/1": 1 }));
      await commit(writer, writing({ "a/2": 2 }));
      await commit(writer, writing({ "b/2": 2 }));
      const removed = await commit(writer, writing({ "a/0": undefined }));
      const last = await commit(writer, writing({ "a/end": 1 }));
      const changes = await watching;
      assert.deepEqual(brief(changes.filter(({ type }) => type === "put")), ["put a/1", "put a/2", "put a/end"]);
      const [removal] = changes.filter(({ type }) => type === "delete");
      assert.equal(removal?.key, "a/0");
      assert.ok(
        removal.revision >= removed && removal.revision <= last,
        `removed at ${removed}, told ${removal.revision}`,
      );
      assert.deepEqual(follower.state, { "a/1": { deep: [1] }, "a/2": 2, "a/end": 1 });
    },
  },
  {
    id: "STO-WATCH-002",
    rule: "reports each change with its value and the revision of its commit",
    run: async ({ open }) => {
      const [writer, reader] = [open(), open()];
      const follower = await follow(reader);
      for (const value of [{ deep: [null] }, "", null, 0, false]) {
        const revision = await commit(writer, writing({ a: value }));
        assert.deepEqual(await follower.watch((changes) => changes.length > 0), [
          { type: "put", key: "a", value, revision },
        ]);
      }
      await commit(writer, writing({ a: undefined }));
      assert.deepEqual(brief(await follower.watch((changes) => changes.length > 0)), ["delete a"]);
      assert.deepEqual(follower.state, {});
    },
  },
  {
    id: "STO-WATCH-003",
    rule: "needs no resync once a watch has begun, loses nothing and repeats nothing while its consumer is busy",
    run: async ({ open }) => {
      const [writer, reader] = [open(), open()];
      const [begin = "", ...keys] = Object.keys(numbered("k/", 200));
      const first = await commit(writer, writing({ [begin]: 0 }));
      let written: Promise<void> | undefined;
      const write = async (): Promise<void> => {
        for (const key of keys) await commit(writer, writing({ [key]: 0 }));
      };
      const events = await collect(reader, "k/", first - 1, async (soFar) => {
        written ??= write();
        // The consumer's own work: a question to the store, every now and then.
        if (soFar.length % 10 === 0) await reader.get(begin);
        return brief(soFar).at(-1) === `put ${keys.at(-1)}`;
      });
      await written;
      // The first event says that the watch has begun.
      assert.match(brief(events)[0] ?? "", /^(resync|put k\/0000)$/);
      assert.deepEqual(
        brief(events.slice(1)),
        keys.map((key) => `put ${key}`),
      );
    },
  },
  {
    id: "STO-WATCH-004",
    rule: "brings whoever follows to what is there, wherever the watch begins",
    run: async ({ open }) => {
      const [writer, reader] = [open(), open()];
      const starts: { revision: number; state: Map<string, { value: unknown; revision: number }> }[] = [];
      for (let n = 0; n < 30; n++) {
        const revision = await commit(
          writer,
          writing({ [`k/${n % 7}`]: n, [`k/${(n * 3 + 1) % 7}x`]: n % 2 ? undefined : n }),
        );
        const entries = await writer.range("k/");
        starts.push({ revision, state: new Map(entries.map((entry) => [entry.key, entry])) });
      }
      starts.unshift({ revision: 0, state: new Map() });
      const followers = starts
        .filter((_, index) => index % 5 === 0)
        .map(({ revision, state }) => new Follower(reader, "k/", revision, state));
      const watching = followers.map((follower) => follower.watch(() => "k/end" in follower.state));
      await commit(writer, writing({ "k/0": undefined }));
      await commit(writer, writing({ "k/end": 1 }));
      await Promise.all(watching);
      const expected = Object.fromEntries((await reader.range("k/")).map(({ key, value }) => [key, value]));
      for (const follower of followers) assert.deepEqual(follower.state, expected);
    },
  },
  {
    id: "STO-WATCH-005",
    rule: "reports every change since any revision, removals too",
    applies: ({ history }) => history,
    run: async ({ open }) => {
      const store = open();
      const one = await commit(store, writing({ "a/1": 1, "b/1": 1 }));
      const two = await commit(store, writing({ "a/2": 2 }));
      const three = await commit(store, writing({ "a/1": undefined, "b/2": 2 }));
      const put = { type: "put", key: "a/2", value: 2, revision: two };
      const removed = { type: "delete", key: "a/1", revision: three };
      assert.deepEqual(await collect(open(), "a/", one, ({ length }) => length === 2), [put, removed]);
      assert.deepEqual(await collect(open(), "a/", two, ({ length }) => length === 1), [removed]);
    },
  },
  {
    id: "STO-WATCH-006",
    rule: "says resync to a watcher of revisions that haven't been, and goes on",
    run: async ({ open }) => {
      const store = open();
      const revision = await commit(store, writing({ a: 1 }));
      const events = await collect(open(), "", revision + 1_000_000, async ({ length }) => {
        if (length === 1) await commit(store, writing({ b: 1 }));
        return length === 2;
      });
      assert.deepEqual(brief(events), ["resync", "put b"]);
      assert.ok((events[0]?.revision ?? 0) >= revision);
    },
  },
  {
    id: "STO-WATCH-007",
    rule: "says resync to a watcher whose history was forgotten, even if only the last change was, and goes on",
    applies: ({ forgets }) => forgets,
    run: async ({ open, space }) => {
      assert.ok(space.forget !== undefined);
      const store = open();
      const first = await commit(store, writing({ gone: 1, kept: 1 }));
      await commit(store, writing({ gone: undefined }));
      await space.forget();
      await commit(store, writing({ later: 1 }));
      const follower = new Follower(open(), "", first, new Map([["gone", { value: 1, revision: first }]]));
      await follower.watch(() => "later" in follower.state && !("gone" in follower.state));
      assert.ok(follower.resyncs >= 1, "nothing was said of the history that is gone");
      await commit(store, writing({ end: 1 }));
      await follower.watch(() => "end" in follower.state);
      const changes = new Follower(open(), "", first, new Map([["gone", { value: 1, revision: first }]]));
      await changes.poll();
      assert.deepEqual(changes.state, { end: 1, kept: 1, later: 1 });
      assert.equal(changes.resyncs, 1);
    },
  },
  {
    id: "STO-WATCH-008",
    rule: "ends a watch with its signal, even before it begins, and with its store, even between two events",
    run: async ({ open }) => {
      const store = open();
      const before = await store.revision();
      await commit(store, writing({ a: 1, b: 1 }));
      assert.deepEqual(await soon(allEvents(store, before, AbortSignal.abort()), "a watch that never begins"), []);

      const end = new AbortController();
      const idle = allEvents(store, await store.revision(), end.signal);
      end.abort();
      assert.deepEqual(await soon(idle, "the end of a watch"), []);

      const iterator = store.watch("", before, new AbortController().signal)[Symbol.asyncIterator]();
      await iterator.next();
      const waiting = allEvents(store, await store.revision(), new AbortController().signal);
      await store.close();
      assert.deepEqual(await soon(iterator.next(), "the end of a watch"), { done: true, value: undefined });
      assert.deepEqual(await soon(waiting, "the end of a watch"), []);
    },
  },
];

/** The events until there are enough of them. */
async function collect(
  store: Store,
  prefix: string,
  revision: number,
  enough: (events: readonly WatchEvent[]) => Promise<boolean> | boolean,
): Promise<WatchEvent[]> {
  const events: WatchEvent[] = [];
  const end = AbortSignal.timeout(patienceMs);
  for await (const event of store.watch(prefix, revision, end)) {
    events.push(event);
    if (await enough(events)) return events;
  }
  assert.fail(`after ${patienceMs} ms a watcher still waits; it saw ${brief(events).join()}`);
}

async function allEvents(store: Store, revision: number, signal: AbortSignal): Promise<WatchEvent[]> {
  const events: WatchEvent[] = [];
  for await (const event of store.watch("", revision, signal)) events.push(event);
  return events;
}
