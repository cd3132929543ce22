import {
  decodeValue,
  encodeValue,
  endOfPrefix,
  requireKeys,
  type Changes,
  type Commit,
  type CommitResult,
  type Entry,
  type Lease,
  type LeaseId,
  type RangeOptions,
  type Store,
  type WatchEvent,
} from "@netkit/core";
import type { Cluster } from "./cluster.ts";
import { StatusError, statuses } from "./grpc.ts";
import { EtcdLease, leaseId, leaseNumber } from "./lease.ts";
import { compareMod, type RangeRequest, type RangeResponse, type RequestOp } from "./messages.ts";
import { leaseGrant, leaseTimeToLive, range, txn } from "./rpc.ts";
import { watchChanges } from "./watch.ts";

/** etcd takes 128 operations in a transaction unless it is told otherwise. */
const keysPerRead = 100;

/** A store's entries under one prefix of etcd's keys. */
export class EtcdStore implements Store {
  readonly #cluster: Cluster;
  readonly #root: string;

  constructor(cluster: Cluster, root: string) {
    this.#cluster = cluster;
    this.#root = root;
  }

  async get(key: string): Promise<Entry | undefined> {
    const [entry] = this.#entries(await this.#range({ key: this.#root + key }));
    return entry;
  }

  async getAll(keys: readonly string[]): Promise<ReadonlyMap<string, Entry>> {
    const found = new Map<string, Entry>();
    // Those after the first are of the first's moment.
    let revision = 0;
    for (let from = 0; from < keys.length; from += keysPerRead) {
      const wanted = keys.slice(from, from + keysPerRead);
      const { header, responses } = await this.#readAll(wanted.map((key) => ({ key: this.#root + key, revision })));
      revision = header;
      for (const entry of responses.flatMap((response) => this.#entries(response))) found.set(entry.key, entry);
    }
    return found;
  }

  async range(prefix: string, { from = prefix, limit }: RangeOptions = {}): Promise<Entry[]> {
    if (limit !== undefined && limit <= 0) return [];
    const [key, rangeEnd] = [from > prefix ? from : prefix, endOfPrefix(prefix)];
    if (key >= rangeEnd) return [];
    const request = { key: this.#root + key, rangeEnd: this.#root + rangeEnd, limit: limit ?? 0 };
    return this.#entries(await this.#range(request));
  }

  async revision(): Promise<number> {
    const { header } = await this.#range({ key: this.#root, countOnly: true });
    return header?.revision ?? 0;
  }

  async commit({ checks, writes }: Commit): Promise<CommitResult> {
    requireKeys(writes.map(({ key }) => key));
    const success = writes.map(({ key, value, lease }) => this.#write(key, value, lease));
    const compare = checks.map(({ key, revision: modRevision }) => ({
      target: compareMod,
      key: this.#root + key,
      modRevision,
    }));
    const failure = checks.map(({ key }) => ({ range: { key: this.#root + key, keysOnly: true } }));
    try {
      const { succeeded, header, responses } = await this.#cluster.call(txn, { compare, success, failure }, false);
      if (succeeded) return { committed: true, revision: header?.revision ?? 0 };
      const conflicts = checks.filter(
        ({ revision }, index) => (responses[index]?.range?.kvs[0]?.modRevision ?? 0) !== revision,
      );
      return { committed: false, conflicts: conflicts.map(({ key }) => key) };
    } catch (error) {
      // The only thing in a transaction that can be missing is a lease.
      if (!(error instanceof StatusError) || error.status !== statuses.notFound) throw error;
      return { committed: false, conflicts: await this.#underEndedLeases(writes) };
    }
  }

  watch(prefix: string, revision: number, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    return watchChanges(
      this.#cluster,
      { root: this.#root, prefix, now: () => this.revision() },
      revision,
      AbortSignal.any([signal, this.#cluster.ended]),
    );
  }

  /**
   * By comparing what is there with what was: what was put has a later revision, and how much was removed follows from the
   * numbers of keys, so that they are read only if there is something to find.
   */
  async changes(prefix: string, revision: number): Promise<Changes> {
    // To look for changes etcd reads all values, so it is asked first whether there can be any.
    if ((await this.revision()) === revision) return { events: [], revision };
    const all = { key: this.#root + prefix, rangeEnd: this.#root + endOfPrefix(prefix) };
    try {
      const put = { ...all, minModRevision: revision + 1 };
      const count = { ...all, countOnly: true };
      const { header, responses } = await this.#readAll([put, count, ...before(count, revision)]);
      const [changed, now, then] = responses;
      const events = this.#entries(changed).map(({ key, value, revision }): WatchEvent => ({
        type: "put",
        key,
        value,
        revision,
      }));
      const made = changed?.kvs.filter(({ createRevision }) => createRevision > revision).length ?? 0;
      if ((then?.count ?? 0) + made > (now?.count ?? 0)) events.push(...(await this.#removed(all, revision, header)));
      return { events: events.toSorted((a, b) => a.revision - b.revision), revision: header };
    } catch (error) {
      // Compacted, or not yet there.
      if (!(error instanceof StatusError) || error.status !== statuses.outOfRange) throw error;
      const latest = await this.revision();
      return { events: [{ type: "resync", revision: latest }], revision: latest };
    }
  }

  /** Every commit is on the disks of most servers before it is acknowledged. */
  async flush(): Promise<void> {}

  async lease(ttlMs: number): Promise<Lease> {
    const { id } = await this.#cluster.call(leaseGrant, { ttl: Math.ceil(ttlMs / 1000) }, true);
    return new EtcdLease(this.#cluster, id);
  }

  held(lease: LeaseId): Lease {
    return new EtcdLease(this.#cluster, leaseNumber(lease));
  }

  async close(): Promise<void> {
    this.#cluster.close();
  }

  #write(key: string, value: unknown, lease: LeaseId | undefined): RequestOp {
    if (value === undefined) return { deleteRange: { key: this.#root + key } };
    const put = { key: this.#root + key, value: encodeValue(value) };
    return { put: lease === undefined ? put : { ...put, lease: leaseNumber(lease) } };
  }

  async #range(request: RangeRequest): Promise<RangeResponse> {
    return await this.#cluster.call(range, request, true);
  }

  /** Several reads of one moment, and its revision. */
  async #readAll(ranges: readonly RangeRequest[]): Promise<{ header: number; responses: RangeResponse[] }> {
    const success = ranges.map((request) => ({ range: request }));
    const { header, responses } = await this.#cluster.call(txn, { compare: [], success, failure: [] }, true);
    return { header: header?.revision ?? 0, responses: responses.flatMap((response) => response.range ?? []) };
  }

  #entries(response: RangeResponse | undefined): Entry[] {
    return (response?.kvs ?? []).map(({ key, value, modRevision, lease }) => ({
      key: key.slice(this.#root.length),
      value: decodeValue(value),
      revision: modRevision,
      ...(lease === 0n ? {} : { lease: leaseId(lease) }),
    }));
  }

  /** The keys that were there at one revision and aren't at another. */
  async #removed(all: Pick<RangeRequest, "key" | "rangeEnd">, from: number, to: number): Promise<WatchEvent[]> {
    const keys = { ...all, keysOnly: true };
    const { responses } = await this.#readAll([{ ...keys, revision: to }, ...before(keys, from)]);
    const [now, then] = responses.map(({ kvs }) => kvs.map(({ key }) => key));
    const left = new Set(now);
    return (then ?? [])
      .filter((key) => !left.has(key))
      .map((key) => ({ type: "delete", key: key.slice(this.#root.length), revision: to }));
  }

  async #underEndedLeases(writes: Commit["writes"]): Promise<string[]> {
    const leased = writes.flatMap(({ key, lease }) => (lease === undefined ? [] : [{ key, id: leaseNumber(lease) }]));
    const ids = [...new Set(leased.map(({ id }) => id))];
    const alive = new Set<bigint>();
    for (const id of ids) {
      if ((await this.#cluster.call(leaseTimeToLive, { id }, true)).ttl > 0) alive.add(id);
    }
    const conflicts = leased.filter(({ id }) => !alive.has(id)).map(({ key }) => key);
    return conflicts;
  }
}

/** The same read at an earlier revision; none at 0, when there was nothing, and which etcd takes for now. */
function before(request: RangeRequest, revision: number): RangeRequest[] {
  return revision === 0 ? [] : [{ ...request, revision }];
}
