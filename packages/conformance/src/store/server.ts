import assert from "node:assert/strict";
import { isNetkitError, type Lease, type Store } from "@netkit/core";
import type { StoreCase, StoreCaseContext, StoreServers } from "./case.ts";
import { brief, follow, Follower } from "./follow.ts";
import { soon } from "./soon.ts";
import { commit, writing } from "./writing.ts";

const onServers = { applies: ({ servers }: { readonly servers?: StoreServers }) => servers !== undefined };

/** What happens when the servers go and come back. */
export const serverCases: readonly StoreCase[] = [
  {
    ...onServers,
    id: "STO-SERVER-001",
    rule: "fails without its servers in bounded time, with the endpoint, the next step and whether a commit may have happened",
    run: async (context) => {
      const used = context.open();
      await commit(used, writing({ a: 1 }));
      const lease = await used.lease(600_000);
      await withoutServers(context, async ({ endpoint, patienceMs }) => {
        for (const call of [...calls(used, lease), ...calls(context.open(), lease)]) {
          const start = performance.now();
          await assert.rejects(call, (error) => {
            assert.ok(isNetkitError(error), String(error));
            assert.equal(error.code, "STORE_UNAVAILABLE");
            assert.ok(error.message.includes(endpoint), `${error.message} names no ${endpoint}`);
            assert.ok((error.hint ?? "").includes(endpoint), `the hint ${error.hint} names no ${endpoint}`);
            assert.match(String(error.details["outcome"]), /^(none|unknown)$/);
            return true;
          });
          const ms = performance.now() - start;
          assert.ok(ms < patienceMs, `it takes ${ms} ms to fail`);
        }
      });
      assert.equal((await used.get("a"))?.value, 1);
    },
  },
  {
    ...onServers,
    id: "STO-SERVER-002",
    rule: "serves the same clients when its servers are back, with all that was committed",
    run: async (context) => {
      const store = context.open();
      const revision = await commit(store, writing({ a: 1 }));
      await withoutServers(context, async () => await assert.rejects(store.get("a")));
      assert.deepEqual(await store.get("a"), { key: "a", value: 1, revision });
      const next = await commit(store, { checks: [{ key: "a", revision }], writes: [{ key: "a", value: 2 }] });
      assert.ok(next > revision);
    },
  },
  {
    ...onServers,
    id: "STO-SERVER-003",
    rule: "goes on with a watch when its servers are back, and misses nothing",
    run: async (context) => {
      const [writer, reader] = [context.open(), context.open()];
      await commit(writer, writing({ gone: 1 }));
      const follower = await follow(reader);
      let begun = false;
      const ready = Promise.withResolvers<void>();
      const watching = follower.watch(() => {
        begun ||= "begun" in follower.state;
        if (begun) ready.resolve();
        return "end" in follower.state && !("gone" in follower.state);
      }, 60_000);
      await commit(writer, writing({ begun: 1 }));
      await ready.promise;
      await withoutServers(context, async () => {});
      await commit(writer, writing({ gone: undefined }));
      await commit(writer, writing({ back: 1 }));
      await commit(writer, writing({ end: 1 }));
      const puts = (await watching).filter(({ type }) => type === "put");
      assert.deepEqual(brief(puts), ["put begun", "put back", "put end"]);
      assert.deepEqual(follower.state, { back: 1, begun: 1, end: 1 });
    },
  },
  {
    ...onServers,
    id: "STO-SERVER-004",
    rule: "renews a lease after its servers were away, and ends one then that nobody renews",
    run: async (context) => {
      const { lease } = context.subject;
      const store = context.open();
      const [renewed, lost] = [await store.lease(lease.shortestMs * 10), await store.lease(lease.shortestMs)];
      await commit(store, writing({ renewed: 1 }, renewed.id));
      await commit(store, writing({ lost: 1 }, lost.id));
      await withoutServers(context, async () => await assert.rejects(renewed.renew()));
      assert.equal(await renewed.renew(), true);
      const follower = await follow(context.open());
      await follower.watch(() => !("lost" in follower.state), lease.shortestMs + lease.lateMs + 20_000);
      assert.deepEqual(follower.state, { renewed: 1 });
      assert.equal(await lost.renew(), false);
      await renewed.revoke();
    },
  },
  {
    ...onServers,
    id: "STO-SERVER-005",
    rule: "ends a watch and closes without its servers",
    run: async (context) => {
      const [one, other] = [context.open(), context.open()];
      const revision = await commit(one, writing({ a: 1 }));
      const end = new AbortController();
      const watch = async (store: Store): Promise<void> => {
        for await (const event of store.watch("", revision, end.signal)) assert.fail(brief([event])[0]);
      };
      const [first, second] = [watch(one), watch(other)];
      await withoutServers(context, async () => {
        end.abort();
        await soon(first, "the end of a watch");
        await soon(other.close(), "closing");
        await soon(second, "the end of a watch");
      });
    },
  },
  {
    ...onServers,
    id: "STO-SERVER-006",
    rule: "keeps what it acknowledged, and brings whoever follows to what is there, when its servers go in the midst of work",
    run: async (context) => {
      const [reader, ...writers] = Array.from({ length: 4 }, context.open) as [Store, ...Store[]];
      const followers = [new Follower(reader, "k/", 0), new Follower(context.open(), "k/", 0)];
      const watching = followers.map((follower) => follower.watch(() => "k/end" in follower.state, 60_000));
      const acknowledged = new Map<string, number>();
      const end = new AbortController();
      const disturb = async (): Promise<void> => {
        for (let times = 0; times < 2; times++) {
          const before = acknowledged.size;
          await withoutServers(context, async () => {});
          while (acknowledged.size === before) await reader.revision();
        }
      };
      const work = async (): Promise<void> => {
        await Promise.all([
          ...writers.map((store, writer) => writeUntil(end.signal, store, writer, acknowledged)),
          disturb().finally(() => end.abort()),
        ]);
        await commit(reader, { checks: [], writes: [{ key: "k/end", value: 1 }] });
      };
      await Promise.all([...watching, work()]);
      const entries = await reader.range("k/");
      const there = new Map(entries.map(({ key, revision }) => [key, revision]));
      for (const [key, revision] of acknowledged) {
        assert.ok((there.get(key) ?? 0) >= revision, `${key} was written at ${revision}, and is of ${there.get(key)}`);
      }
      const expected = Object.fromEntries(entries.map(({ key, value }) => [key, value]));
      for (const follower of followers) assert.deepEqual(follower.state, expected);
    },
  },
];

/** Writes numbered keys, some of them again, and notes what was acknowledged. */
async function writeUntil(
  signal: AbortSignal,
  store: Store,
  writer: number,
  acknowledged: Map<string, number>,
): Promise<void> {
  for (let n = 0; !signal.aborted; n++) {
    const keys = [`k/${writer}/${n}`, `k/${writer}/again`];
    try {
      const result = await store.commit({ checks: [], writes: keys.map((key) => ({ key, value: n })) });
      if (result.committed) for (const key of keys) acknowledged.set(key, result.revision);
    } catch (error) {
      if (!isNetkitError(error) || error.code !== "STORE_UNAVAILABLE") throw error;
    }
  }
}

/** Everything that asks the servers. */
function calls(store: Store, lease: Lease): (() => Promise<unknown>)[] {
  return [
    async () => await store.get("a"),
    async () => await store.getAll(["a"]),
    async () => await store.range(""),
    async () => await store.revision(),
    async () => await store.changes("", 0),
    async () => await store.commit(writing({ a: 2 })),
    async () => await store.lease(60_000),
    async () => await lease.renew(),
    async () => await lease.revoke(),
  ];
}

async function withoutServers(
  { subject }: StoreCaseContext,
  work: (servers: StoreServers) => Promise<void>,
): Promise<void> {
  const { servers } = subject;
  assert.ok(servers !== undefined);
  await servers.stop();
  try {
    await work(servers);
  } finally {
    await servers.start();
  }
}
