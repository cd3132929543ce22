import type { Store } from "@netkit/core";

/** A store that somebody brings. */
export interface StoreSubject {
  /** For titles and reports. */
  readonly name: string;
  /** A part of the store that is empty and that nobody else uses; called once for each case. */
  readonly makeSpace: () => Promise<StoreSpace> | StoreSpace;
  /** What its clock can do. */
  readonly lease: {
    /** The shortest time to live that a lease can have. */
    readonly shortestMs: number;
    /** How much later than by its time to live a lease ends at the latest. */
    readonly lateMs: number;
  };
  /** Whether it can report every change since any revision; otherwise it may say `resync` when a watch begins. */
  readonly history: boolean;
  /** Whether its history can be cut short, by {@link StoreSpace.forget}. */
  readonly forgets: boolean;
  /** Of a store on servers. */
  readonly servers?: StoreServers;
}

export interface StoreSpace {
  /** A client of its own, as another process has one. The suite closes it. */
  readonly open: () => Store;
  /** Makes the store forget all history up to now, if it {@link StoreSubject.forgets}. */
  readonly forget?: () => Promise<void>;
  readonly remove: () => Promise<void> | void;
}

export interface StoreServers {
  /** What an error has to name: host and port. */
  readonly endpoint: string;
  /** How long a call may take to fail without servers. */
  readonly patienceMs: number;
  /** Resolves when they are gone, with their memory but not their disks. */
  readonly stop: () => Promise<void>;
  /** Resolves when they answer again. */
  readonly start: () => Promise<void>;
}

export interface StoreCaseContext {
  readonly subject: StoreSubject;
  readonly space: StoreSpace;
  /** A client of the case's space, closed at its end. */
  readonly open: () => Store;
}

/** One rule of the store's contract and how it is checked. */
export interface StoreCase {
  /** Never given to another rule: `STO-COMMIT-001`. */
  readonly id: string;
  /** What must be so, in a sentence. */
  readonly rule: string;
  /** Default: every store has to pass it. */
  readonly applies?: (subject: StoreSubject) => boolean;
  /** Throws an AssertionError, or whatever the store throws, if the rule is broken. */
  readonly run: (context: StoreCaseContext) => Promise<void>;
}
