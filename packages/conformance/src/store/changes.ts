import assert from "node:assert/strict";
import type { StoreCase } from "./case.ts";
import { brief, follow } from "./follow.ts";
import { commit, numbered, writing } from "./writing.ts";

/** What has changed so far, without waiting. */
export const changesCases: readonly StoreCase[] = [
  {
    id: "STO-CHANGES-001",
    rule: "brings whoever asks again and again to what is there, with a resync at the first time at most",
    run: async ({ open }) => {
      const [writer, reader] = [open(), open()];
      const follower = await follow(reader, "k/");
      await follower.poll();
      for (let n = 0; n < 20; n++) {
        await commit(writer, writing({ [`k/${n % 5}`]: n, other: n }));
        if (n % 3 === 0) await commit(writer, writing({ [`k/${(n + 1) % 5}`]: undefined }));
        await follower.poll();
        const entries = await reader.range("k/");
        assert.deepEqual(follower.state, Object.fromEntries(entries.map(({ key, value }) => [key, value])));
      }
      assert.ok(follower.resyncs <= 1, `${follower.resyncs} resyncs`);
    },
  },
  {
    id: "STO-CHANGES-002",
    rule: "has nothing to say of what was said, and reaches the latest revision",
    run: async ({ open }) => {
      const store = open();
      const revision = await commit(store, writing(numbered("k/", 20)));
      const all = await store.changes("k/", 0);
      assert.ok(all.revision >= revision);
      for (let n = 0; n < 3; n++) {
        const { events, revision: reached } = await store.changes("k/", all.revision);
        assert.deepEqual(events, []);
        assert.ok(reached >= all.revision);
      }
      const next = await commit(store, writing({ "k/0000": 1 }));
      const { events } = await store.changes("k/", all.revision);
      assert.deepEqual(events, [{ type: "put", key: "k/0000", value: 1, revision: next }]);
    },
  },
  {
    id: "STO-CHANGES-003",
    rule: "tells everything from the beginning on",
    applies: ({ history }) => history,
    run: async ({ open }) => {
      const store = open();
      await commit(store, writing({ a: 1, b: 1, "c/1": 1 }));
      const last = await commit(store, writing({ a: 2, b: undefined }));
      const { events, revision } = await store.changes("", 0);
      assert.deepEqual(brief(events.filter(({ type }) => type !== "delete")).toSorted(), ["put a", "put c/1"]);
      assert.ok(revision >= last);
      const since = await store.changes("", last - 1);
      assert.deepEqual(brief(since.events).toSorted(), ["delete b", "put a"]);
    },
  },
  {
    id: "STO-CHANGES-004",
    rule: "says resync of revisions that haven't been, with the one to go on from",
    run: async ({ open }) => {
      const store = open();
      const last = await commit(store, writing({ a: 1 }));
      const { events, revision } = await store.changes("", last + 1_000_000);
      assert.deepEqual(brief(events), ["resync"]);
      assert.equal(events[0]?.revision, revision);
      assert.ok(revision >= last && revision < last + 1_000_000);
      assert.deepEqual((await store.changes("", revision)).events, []);
    },
  },
  {
    id: "STO-CHANGES-005",
    rule: "keeps what was committed without waiting for the disk once it was flushed",
    run: async ({ open }) => {
      const store = open();
      await commit(store, { ...writing({ a: 1 }), durable: false });
      await store.flush();
      await store.close();
      assert.equal((await open().get("a"))?.value, 1);
    },
  },
];
