import type { Entry, NamespaceId, Owner, PublishedPort, RangeOptions, Resource, Store } from "@netkit/core";
import type { Announcement } from "@netkit/kernel";
import { SharedChanges } from "./shared/changes.ts";
import { keys, type Owned, type Write } from "./state.ts";

/** What an endpoint announces, how often and in what intervals. */
interface PlannedAnnouncement extends Announcement {
  readonly namespace: NamespaceId;
  readonly times: number;
  readonly intervalMs: number;
}

/** Writes that depend on what the kernel has made: `cookieOf` reads a namespace's SO_NETNS_COOKIE. */
export type LateWrites = (cookieOf: (namespace: string) => string) => Write[];

/**
 * An operation in the making: the store as it is, overlaid with what the operation will write, and the resources
 * that each owner will have afterwards. Nothing reaches the store or the kernel before the engine commits it, so
 * operations compose (a sandbox with three endpoints is one draft) and a dry run is a draft thrown away.
 */
export class Draft {
  /** It is only looked at: nothing will be carried out. */
  readonly dryRun: boolean;
  readonly #store: Store;
  /** What was read: nobody else writes while the draft's operation has the lock. */
  readonly #read = new Map<string, unknown>();
  readonly #ranges = new Map<string, readonly Entry[]>();
  readonly #writes = new Map<string, unknown>();
  /** What is so though this host's store doesn't say so yet: other hosts did it. */
  readonly #assumed: Map<string, unknown>;
  readonly #wanted = new Map<string, Owned>();
  readonly #late: LateWrites[] = [];
  readonly #holds: (() => Promise<Disposable>)[] = [];
  readonly #undone: (() => Promise<void>)[] = [];
  readonly #done: (() => Promise<void>)[] = [];
  readonly shared: SharedChanges = new SharedChanges();
  /** Paths of namespaces that the plan may name, by id. */
  readonly namespaces: Map<string, string> = new Map();
  /** Ports of the host that its endpoints take. */
  readonly published: PublishedPort[] = [];
  /** What is told to the neighbours once all is done. */
  readonly announcements: PlannedAnnouncement[] = [];
  /** How a crash in the middle is mended: by taking everything back, or by going on. */
  recovery: "undo" | "finish" = "undo";
  /** False: nobody waits for the disk, for what a power cut takes is found again elsewhere. */
  durable = true;
  /** Something that it makes is of no use without an agent. */
  needsAgent = false;
  /** Namespaces that are there already and get names. */
  readonly expected: Set<NamespaceId> = new Set();
  /** It needs more of an agent than names in {@link expected}. */
  awaitsAgent = false;

  constructor(store: Store, dryRun = false, assumed: Map<string, unknown> = new Map()) {
    this.dryRun = dryRun;
    this.#assumed = assumed;
    this.#store = store;
  }

  /** The value under a key, typed by the caller, who knows the layout (see {@link keys}). */
  async get<T>(key: string): Promise<T | undefined> {
    if (this.#writes.has(key)) return this.#writes.get(key) as T | undefined;
    return await this.before<T>(key);
  }

  /** The value without what this draft writes. */
  async before<T>(key: string): Promise<T | undefined> {
    if (this.#assumed.has(key)) return this.#assumed.get(key) as T;
    return await this.#stored<T>(key);
  }

  /** What the draft that comes after this one has to take for stored (see shared/again.ts). */
  assume(key: string, value: unknown): void {
    this.#assumed.set(key, value);
  }

  /** How much under a prefix was taken for stored. */
  assumed(prefix: string): number {
    return [...this.#assumed.keys()].filter((key) => key.startsWith(prefix)).length;
  }

  /** The values of those keys that have one. */
  async getAll<T>(wanted: readonly string[]): Promise<Map<string, T>> {
    await this.prefetch(wanted.filter((key) => !this.#writes.has(key)));
    const found = new Map<string, T>();
    for (const key of wanted) {
      const value = this.#writes.has(key) ? this.#writes.get(key) : (this.#assumed.get(key) ?? this.#read.get(key));
      if (value !== undefined) found.set(key, value as T);
    }
    return found;
  }

  /** The key is written, and wasn't there when it was read. */
  makes(key: string): boolean {
    return this.#writes.get(key) !== undefined && this.#read.get(key) === undefined;
  }

  async has(key: string): Promise<boolean> {
    return (await this.get(key)) !== undefined;
  }

  /** Entries under a prefix in key order, this draft's own included. */
  async range<T>(prefix: string, options: RangeOptions = {}): Promise<{ key: string; value: T }[]> {
    const from = options.from ?? prefix;
    const own: [string, unknown][] = [];
    for (const written of [this.#assumed, this.#writes])
      for (const entry of written) if (entry[0].startsWith(prefix) && entry[0] >= from) own.push(entry);
    // Each own write may hide one stored entry, so that many more are read than asked for.
    const limit = options.limit === undefined ? {} : { limit: options.limit + own.length };
    const stored = await this.#storedRange(prefix, { from, ...limit });
    if (own.length === 0) return stored as unknown as { key: string; value: T }[];
    const merged = new Map<string, unknown>(stored.map((entry) => [entry.key, entry.value]));
    for (const [key, value] of own) merged.set(key, value);
    const sorted = [...merged].filter(([, value]) => value !== undefined).toSorted(([a], [b]) => (a < b ? -1 : 1));
    return sorted.slice(0, options.limit).map(([key, value]) => ({ key, value: value as T }));
  }

  /** What {@link put} has been given for a key. */
  written<T>(key: string): T | undefined {
    return this.#writes.get(key) as T | undefined;
  }

  put(key: string, value: unknown): void {
    this.#writes.set(key, value);
  }

  delete(key: string): void {
    this.#writes.set(key, undefined);
  }

  /** Says what an owner's resources will be; an empty list removes them all. */
  want(owner: Owner, resources: readonly Resource[]): void {
    this.#wanted.set(owner.id, { owner, resources });
  }

  /** The resources of an owner as this draft would leave them. */
  async owned(id: string): Promise<Owned | undefined> {
    return this.#wanted.get(id) ?? (await this.get<Owned>(keys.owned(id)));
  }

  /** The resources of an owner as stored. */
  async stored(id: string): Promise<Owned | undefined> {
    return await this.#stored<Owned>(keys.owned(id));
  }

  /** Reads in one go what {@link get} will be asked for. */
  async prefetch(wanted: readonly string[]): Promise<void> {
    const unread = wanted.filter((key) => !this.#read.has(key));
    if (unread.length === 0) return;
    const found = await this.#store.getAll(unread);
    for (const key of unread) this.#read.set(key, found.get(key)?.value);
  }

  async #storedRange(prefix: string, options: RangeOptions): Promise<readonly Entry[]> {
    const what = `${prefix} ${options.from} ${options.limit}`;
    let found = this.#ranges.get(what);
    if (found === undefined) this.#ranges.set(what, (found = await this.#store.range(prefix, options)));
    return found;
  }

  async #stored<T>(key: string): Promise<T | undefined> {
    if (!this.#read.has(key)) this.#read.set(key, (await this.#store.get(key))?.value);
    return this.#read.get(key) as T | undefined;
  }

  get wanted(): ReadonlyMap<string, Owned> {
    return this.#wanted;
  }

  /** Writes that are known only after the kernel has been changed (a namespace's cookie). */
  afterwards(writes: LateWrites): void {
    this.#late.push(writes);
  }

  /**
   * Something outside the store to take last before anything changes, and to keep until the end of the operation, however
   * it ends; not in a dry run. It throws to refuse.
   */
  holding(take: () => Promise<Disposable>): void {
    this.#holds.push(take);
  }

  async hold(): Promise<Disposable> {
    const held = new DisposableStack();
    try {
      for (const take of this.#holds) held.use(await take());
    } catch (error) {
      held.dispose();
      throw error;
    }
    return held;
  }

  /** To be called if the operation fails, for what was done outside while it was drafted. Not in a dry run. */
  whenUndone(work: () => Promise<void>): void {
    if (!this.dryRun) this.#undone.push(work);
  }

  /** To be called once all is committed, for what is done outside then. Not in a dry run. */
  whenDone(work: () => Promise<void>): void {
    if (!this.dryRun) this.#done.push(work);
  }

  async done(): Promise<void> {
    for (const work of this.#done) await work();
  }

  async undone(): Promise<void> {
    for (const work of this.#undone.toReversed()) await work();
  }

  writes(): Write[] {
    return [...this.#writes].map(([key, value]) => ({ key, value }));
  }

  lateWrites(cookieOf: (namespace: string) => string): Write[] {
    return this.#late.flatMap((writes) => writes(cookieOf));
  }
}
