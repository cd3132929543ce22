import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { isNetkitError, type Store, type WatchEvent } from "@netkit/core";
import { patienceMs } from "./soon.ts";

/** What a follower learns of a key. */
export type Change = Exclude<WatchEvent, { readonly type: "resync" }>;

/** Follows a store as the contract tells users to: a `resync` makes it read everything and go on from there. */
export class Follower {
  readonly #store: Store;
  readonly #prefix: string;
  /** Of each key that is there, by what it knows. */
  readonly #state: Map<string, { readonly value: unknown; readonly revision: number }>;
  /** How often it had to read everything. */
  resyncs = 0;
  /** Of the last event. */
  revision: number;

  /** @param state what is there at `revision`; nothing at 0 */
  constructor(
    store: Store,
    prefix: string,
    revision: number,
    state: ReadonlyMap<string, { value: unknown; revision: number }> = new Map(),
  ) {
    this.#store = store;
    this.#prefix = prefix;
    this.#state = new Map(state);
    this.revision = revision;
  }

  /** Key and value of everything that is there, by what it knows. */
  get state(): Record<string, unknown> {
    return Object.fromEntries([...this.#state].map(([key, { value }]) => [key, value]));
  }

  /** Takes in events as they come from the store; what was news. Events out of order or of other keys break the contract. */
  async take(event: WatchEvent): Promise<Change[]> {
    const before = this.revision;
    this.revision = event.revision;
    // Servers that lost everything begin to count anew.
    if (event.type === "resync") return await this.#readAll();
    assert.ok(event.revision >= before, `revision ${event.revision} comes after ${before}`);
    assert.ok(event.key.startsWith(this.#prefix), `${event.key} isn't under ${JSON.stringify(this.#prefix)}`);
    const known = this.#state.get(event.key);
    // Read already, after a resync.
    if (known !== undefined && known.revision >= event.revision) return [];
    if (event.type === "put") this.#state.set(event.key, { value: event.value, revision: event.revision });
    else this.#state.delete(event.key);
    return [event];
  }

  async #readAll(): Promise<Change[]> {
    this.resyncs += 1;
    const entries = await whenBack(async () => await this.#store.range(this.#prefix));
    const keys = new Set(entries.map(({ key }) => key));
    const gone = [...this.#state.keys()].filter((key) => !keys.has(key));
    const news = entries.filter(({ key, revision }) => (this.#state.get(key)?.revision ?? 0) < revision);
    for (const key of gone) this.#state.delete(key);
    for (const { key, value, revision } of entries) this.#state.set(key, { value, revision });
    return [
      ...gone.map((key): Change => ({ type: "delete", key, revision: this.revision })),
      ...news.toSorted((a, b) => a.revision - b.revision).map((entry): Change => ({ type: "put", ...entry })),
    ];
  }

  /** Watches until `enough` says so after some news. Fails when that takes too long. */
  async watch(enough: (changes: readonly Change[]) => boolean, limitMs: number = patienceMs): Promise<Change[]> {
    const end = new AbortController();
    const changes: Change[] = [];
    const timer = setTimeout(() => end.abort(), limitMs);
    try {
      if (enough(changes)) return changes;
      for await (const event of this.#store.watch(this.#prefix, this.revision, end.signal)) {
        changes.push(...(await this.take(event)));
        if (enough(changes)) return changes;
      }
      assert.fail(`after ${limitMs} ms a watcher still waits; it saw ${JSON.stringify(changes)}`);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Asks once for what has changed. */
  async poll(): Promise<Change[]> {
    const { events, revision } = await this.#store.changes(this.#prefix, this.revision);
    const changes: Change[] = [];
    for (const event of events) changes.push(...(await this.take(event)));
    assert.ok(revision >= this.revision, `changes reach ${revision}, yet tell of ${this.revision}`);
    this.revision = revision;
    return changes;
  }
}

/** What somebody does who has to read everything: the servers may be away just then. */
async function whenBack<T>(read: () => Promise<T>): Promise<T> {
  for (const start = performance.now(); ;) {
    try {
      return await read();
    } catch (error) {
      const away = isNetkitError(error) && error.code === "STORE_UNAVAILABLE";
      if (!away || performance.now() - start > patienceMs) throw error;
      await setImmediate();
    }
  }
}

/** A follower that has read everything. */
export async function follow(store: Store, prefix = ""): Promise<Follower> {
  const revision = await store.revision();
  const entries = await store.range(prefix);
  return new Follower(store, prefix, revision, new Map(entries.map((entry) => [entry.key, entry])));
}

/** `put a`, `delete b`: what happened, without values and revisions. */
export function brief(changes: readonly WatchEvent[]): string[] {
  return changes.map((change) => (change.type === "resync" ? "resync" : `${change.type} ${change.key}`));
}
