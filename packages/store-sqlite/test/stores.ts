import { join } from "node:path";
import type { Commit, Store } from "@netkit/core";
import { onTestFinished } from "vitest";
import { openSqliteStore, type SqliteStoreOptions } from "../src/index.ts";
import { directory } from "./directory.ts";

/** A store for one test in a file of its own, or in the one given. */
export function open(options: Partial<SqliteStoreOptions> = {}): Store {
  const path = options.path ?? join(directory(), "state.db");
  const store = openSqliteStore({ synchronous: "off", ...options, path });
  onTestFinished(() => store.close());
  return store;
}

/** A commit without checks. */
export function writing(values: Readonly<Record<string, unknown>>): Commit {
  return { checks: [], writes: Object.entries(values).map(([key, value]) => ({ key, value })) };
}
