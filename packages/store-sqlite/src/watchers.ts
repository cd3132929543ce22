import { bootId, ended, monotonicMs } from "./clock.ts";
import type { Database } from "./database.ts";

/** How long a change by another process, or the end of a lease, may go unnoticed. */
const pollMs = 50;

/** What one watcher waits at. */
export interface Bell {
  readonly ring: () => void;
  /** Forgets that it rang. */
  reset(): void;
  /** Resolves once it has rung since the last reset. */
  rung(): Promise<void>;
  leave(): void;
}

/** Wakes the watchers of a store. There is a timer only as long as there are watchers. */
export class Watchers {
  readonly #database: Database;
  readonly #rings = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;
  #dataVersion: unknown;

  constructor(database: Database) {
    this.#database = database;
  }

  ring(): void {
    for (const ring of this.#rings) ring();
  }

  join(): Bell {
    let bell = Promise.withResolvers<void>();
    const ring = (): void => bell.resolve();
    this.#rings.add(ring);
    this.#timer ??= setInterval(() => this.#poll(), pollMs);
    return {
      ring,
      reset: () => (bell = Promise.withResolvers<void>()),
      rung: () => bell.promise,
      leave: () => {
        this.#rings.delete(ring);
        if (this.#rings.size > 0) return;
        clearInterval(this.#timer);
        this.#timer = undefined;
      },
    };
  }

  #poll(): void {
    try {
      const version = this.#database.dataVersion();
      const expired = this.#database.first(`SELECT 1 FROM lease WHERE ${ended}`, monotonicMs(), bootId());
      if (version !== this.#dataVersion || expired !== undefined) this.ring();
      this.#dataVersion = version;
    } catch {
      // A watcher meets the same error when it reads, and there somebody hears of it.
      this.ring();
    }
  }
}
