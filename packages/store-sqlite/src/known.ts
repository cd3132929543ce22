import type { Entry } from "@netkit/core";
import type { Database } from "./database.ts";

/**
 * So many documents are kept: what all operations of a process read, its networks above all. What only one of them reads
 * isn't worth its memory: V8 makes more room for what survives its collections.
 */
const most = 32;

/** As it was written, and parsed when it is read. */
interface Written {
  readonly text: string;
  readonly revision: number;
}

/**
 * What this connection knows without asking: the documents that it has read last, as it has written them since. That stays true as
 * long as no other connection commits, which SQLite tells at once. Documents under a lease are not kept, for they go by
 * themselves.
 */
export class Known {
  readonly #database: Database;
  readonly #entries = new Map<string, Entry | Written>();
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

  get(key: string): Entry | undefined {
    const found = this.#entries.get(key);
    if (found === undefined || !("text" in found)) return found;
    const entry: Entry = { key, value: JSON.parse(found.text) as unknown, revision: found.revision };
    this.#entries.set(key, entry);
    return entry;
  }

  read(entry: Entry): void {
    this.#entries.set(entry.key, entry);
    if (this.#entries.size <= most) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      break;
    }
  }

  wrote(key: string, text: string, revision: number): void {
    if (this.#entries.has(key)) this.#entries.set(key, { text, revision });
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
