/** A document under its key. Keys are paths of printable ASCII such as `network/<id>`; they sort bytewise. */
export interface Entry {
  readonly key: string;
  /**
   * Plain JSON; whoever reads the same document may get the same object, which nobody changes. What others have written under
   * the same prefix is read as it is, as text where it isn't JSON.
   */
  readonly value: unknown;
  /** The store's revision at which this value was written; at least 1, and later than that of every earlier value of the key. */
  readonly revision: number;
  /** What the key goes with, of a store that tells when a document is read (etcd); absent there: it stays. */
  readonly lease?: LeaseId;
}

/**
 * One commit: if every check holds, all writes happen at one new revision; otherwise none. Every store takes 20 keys,
 * all of them checked and written, and 256 KiB of JSON in all; what one doesn't take it refuses with STORE_LIMIT.
 */
export interface Commit {
  /** The revision that each key must still have; 0: the key must be absent. */
  readonly checks: readonly { readonly key: string; readonly revision: number }[];
  /** Each key at most once. A value of undefined removes the key. Under a lease that has ended the commit conflicts on that key. */
  readonly writes: readonly { readonly key: string; readonly value: unknown; readonly lease?: LeaseId }[];
  /**
   * Default true: what was acknowledged survives a power cut. False: it survives the end of the process, and a power
   * cut once {@link Store.flush} or a later durable commit has returned.
   */
  readonly durable?: boolean;
}

export type CommitResult =
  | { readonly committed: true; readonly revision: number }
  | { readonly committed: false; readonly conflicts: readonly string[] };

export type LeaseId = string & { readonly __lease: true };

/**
 * Keys that live as long as somebody renews it. It never ends before its time to live has passed since it was last renewed,
 * and soon after; how soon, and the shortest time to live, depends on the store's clock. A time during which the store's
 * servers were away needn't count.
 */
export interface Lease {
  readonly id: LeaseId;
  /** Prolongs it by its time to live; false when it has run out already. */
  renew(): Promise<boolean>;
  /** Ends it now: its keys are removed. */
  revoke(): Promise<void>;
}

/** In order of revisions; those of one revision belong together. */
export type WatchEvent =
  | { readonly type: "put"; readonly key: string; readonly value: unknown; readonly revision: number }
  /** The key was gone at `revision`; a store without a log of removals notices it at a later one than that of the removal. */
  | { readonly type: "delete"; readonly key: string; readonly revision: number }
  /** The history since the wanted revision is gone: read everything again, then go on from `revision`. */
  | { readonly type: "resync"; readonly revision: number };

/** Changes up to a moment, in order. */
export interface Changes {
  readonly events: readonly WatchEvent[];
  /** The latest revision that they reach up to. */
  readonly revision: number;
}

export interface RangeOptions {
  /** First key that may be returned (default: the prefix itself). */
  readonly from?: string;
  readonly limit?: number;
}

/**
 * A transactional, ordered key-value store: embedded, or on servers that any number of hosts share. What `commit`
 * acknowledged survives a crash of the process and a power cut, and every read that begins afterwards sees it, whoever reads.
 *
 * Revisions are the store's own count of changes: they only grow, and commits in their order have revisions in that order.
 * They needn't be consecutive, for others may write to the same servers.
 *
 * Without its servers a call fails in bounded time with STORE_UNAVAILABLE, whose `details.outcome` says of a commit whether
 * it may have happened: "none" or "unknown". A watch waits for them and goes on where it was.
 */
export interface Store {
  get(key: string): Promise<Entry | undefined>;
  /** The entries of those keys that there are, of one moment. */
  getAll(keys: readonly string[]): Promise<ReadonlyMap<string, Entry>>;
  /** Entries whose keys start with `prefix`, in key order. */
  range(prefix: string, options?: RangeOptions): Promise<Entry[]>;
  commit(commit: Commit): Promise<CommitResult>;
  /**
   * Changes after `revision` under `prefix`, in order, until `signal` aborts or the store is closed. A key that changed
   * several times may be reported once, at its latest change, and one that came and went not at all: who applies the
   * events to what was there at `revision` has what is there at that of the last event.
   */
  watch(prefix: string, revision: number, signal: AbortSignal): AsyncIterable<WatchEvent>;
  /** What {@link watch} would report of all that was committed before the call, at once. */
  changes(prefix: string, revision: number): Promise<Changes>;
  /** Resolves when all that was committed before the call survives a power cut; other work can go on meanwhile. */
  flush(): Promise<void>;
  /** The latest revision: nothing that was committed before the call is later. */
  revision(): Promise<number>;
  /** Whether nothing has been committed since the revision, said at once. A store that has to ask somebody hasn't this. */
  isAt?(revision: number): boolean;
  /** A time to live shorter than the store can count becomes the shortest that it can. */
  lease(ttlMs: number): Promise<Lease>;
  /** The lease that a document goes with ({@link Entry.lease}), whoever took it. A store that doesn't tell of those hasn't this. */
  held?(lease: LeaseId): Lease;
  /**
   * Until it is disposed of nobody else writes: the caller sees to that, with a lock. A store may have this that needn't
   * ask then whether what it knows is still so.
   */
  alone?(): Disposable;
  /** Ends its watchers too. */
  close(): Promise<void>;
}
