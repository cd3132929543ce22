import type { StoreSubject } from "@netkit/conformance";
import {
  storeWith,
  type Changes,
  type Commit,
  type Lease,
  type LeaseId,
  type Store,
  type WatchEvent,
} from "@netkit/core";
import { sqlite } from "../stores/sqlite.ts";

/** A store that is wrong in one way, and the case that has to find it out. */
export interface StoreMutant {
  readonly killedBy: string;
  readonly subject: StoreSubject;
}

function mutant(killedBy: string, change: (store: Store) => Partial<Store>): StoreMutant {
  const makeSpace: StoreSubject["makeSpace"] = async () => {
    const space = await sqlite.makeSpace();
    const open = (): Store => {
      const store = space.open();
      return storeWith(store, change(store));
    };
    return { ...space, open };
  };
  return { killedBy, subject: { ...sqlite, makeSpace } };
}

/** Another commit than the one that was asked for. */
function commits(killedBy: string, change: (commit: Commit) => Commit): StoreMutant {
  return mutant(killedBy, (store) => ({ commit: async (commit) => await store.commit(change(commit)) }));
}

/** Other events than those that there are, in the watch alone. */
function watches(
  killedBy: string,
  change: (event: WatchEvent, revision: number) => readonly WatchEvent[],
): StoreMutant {
  return mutant(killedBy, (store) => ({
    async *watch(prefix, revision, signal) {
      for await (const event of store.watch(prefix, revision, signal)) yield* change(event, revision);
    },
  }));
}

function changes(killedBy: string, change: (changes: Changes, revision: number) => Changes): StoreMutant {
  return mutant(killedBy, (store) => ({
    changes: async (prefix, revision) => change(await store.changes(prefix, revision), revision),
  }));
}

function leases(killedBy: string, change: (lease: Lease, store: Store) => Partial<Lease>): StoreMutant {
  return mutant(killedBy, (store) => ({
    lease: async (ttlMs) => {
      const lease = await store.lease(ttlMs);
      return {
        id: lease.id,
        renew: async () => await lease.renew(),
        revoke: async () => await lease.revoke(),
        ...change(lease, store),
      };
    },
  }));
}

export const storeMutants: Readonly<Record<string, StoreMutant>> = {
  nullIsNothing: mutant("STO-READ-001", (store) => ({
    get: async (key) => {
      const entry = await store.get(key);
      return entry?.value === null ? undefined : entry;
    },
  })),
  keyIsAPrefix: mutant("STO-READ-001", (store) => ({
    get: async (key) => (await store.range(key, { limit: 1 }))[0],
  })),
  listsBackwards: mutant("STO-READ-002", (store) => ({
    range: async (...args) => (await store.range(...args)).toReversed(),
  })),
  listsFromBehind: mutant("STO-READ-002", (store) => ({
    range: async (prefix, options = {}) =>
      (await store.range(prefix, options)).filter(({ key }) => key !== options.from),
  })),
  noLimit: mutant("STO-READ-002", (store) => ({
    range: async (prefix, options = {}) =>
      await store.range(prefix, options.from === undefined ? {} : { from: options.from }),
  })),
  asciiAlone: commits("STO-READ-003", ({ checks, writes }) => ({
    checks,
    writes: writes.map((write) => ({
      ...write,
      value: JSON.parse(JSON.stringify(write.value).replaceAll(/[^ -~]/g, "?")) as unknown,
    })),
  })),
  smallValues: commits("STO-READ-004", ({ checks, writes }) => ({
    checks,
    writes: writes.map((write) => ({
      ...write,
      value: typeof write.value === "string" ? write.value.slice(0, 65_536) : write.value,
    })),
  })),
  cleansKeys: mutant("STO-READ-005", (store) => ({
    get: async (key) => await store.get(key.replace("//", "/")),
  })),
  manyMoments: mutant("STO-READ-006", (store) => ({
    getAll: async (keys) => {
      const entries = [];
      for (const key of keys) {
        entries.push(await store.get(key));
        if (entries.length === keys.length / 2)
          await store.commit({ checks: [], writes: [{ key: "k/0000", value: -1 }] });
      }
      return new Map(entries.flatMap((entry) => (entry === undefined ? [] : [[entry.key, entry]])));
    },
  })),
  oneAfterTheOther: mutant("STO-COMMIT-001", (store) => ({
    commit: async ({ checks, writes }) => {
      let result = await store.commit({ checks, writes: writes.slice(0, 1) });
      for (const write of writes.slice(1)) result = await store.commit({ checks: [], writes: [write] });
      return result;
    },
  })),
  writesAllTheSame: mutant("STO-COMMIT-002", (store) => ({
    commit: async (commit) => {
      const result = await store.commit(commit);
      if (!result.committed) await store.commit({ ...commit, checks: [] });
      return result;
    },
  })),
  namesOneConflict: mutant("STO-COMMIT-002", (store) => ({
    commit: async (commit) => {
      const result = await store.commit(commit);
      return result.committed ? result : { ...result, conflicts: result.conflicts.slice(0, 1) };
    },
  })),
  overwrites: commits("STO-COMMIT-003", ({ checks, writes }) => ({
    checks: checks.filter(({ revision }) => revision > 0),
    writes,
  })),
  looksBeforeItWrites: mutant("STO-COMMIT-004", (store) => ({
    commit: async ({ checks, writes }) => {
      const there = await Promise.all(checks.map(async ({ key }) => (await store.get(key))?.revision ?? 0));
      const conflicts = checks.filter(({ revision }, index) => there[index] !== revision);
      if (conflicts.length > 0) return { committed: false, conflicts: conflicts.map(({ key }) => key) };
      return await store.commit({ checks: [], writes });
    },
  })),
  staleReads: mutant("STO-COMMIT-005", (store) => {
    const known = new Map<string, ReturnType<Store["get"]>>();
    return {
      get: async (key) => {
        const seen = known.get(key);
        known.set(key, store.get(key));
        return await (seen ?? known.get(key));
      },
      commit: async ({ writes }) => await store.commit({ checks: [], writes }),
    };
  }),
  tenKeys: commits("STO-COMMIT-006", ({ checks, writes }) => ({ checks, writes: writes.slice(0, 10) })),
  nothingIsAConflict: mutant("STO-COMMIT-007", (store) => ({
    commit: async (commit) =>
      commit.writes.length === 0 ? { committed: true, revision: 1 } : await store.commit(commit),
  })),
  anyKey: commits("STO-COMMIT-008", ({ checks, writes }) => ({
    checks,
    writes: writes.filter(({ key }) => /^[ -~]+$/.test(key)),
  })),
  sameValueIsNoChange: mutant("STO-COMMIT-009", (store) => ({
    commit: async ({ checks, writes }) => {
      const there = await store.getAll(writes.map(({ key }) => key));
      return await store.commit({ checks, writes: writes.filter(({ key, value }) => there.get(key)?.value !== value) });
    },
  })),
  checksAfterwards: commits("STO-COMMIT-010", ({ checks, writes }) => ({
    checks: checks.filter(({ key }) => !writes.some((write) => write.key === key && write.value === undefined)),
    writes,
  })),
  everythingIsWatched: mutant("STO-WATCH-001", (store) => ({
    watch: (_, revision, signal) => store.watch("", revision, signal),
  })),
  noRemovals: watches("STO-WATCH-002", (event) => (event.type === "delete" ? [] : [event])),
  oneRevisionLate: watches("STO-WATCH-002", (event) => [{ ...event, revision: event.revision + 1 }]),
  losesEvents: watches("STO-WATCH-003", (event) => (event.type === "put" && event.key === "k/0100" ? [] : [event])),
  repeatsEvents: watches("STO-WATCH-003", (event) => [event, event]),
  resyncsNowAndThen: watches("STO-WATCH-003", (event) =>
    event.revision % 50 === 0 ? [{ type: "resync", revision: event.revision }, event] : [event],
  ),
  fromNowOn: mutant("STO-WATCH-004", (store) => ({
    async *watch(prefix, _, signal) {
      yield* store.watch(prefix, await store.revision(), signal);
    },
  })),
  oneRevisionEarly: mutant("STO-WATCH-005", (store) => ({
    watch: (prefix, revision, signal) => store.watch(prefix, revision - 1, signal),
  })),
  waitsForTheFuture: watches("STO-WATCH-006", (event) => (event.type === "resync" ? [] : [event])),
  saysNothingOfTheForgotten: watches("STO-WATCH-007", (event) => (event.type === "resync" ? [] : [event])),
  neverEnds: mutant("STO-WATCH-008", (store) => ({
    watch: (prefix, revision) => store.watch(prefix, revision, new AbortController().signal),
  })),
  alwaysResyncs: changes("STO-CHANGES-001", ({ revision }) => ({ events: [{ type: "resync", revision }], revision })),
  saysItAgain: changes("STO-CHANGES-002", ({ events, revision }, from) => ({
    events: events.length > 0 ? events : [{ type: "put", key: "k/0000", value: 0, revision: from }],
    revision,
  })),
  noOldRemovals: changes("STO-CHANGES-003", ({ events, revision }) => ({
    events: events.filter(({ type }) => type !== "delete"),
    revision,
  })),
  reachesTheFuture: changes("STO-CHANGES-004", ({ events }, from) => ({ events, revision: from })),
  losesWhatIsNotDurable: mutant("STO-CHANGES-005", (store) => ({
    commit: async (commit) =>
      commit.durable === false ? { committed: true, revision: 1 } : await store.commit(commit),
  })),
  endsEarly: mutant("STO-LEASE-001", (store) => ({ lease: async (ttlMs) => await store.lease(ttlMs / 2) })),
  neverRunsOut: mutant("STO-LEASE-001", (store) => ({ lease: async (ttlMs) => await store.lease(ttlMs * 1_000) })),
  renewsTheDead: leases("STO-LEASE-001", (lease) => ({
    renew: async () => {
      await lease.renew();
      return true;
    },
  })),
  renewsNothing: leases("STO-LEASE-002", (_, store) => ({
    renew: async () => (await store.revision()) > 0,
  })),
  revokesNothing: leases("STO-LEASE-003", () => ({ revoke: async () => {} })),
  writesWithoutTheEnded: mutant("STO-LEASE-004", (store) => ({
    commit: async (commit) => {
      const result = await store.commit(commit);
      if (result.committed) return result;
      return await store.commit({ checks: [], writes: commit.writes.map(({ key, value }) => ({ key, value })) });
    },
  })),
  onlyItsOwnLeases: mutant("STO-LEASE-005", (store) => {
    const own = new Set<LeaseId>();
    return {
      lease: async (ttlMs) => {
        const lease = await store.lease(ttlMs);
        own.add(lease.id);
        return lease;
      },
      commit: async (commit) => {
        const foreign = commit.writes.filter(({ lease }) => lease !== undefined && !own.has(lease));
        if (foreign.length > 0) return { committed: false, conflicts: foreign.map(({ key }) => key) };
        return await store.commit(commit);
      },
    };
  }),
};
