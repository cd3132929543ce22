import { DatabaseSync, type StatementSync } from "node:sqlite";
import { explain } from "./errors.ts";

/** A connection whose statements are prepared at first use and whose errors name the file. */
export class Database {
  readonly path: string;
  readonly #connection: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(
    path: string,
    location: string | URL,
    options: { readonly readOnly: boolean; readonly busyTimeoutMs: number },
  ) {
    this.path = path;
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

  /** How many rows a change hit. */
  run(sql: string, ...values: (string | number | null)[]): number {
    return Number(this.#explained(() => this.#prepared(sql).run(...values)).changes);
  }

  /**
   * Runs `work` as the only writer among all processes. Everything or, when it throws, nothing; a commit that returned
   * is on disk.
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

  close(): void {
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
