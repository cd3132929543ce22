import type { NetkitError, Store } from "@netkit/core";

/** A record in the shared store, by what it is of: each of them says so in its field `id`. */
export interface SharedItem {
  readonly key: string;
  readonly id: string;
}

interface SharedWrite extends SharedItem {
  readonly value: { readonly id: string };
  /** It goes when this host does. */
  readonly leased: boolean;
}

/** What a key means to the operation that found it changed: who has it, or how to go on. */
export type Conflict = (
  found: { readonly value: unknown; readonly revision: number } | undefined,
) => Promise<NetkitError>;

/**
 * What an operation wants of the store that hosts share: all in one commit, after it was planned and before the kernel is
 * changed. Removals come after that.
 */
export class SharedChanges {
  readonly checks: Map<string, { readonly revision: number; readonly conflict: Conflict }> = new Map();
  readonly writes: Map<string, SharedWrite> = new Map();
  readonly removals: SharedItem[] = [];
  /** What goes before the commit, with the store at hand. */
  readonly preparations: ((store: Store) => Promise<void>)[] = [];
  /** The revision of the commit, once it is made. */
  revision = 0;

  /** The key must still be of that revision; 0: nobody may have it. */
  check(key: string, revision: number, conflict: Conflict): void {
    this.checks.set(key, { revision, conflict });
  }

  put<T extends { readonly id: string }>(key: string, value: T, leased = false): void {
    this.writes.set(key, { key, id: value.id, value, leased });
  }

  remove(key: string, id: string): void {
    this.removals.push({ key, id });
  }

  get isEmpty(): boolean {
    return this.writes.size === 0 && this.removals.length === 0 && this.preparations.length === 0;
  }
}
