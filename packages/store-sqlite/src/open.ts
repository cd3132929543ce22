import { closeSync, existsSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { pathToFileURL } from "node:url";
import { isNetkitError, type Store } from "@netkit/core";
import { Database, inMemory } from "./database.ts";
import { cannotOpen, explain, resultCodeOf, stateNewer } from "./errors.ts";
import { makeDirectory } from "./make-directory.ts";
import { migrations } from "./schema.ts";
import { SqliteStore } from "./store.ts";

export interface SqliteStoreOptions {
  /** The file; it and its directory are made if need be, for their owner alone. `:memory:`: none, and it goes with the store. */
  readonly path: string;
  /**
   * "full" (default): what a commit acknowledged survives a power cut. "off": it survives the death of the process, but
   * a power cut may damage the file; for tests.
   */
  readonly synchronous?: "full" | "off";
  /** Nothing is made or written; a file that doesn't exist reads as an empty store, and what is committed there is in memory. */
  readonly readOnly?: boolean;
}

const busyTimeoutMs = 10_000;
const againMs = 5;

/**
 * The store in a file. Any number of processes of one host may have it open.
 * @throws NetkitError STATE_UNWRITABLE, STATE_NEWER, LOCKED
 */
export function openSqliteStore(options: SqliteStoreOptions): Store {
  const database = openDatabase(options);
  const readOnly = options.readOnly === true && !database.inMemory;
  return new SqliteStore(database, readOnly, options.synchronous !== "off" && !database.inMemory);
}

/** The connection of a store, its format up to date. */
function openDatabase({ path, synchronous = "full", readOnly = false }: SqliteStoreOptions): Database {
  if (!readOnly && path !== inMemory) makeFile(path);
  const database = readOnly ? openForReading(path) : new Database(path, path, { readOnly, busyTimeoutMs });
  try {
    // NORMAL keeps the file whole whatever happens; the store itself flushes what has to survive.
    if (!readOnly) database.exec(`PRAGMA synchronous = ${synchronous === "full" ? "normal" : "off"}`);
    migrate(database);
  } catch (error) {
    database.close();
    throw error;
  }
  return database;
}

/** SQLite would make the file readable for all. */
function makeFile(path: string): void {
  try {
    makeDirectory(dirname(path));
    closeSync(openSync(path, "a", 0o600));
  } catch (error) {
    throw explain(error, path);
  }
}

function openForReading(path: string): Database {
  const empty = (): Database => new Database(path, inMemory, { readOnly: false, busyTimeoutMs });
  if (!existsSync(path)) return empty();
  const database = new Database(path, path, { readOnly: true, busyTimeoutMs });
  try {
    if (versionOf(database) > 0) return database;
    // Its first writer is about to fill it.
    database.close();
    return empty();
  } catch (error) {
    database.close();
    // Readers of a write-ahead log share memory in a file beside it. On a read-only file system there can be none, but
    // nobody who writes either.
    if (resultCodeOf(error) !== cannotOpen || existsSync(`${path}-wal`)) throw error;
    const url = pathToFileURL(path);
    url.search = "immutable=1";
    return new Database(path, url, { readOnly: true, busyTimeoutMs });
  }
}

function versionOf(database: Database): number {
  return database.first<{ user_version: number }>("PRAGMA user_version")?.user_version ?? 0;
}

function migrate(database: Database): void {
  const version = versionOf(database);
  if (version > migrations.length) throw stateNewer(database.path, version, migrations.length);
  if (version === migrations.length) return;
  useLog(database);
  database.transaction(() => {
    // Another process may have been faster.
    for (const step of migrations.slice(versionOf(database))) database.exec(step);
    database.exec(`PRAGMA user_version = ${migrations.length}`);
  });
}

/** SQLite's own timeout doesn't count here: while another process is about to write, the journal's mode is refused at once. */
function useLog(database: Database): void {
  const deadline = performance.now() + busyTimeoutMs;
  for (;;)
    try {
      return database.exec("PRAGMA journal_mode = WAL");
    } catch (error) {
      if (!isNetkitError(error) || error.code !== "LOCKED" || performance.now() > deadline) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, againMs);
    }
}
