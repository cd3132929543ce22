import type { Entry } from "@netkit/core";
import type { Database } from "./database.ts";

/** So many documents are kept, some hundred bytes each: more than any one operation reads. */
const most = 256;

/**
 * What this connection knows without asking: what it has read and written last. That stays true as long as no other
 * connection commits, which SQLite tells at once. Documents under a lease are not kept, for they go by themselves.
 */
export class Known {
  readonly #database: Database;
  readonly #entries = new Map<string, Entry | undefined>();
  #dataVersion: unknown;
  /** The latest revision. */
  revision: number | undefined;
  /** Whether there are any leases, ended ones included. */
  hasLeases: boolean | undefined;

  constructor(database: Database) {
    this.#database = database;
  }

  /** False if another connection has committed since the last time, or nothing was known: then nothing is now. */
  isTrue(): boolean {
    const dataVersion = this.#database.dataVersion();
    if (dataVersion === this.#dataVersion) return true;
    this.forget();
    this.#dataVersion = dataVersion;
    return false;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** Undefined: there is none, if it {@link has} the key. */
  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  set(key: string, entry: Entry | undefined): void {
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (this.#entries.size <= most) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      break;
    }
  }

  drop(key: string): void {
    this.#entries.delete(key);
  }

  forget(): void {
    this.#entries.clear();
    this.#dataVersion = undefined;
    this.revision = undefined;
    this.hasLeases = undefined;
  }
}
