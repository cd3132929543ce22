import { randomInt } from "node:crypto";
import {
  requireKeys,
  type Changes,
  type Commit,
  type CommitResult,
  type Entry,
  type Lease,
  type NetkitError,
  type RangeOptions,
  type Store,
  type WatchEvent,
} from "@netkit/core";
import { parsed, type Api } from "./api.ts";
import { refused, tooLarge, unavailable } from "./errors.ts";
import { openLease } from "./lease.ts";
import { differences, list, type Listing } from "./listing.ts";
import { entryOf, inOrder, type Pair } from "./pairs.ts";
import { operationsOf, operationsPerTransaction, type Operation } from "./transaction.ts";
import { watchChanges } from "./watch.ts";

interface TransactionAnswer {
  readonly address: string;
  readonly Results: readonly { readonly KV: Pair }[] | null;
  readonly Errors: readonly { readonly OpIndex: number; readonly What: string }[] | null;
}

/**
 * A store's entries under one prefix of Consul's keys. The key that is the prefix alone is the store's own: each commit sets
 * it, so that each has an index, even one that only removes, and so that the prefix's index never falls behind a commit.
 */
export class ConsulStore implements Store {
  readonly #api: Api;
  readonly #root: string;
  /** By prefix: what {@link changes} has compared with last, and the revision that it said. */
  readonly #said = new Map<string, Listing & { readonly revision: number }>();

  constructor(api: Api, root: string) {
    this.#api = api;
    this.#root = root;
  }

  async get(key: string): Promise<Entry | undefined> {
    return (await this.getAll([key])).get(key);
  }

  async getAll(keys: readonly string[]): Promise<ReadonlyMap<string, Entry>> {
    const pairs = await this.#pairsOf(keys);
    return new Map([...pairs].map(([key, pair]) => [key, entryOf(pair, this.#root)]));
  }

  async range(prefix: string, { from = prefix, limit }: RangeOptions = {}): Promise<Entry[]> {
    const pairs = await this.#read([this.#root + prefix]);
    const wanted = pairs.filter(({ Key }) => Key >= this.#root + from && Key !== this.#root);
    return inOrder(wanted)
      .slice(0, limit)
      .map((pair) => entryOf(pair, this.#root));
  }

  async revision(): Promise<number> {
    const { headers } = await this.#api.call({
      method: "GET",
      path: `kv/${this.#root.split("/").map(encodeURIComponent).join("/")}`,
      // Names alone, and of those that have more parts only the first.
      query: { keys: "", separator: "/", consistent: "" },
      repeatable: true,
    });
    return Number(headers["x-consul-index"]);
  }

  async commit(commit: Commit): Promise<CommitResult> {
    requireKeys(commit.writes.map(({ key }) => key));
    const operations = operationsOf(commit, this.#root, () => false);
    if (operations.length < operationsPerTransaction) return await this.#commit(operations);
    // It may fit where it is known of what is checked that nobody holds it.
    const checked = await this.#pairsOf(commit.checks.map(({ key }) => key));
    const conflicts = commit.checks.filter(({ key, revision }) => (checked.get(key)?.ModifyIndex ?? 0) !== revision);
    if (conflicts.length > 0) return { committed: false, conflicts: conflicts.map(({ key }) => key) };
    const fewer = operationsOf(commit, this.#root, (key) => checked.get(key)?.Session === undefined);
    if (fewer.length < operationsPerTransaction) return await this.#commit(fewer);
    throw tooLarge(
      `${commit.writes.length} writes and ${commit.checks.length} checks take ${fewer.length + 1} operations`,
    );
  }

  watch(prefix: string, revision: number, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    const watched = { root: this.#root, prefix, unchanged: this.#unchanged.bind(this) };
    return watchChanges(this.#api, watched, revision, AbortSignal.any([signal, this.#api.ended]));
  }

  /** Exact for whoever asks again with the revision that this store said last; others have to read everything. */
  async changes(prefix: string, revision: number): Promise<Changes> {
    const said = this.#said.get(prefix);
    const latest = await this.revision();
    // To look for changes Consul sends everything, so it is asked first whether there can be any.
    if (said?.revision === revision && latest === revision) return { events: [], revision };
    const listing = await list(this.#api, this.#root, prefix);
    const reached = Math.max(listing.index, latest);
    this.#said.set(prefix, { ...listing, revision: reached });
    if (said?.revision === revision && listing.index >= said.index) {
      return { events: differences(said, listing, this.#root), revision: reached };
    }
    const unchanged = listing.index <= revision && revision <= latest;
    return { events: unchanged ? [] : [{ type: "resync", revision: reached }], revision: reached };
  }

  /** Every commit is on the disks of most servers before it is acknowledged. */
  async flush(): Promise<void> {}

  async lease(ttlMs: number): Promise<Lease> {
    return await openLease(this.#api, ttlMs);
  }

  async close(): Promise<void> {
    this.#api.close();
  }

  /** Whether nothing in the listing, or that was in it, can have changed since a revision that there has been. */
  async #unchanged({ index }: Listing, revision: number): Promise<boolean> {
    return index <= revision && revision <= (await this.revision());
  }

  async #commit(operations: readonly Operation[]): Promise<CommitResult> {
    const own = { Verb: "set", Key: this.#root };
    // A write that leaves a pair as it is gets no index from Consul, so that no two may be alike.
    const Flags = randomInt(2 ** 47);
    const body = [...operations.map(({ kv }) => kv), own].map((kv) => ({ KV: { ...kv, Flags } }));
    const answer = await this.#transaction(body, false);
    const errors = answer.Errors ?? [];
    if (errors.length === 0) {
      const revision = (answer.Results ?? []).find(({ KV }) => KV.Key === this.#root)?.KV.ModifyIndex;
      if (revision === undefined) throw unavailable([answer.address], "a transaction has no index", "unknown");
      return { committed: true, revision };
    }
    const other = errors.find(({ OpIndex, What }) => operations[OpIndex]?.checks !== true || isRefusal(What));
    if (other !== undefined) throw failure(answer.address, this.#root, other.What);
    const failed = new Set(errors.map(({ OpIndex }) => operations[OpIndex]?.key));
    return { committed: false, conflicts: [...failed].filter((key) => key !== undefined) };
  }

  async #pairsOf(keys: readonly string[]): Promise<Map<string, Pair>> {
    // One moment is one transaction.
    const prefixes = keys.length > operationsPerTransaction ? [commonPrefix(keys)] : keys;
    const found = prefixes.length === 0 ? [] : await this.#read(prefixes.map((prefix) => this.#root + prefix));
    const byKey = new Map(found.map((pair) => [pair.Key, pair]));
    return new Map(
      keys.flatMap((key) => {
        const pair = byKey.get(this.#root + key);
        return pair === undefined ? [] : [[key, pair] as const];
      }),
    );
  }

  /** Everything under some prefixes, of one moment. To ask for a key alone would fail where it isn't there. */
  async #read(prefixes: readonly string[]): Promise<Pair[]> {
    const body = prefixes.map((prefix) => ({ KV: { Verb: "get-tree", Key: prefix } }));
    const { address, Results, Errors } = await this.#transaction(body, true);
    const [error] = Errors ?? [];
    if (error !== undefined) throw failure(address, this.#root, error.What);
    return (Results ?? []).map(({ KV }) => KV);
  }

  async #transaction(body: unknown, reads: boolean): Promise<TransactionAnswer> {
    const query = reads ? { consistent: "" } : {};
    const call = { method: "PUT", path: "txn", query, body, repeatable: reads } as const;
    const { address, body: text } = await this.#api.call(call);
    return { ...parsed<Omit<TransactionAnswer, "address">>({ address, body: text }), address };
  }
}

function isRefusal(what: string): boolean {
  return /permission denied|ACL not found/i.test(what);
}

function failure(address: string, prefix: string, what: string): NetkitError {
  return isRefusal(what) ? refused(address, prefix, what) : unavailable([address], what, "none");
}

function commonPrefix(keys: readonly string[]): string {
  const [first = "", ...others] = keys;
  let length = first.length;
  for (const key of others) while (!key.startsWith(first.slice(0, length))) length -= 1;
  return first.slice(0, length);
}
