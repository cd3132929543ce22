import type { Entry, Owner, RangeOptions, Resource, Store } from "@netkit/core";
import { keys, type Owned, type Write } from "./state.ts";

/** Writes that depend on what the kernel has made: `cookieOf` reads a namespace's SO_NETNS_COOKIE. */
export type LateWrites = (cookieOf: (namespace: string) => string) => Write[];

/**
 * An operation in the making: the store as it is, overlaid with what the operation will write, and the resources
 * that each owner will have afterwards. Nothing reaches the store or the kernel before the engine commits it, so
 * operations compose (a sandbox with three endpoints is one draft) and a dry run is a draft thrown away.
 */
export class Draft {
  readonly #store: Store;
  readonly #writes = new Map<string, unknown>();
  readonly #wanted = new Map<string, Owned>();
  readonly #late: LateWrites[] = [];
  readonly #before: (() => void | Promise<void>)[] = [];
  readonly #release: (() => void | Promise<void>)[] = [];
  readonly #success: (() => void | Promise<void>)[] = [];
  /** Paths of namespaces that the plan may name, by id. */
  readonly namespaces: Map<string, string> = new Map();
  /** How a crash in the middle is mended: by taking everything back, or by going on. */
  recovery: "undo" | "finish" = "undo";

  constructor(store: Store) {
    this.#store = store;
  }

  /** The value under a key, typed by the caller, who knows the layout (see {@link keys}). */
  async get<T>(key: string): Promise<T | undefined> {
    if (this.#writes.has(key)) return this.#writes.get(key) as T | undefined;
    return (await this.#store.get(key))?.value as T | undefined;
  }

  async has(key: string): Promise<boolean> {
    return (await this.get(key)) !== undefined;
  }

  /** Entries under a prefix in key order, this draft's own included. */
  async range<T>(prefix: string, options: RangeOptions = {}): Promise<{ key: string; value: T }[]> {
    const from = options.from ?? prefix;
    const own = [...this.#writes].filter(([key]) => key.startsWith(prefix) && key >= from);
    // Each own write may hide one stored entry, so that many more are read than asked for.
    const limit = options.limit === undefined ? {} : { limit: options.limit + own.length };
    const stored: readonly Entry[] = await this.#store.range(prefix, { from, ...limit });
    if (own.length === 0) return stored as unknown as { key: string; value: T }[];
    const merged = new Map<string, unknown>(stored.map((entry) => [entry.key, entry.value]));
    for (const [key, value] of own) merged.set(key, value);
    const sorted = [...merged].filter(([, value]) => value !== undefined).toSorted(([a], [b]) => (a < b ? -1 : 1));
    return sorted.slice(0, options.limit).map(([key, value]) => ({ key, value: value as T }));
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
    return (await this.#store.get(keys.owned(id)))?.value as Owned | undefined;
  }

  get wanted(): ReadonlyMap<string, Owned> {
    return this.#wanted;
  }

  /** Writes that are known only after the kernel has been changed (a namespace's cookie). */
  afterwards(writes: LateWrites): void {
    this.#late.push(writes);
  }

  /**
   * Something to do last before anything changes and not in a dry run: look at what can't be locked (a host port), take
   * what lies outside the store. It throws to refuse.
   */
  beforehand(action: () => void | Promise<void>): void {
    this.#before.push(action);
  }

  /** Gives back what {@link beforehand} took, when the operation fails. */
  onFailure(release: () => void | Promise<void>): void {
    this.#release.push(release);
  }

  /** Gives back what lies outside the store and isn't needed any more, after the operation. */
  onSuccess(action: () => void | Promise<void>): void {
    this.#success.push(action);
  }

  async before(): Promise<void> {
    for (const action of this.#before) await action();
  }

  async release(): Promise<void> {
    for (const release of this.#release) await release();
  }

  async succeed(): Promise<void> {
    for (const action of this.#success) await action();
  }

  writes(): Write[] {
    return [...this.#writes].map(([key, value]) => ({ key, value }));
  }

  lateWrites(cookieOf: (namespace: string) => string): Write[] {
    return this.#late.flatMap((writes) => writes(cookieOf));
  }
}
