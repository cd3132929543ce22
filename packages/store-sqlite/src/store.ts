import { randomUUID } from "node:crypto";
import {
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
import { bootId, ended, monotonicMs } from "./clock.ts";
import type { Database } from "./database.ts";
import { stateUnwritable } from "./errors.ts";
import { Known } from "./known.ts";
import { Watchers } from "./watchers.ts";

/** Removals are remembered for so many revisions; watchers that are further behind have to read everything again. */
const keptRevisions = 10_000;
/** How often those are forgotten that are older, in revisions. */
const forgetEvery = 500;
/** A watcher reads changes in pieces of this many revisions. */
const revisionsPerRead = 500;

interface EntryRow {
  readonly key: string;
  readonly value: string;
  readonly revision: number;
  readonly lease: string | null;
}

interface ChangeRow {
  readonly revision: number;
  readonly key: string;
  readonly value: string | null;
}

interface Top {
  readonly top: number | null;
}

const select = "SELECT key, value, revision, lease FROM entry";
const live = `(lease IS NULL OR EXISTS (SELECT 1 FROM lease WHERE id = entry.lease AND NOT ${ended}))`;

export class SqliteStore implements Store {
  readonly #database: Database;
  readonly #readOnly: boolean;
  readonly #watchers: Watchers;
  readonly #known: Known;
  /** Each durable commit is flushed to disk. */
  readonly #flushes: boolean;
  /** How many have said that nobody else writes. */
  #alone = 0;
  #closed = false;

  constructor(database: Database, readOnly: boolean, flushes: boolean) {
    this.#database = database;
    this.#readOnly = readOnly;
    this.#flushes = flushes;
    this.#watchers = new Watchers(database);
    this.#known = new Known(database);
  }

  async get(key: string): Promise<Entry | undefined> {
    return (await this.getAll([key])).get(key);
  }

  async getAll(keys: readonly string[]): Promise<ReadonlyMap<string, Entry>> {
    const unknown = keys.filter((key) => !this.#known.has(key));
    let rows = unknown.length === 0 ? [] : this.#read(unknown);
    // Asked after that: what was known before then is of the same moment.
    const isTrue = this.#isKnownTrue();
    if (!isTrue && unknown.length < keys.length) rows = this.#read(keys);
    const found = new Map<string, Entry>();
    if (isTrue) {
      for (const key of keys) {
        const entry = this.#known.get(key);
        if (entry !== undefined) found.set(key, entry);
      }
    }
    for (const row of rows) {
      const entry = entryOf(row);
      found.set(row.key, entry);
      if (isTrue && row.lease === null) this.#known.read(entry);
    }
    return found;
  }

  #read(keys: readonly string[]): EntryRow[] {
    const now = [monotonicMs(), bootId()];
    const [key] = keys;
    if (keys.length === 1 && key !== undefined) {
      return this.#database.all<EntryRow>(`${select} WHERE key = ? AND ${live}`, key, ...now);
    }
    const sql = `${select} WHERE key IN (SELECT value FROM json_each(?)) AND ${live}`;
    return this.#database.all<EntryRow>(sql, JSON.stringify(keys), ...now);
  }

  async range(prefix: string, { from = prefix, limit }: RangeOptions = {}): Promise<Entry[]> {
    const sql = `${select} WHERE key >= ? AND key < ? AND ${live} ORDER BY key`;
    const values = [from > prefix ? from : prefix, endOfPrefix(prefix), monotonicMs(), bootId()];
    const rows =
      limit === undefined
        ? this.#database.all<EntryRow>(sql, ...values)
        : this.#database.some<EntryRow>(limit, sql, ...values);
    return rows.map(entryOf);
  }

  isAt(revision: number): boolean {
    return this.#isKnownTrue() && this.#known.revision === revision;
  }

  async revision(): Promise<number> {
    return this.#revision();
  }

  async commit({ checks, writes, durable = true }: Commit): Promise<CommitResult> {
    requireKeys(writes.map(({ key }) => key));
    return this.#write((): CommitResult => this.#commit(checks, writes), durable);
  }

  #commit(checks: Commit["checks"], writes: Commit["writes"]): CommitResult {
    const revision = this.#removeExpired();
    const conflicts = this.#conflicts(checks);
    for (const { key, lease } of writes) if (lease !== undefined && !this.#isAlive(lease)) conflicts.push(key);
    if (conflicts.length > 0) return { committed: false, conflicts };
    let changes = 0;
    for (const { key, value, lease } of writes) {
      changes += value === undefined ? this.#remove(key, revision + 1) : this.#put(key, value, lease, revision + 1);
    }
    if ((revision + 1) % forgetEvery === 0) this.#forget(revision + 1 - keptRevisions);
    this.#known.revision = changes === 0 ? revision : revision + 1;
    return { committed: true, revision: this.#known.revision };
  }

  async lease(ttlMs: number): Promise<Lease> {
    const id = `${bootId()}/${randomUUID()}` as LeaseId;
    const insert = "INSERT INTO lease (id, expires_ms) VALUES (?, ?)";
    this.#write(() => {
      this.#known.hasLeases = true;
      this.#database.run(insert, id, monotonicMs() + ttlMs);
    });
    return {
      id,
      renew: async () => {
        const now = monotonicMs();
        const sql = `UPDATE lease SET expires_ms = ? WHERE id = ? AND NOT ${ended}`;
        return this.#write(() => this.#database.run(sql, now + ttlMs, id, now, bootId())) === 1;
      },
      revoke: async () => {
        this.#write(() => (this.#known.revision = this.#endLease(id, this.#latest() + 1)));
      },
    };
  }

  async *watch(prefix: string, revision: number, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    const bell = this.#watchers.join();
    signal.addEventListener("abort", bell.ring);
    try {
      let seen = revision;
      while (!signal.aborted && !this.#closed) {
        // Before the read, so that what comes after it rings.
        bell.reset();
        const { events, upTo, more } = this.#changes(prefix, seen);
        for (const event of events) {
          yield event;
          if (signal.aborted || this.#closed) return;
        }
        seen = upTo;
        if (!more) await bell.rung();
      }
    } finally {
      signal.removeEventListener("abort", bell.ring);
      bell.leave();
    }
  }

  async changes(prefix: string, revision: number): Promise<Changes> {
    if (this.#known.isTrue() && revision === this.#known.revision && this.#expired().length === 0) {
      return { events: [], revision };
    }
    const events: WatchEvent[] = [];
    for (let seen = revision; ;) {
      const { events: next, upTo, more } = this.#changes(prefix, seen);
      // What was read before a resync is of no use to anybody.
      if (next[0]?.type === "resync") events.length = 0;
      events.push(...next);
      seen = upTo;
      if (more) continue;
      this.#known.revision = seen;
      return { events, revision: seen };
    }
  }

  alone(): Disposable {
    this.#known.isTrue();
    this.#alone++;
    return { [Symbol.dispose]: () => void this.#alone-- };
  }

  #isKnownTrue(): boolean {
    return this.#alone > 0 || this.#known.isTrue();
  }

  async flush(): Promise<void> {
    if (this.#flushes) await this.#database.flush();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#watchers.ring();
    this.#database.close();
  }

  #write<T>(work: () => T, durable = true): T {
    if (this.#readOnly) throw stateUnwritable(this.#database.path, "was opened for reading only", undefined);
    let result: T;
    try {
      result = this.#database.transaction(() => {
        // Whatever anybody has said: two commits of one revision would hide one of them from those who follow.
        this.#known.isTrue();
        return work();
      });
    } catch (error) {
      this.#known.forget();
      throw error;
    }
    if (durable && this.#flushes) this.#database.flushNow();
    this.#watchers.ring();
    return result;
  }

  #revision(): number {
    const sql =
      "SELECT max(ifnull((SELECT max(revision) FROM entry), 0), ifnull((SELECT max(revision) FROM removed), 0)) AS top";
    return this.#database.first<Top>(sql)?.top ?? 0;
  }

  #conflicts(checks: Commit["checks"]): string[] {
    if (checks.length === 0) return [];
    const sql = "SELECT key, revision FROM entry WHERE key IN (SELECT value FROM json_each(?))";
    const keys = JSON.stringify(checks.map(({ key }) => key));
    const rows = this.#database.all<{ key: string; revision: number }>(sql, keys);
    const revisions = new Map(rows.map(({ key, revision }) => [key, revision]));
    return checks.filter(({ key, revision }) => (revisions.get(key) ?? 0) !== revision).map(({ key }) => key);
  }

  #isAlive(lease: LeaseId): boolean {
    return this.#database.first("SELECT 1 FROM lease WHERE id = ?", lease) !== undefined;
  }

  /** How many keys it changed, as {@link #remove} says. */
  #put(key: string, value: unknown, lease: LeaseId | undefined, revision: number): 1 {
    const sql = `INSERT INTO entry (key, value, revision, lease) VALUES (?, ?, ?, ?) ON CONFLICT (key)
      DO UPDATE SET value = excluded.value, revision = excluded.revision, lease = excluded.lease`;
    const text = encodeValue(value);
    this.#database.run(sql, key, text, revision, lease ?? null);
    if (lease === undefined) this.#known.wrote(key, text, revision);
    else this.#known.drop(key);
    return 1;
  }

  #remove(key: string, revision: number): 0 | 1 {
    this.#known.drop(key);
    if (this.#database.run("DELETE FROM entry WHERE key = ?", key) === 0) return 0;
    this.#database.run("INSERT OR IGNORE INTO removed (revision, key) VALUES (?, ?)", revision, key);
    return 1;
  }

  #forget(revision: number): void {
    if (this.#database.run("DELETE FROM removed WHERE revision <= ?", revision) === 0) return;
    this.#database.run("UPDATE forgotten SET revision = ?", revision);
  }

  /** Ends the leases that have run out, at a revision of their own; returns the latest revision. */
  #removeExpired(): number {
    let revision = this.#latest();
    this.#known.hasLeases ??= this.#database.first("SELECT 1 FROM lease") !== undefined;
    if (!this.#known.hasLeases) return revision;
    for (const { id } of this.#expired()) revision = this.#endLease(id, revision + 1);
    return (this.#known.revision = revision);
  }

  /** The latest revision, in a transaction of this store's own. */
  #latest(): number {
    return (this.#known.revision ??= this.#revision());
  }

  #expired(): { id: LeaseId }[] {
    return this.#database.all<{ id: LeaseId }>(`SELECT id FROM lease WHERE ${ended}`, monotonicMs(), bootId());
  }

  #endLease(id: LeaseId, revision: number): number {
    const keys = this.#database.all<{ key: string }>("SELECT key FROM entry WHERE lease = ?", id);
    for (const { key } of keys) this.#remove(key, revision);
    this.#database.run("DELETE FROM lease WHERE id = ?", id);
    return keys.length === 0 ? revision - 1 : revision;
  }

  /** The next changes after `seen`; of a key that changed more than once the last one, whenever its turn comes. */
  #changes(prefix: string, seen: number): { events: WatchEvent[]; upTo: number; more: boolean } {
    if (!this.#readOnly && this.#expired().length > 0) this.#write(() => this.#removeExpired());
    const latest = this.#revision();
    const upTo = Math.min(latest, seen + revisionsPerRead);
    const where = "revision > ? AND revision <= ? AND key >= ? AND key < ?";
    const span = [seen, upTo, prefix, endOfPrefix(prefix)];
    const rows = this.#database.all<ChangeRow>(
      `SELECT revision, key, value FROM entry WHERE ${where}
       UNION ALL SELECT revision, key, NULL FROM removed WHERE ${where} ORDER BY revision, key`,
      ...span,
      ...span,
    );
    // Asked after the read: what is known now was known then. Another process may forget in between.
    const forgotten = this.#database.first<{ revision: number }>("SELECT revision FROM forgotten")?.revision ?? 0;
    if (seen > latest || seen < forgotten) {
      return { events: [{ type: "resync", revision: latest }], upTo: latest, more: false };
    }
    return { events: rows.map(eventOf), upTo, more: upTo < latest };
  }
}

function entryOf({ key, value, revision }: EntryRow): Entry {
  return { key, value: JSON.parse(value) as unknown, revision };
}

function eventOf({ revision, key, value }: ChangeRow): WatchEvent {
  if (value === null) return { type: "delete", key, revision };
  let parsed: unknown;
  return {
    type: "put",
    key,
    // Who follows looks at some of them only.
    get value(): unknown {
      return (parsed ??= JSON.parse(value));
    },
    revision,
  };
}
