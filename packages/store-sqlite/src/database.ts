import { closeSync, fdatasync, fdatasyncSync, openSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { explain } from "./errors.ts";

/** SQLite's name for no file at all. */
export const inMemory = ":memory:";

/** A connection whose statements are prepared at first use and whose errors name the file. */
export class Database {
  readonly path: string;
  /** Gone with the connection. */
  readonly inMemory: boolean;
  readonly #connection: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #log: number | undefined;

  constructor(
    path: string,
    location: string | URL,
    options: { readonly readOnly: boolean; readonly busyTimeoutMs: number },
  ) {
    this.path = path;
    this.inMemory = location === inMemory;
    this.#connection = this.#explained(
      () => new DatabaseSync(location, { readOnly: options.readOnly, timeout: options.busyTimeoutMs }),
    );
  }

  exec(sql: string): void {
    this.#explained(() => this.#connection.exec(sql));
  }

  /** The first row, as T says it is. */
  first<T>(sql: string, ...values: (string | number | null)[]): T | undefined {
    return this.#explained(() => this.#prepared(sql).get(...values)) as T | undefined;
  }

  all<T>(sql: string, ...values: (string | number | null)[]): T[] {
    return this.#explained(() => this.#prepared(sql).all(...values)) as T[];
  }

  /** The first `limit` rows. A bound LIMIT would have SQLite plan the query anew each time. */
  some<T>(limit: number, sql: string, ...values: (string | number | null)[]): T[] {
    return this.#explained(() => {
      const rows: unknown[] = [];
      if (limit <= 0) return rows;
      for (const row of this.#prepared(sql).iterate(...values)) if (rows.push(row) >= limit) break;
      return rows;
    }) as T[];
  }

  /** Differs whenever another connection has committed (SQLite's docs, PRAGMA data_version). */
  dataVersion(): unknown {
    return this.first<{ data_version: number }>("PRAGMA data_version")?.data_version;
  }

  /** How many rows a change hit. */
  run(sql: string, ...values: (string | number | null)[]): number {
    return Number(this.#explained(() => this.#prepared(sql).run(...values)).changes);
  }

  /**
   * Runs `work` as the only writer among all processes. Everything or, when it throws, nothing; what was done survives
   * the end of the process, and a power cut after {@link flush}.
   */
  transaction<T>(work: () => T): T {
    this.run("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.run("COMMIT");
      return result;
    } finally {
      // Still open: `work` or COMMIT threw, and SQLite hasn't rolled back by itself.
      if (this.#connection.isTransaction) this.run("ROLLBACK");
    }
  }

  /**
   * Flushes the write-ahead log to disk, on another thread. Whatever was committed is in there, or was checkpointed,
   * before which SQLite flushes it itself. The log stays the same file while the connection is open; when it makes a new
   * one, SQLite flushes the directory.
   */
  async flush(): Promise<void> {
    const log = this.#explained(() => (this.#log ??= openSync(`${this.path}-wal`, "r")));
    await new Promise<void>((resolve, reject) => {
      fdatasync(log, (error) => (error === null ? resolve() : reject(explain(error, this.path))));
    });
  }

  /** As {@link flush}, at once. */
  flushNow(): void {
    this.#explained(() => fdatasyncSync((this.#log ??= openSync(`${this.path}-wal`, "r"))));
  }

  close(): void {
    if (this.#log !== undefined) closeSync(this.#log);
    this.#log = undefined;
    if (this.#connection.isOpen) this.#connection.close();
  }

  #prepared(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) this.#statements.set(sql, (statement = this.#connection.prepare(sql)));
    return statement;
  }

  #explained<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw explain(error, this.path);
    }
  }
}
