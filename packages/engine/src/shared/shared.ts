import { join } from "node:path";
import type { Store } from "@netkit/core";
import { openSqliteStore } from "@netkit/store-sqlite";
import type { SharedOptions } from "../api.ts";

/** The store that hosts share, opened when a global network first needs it; one of this host alone where none is named. */
export class Shared {
  readonly options: SharedOptions;
  /** Others watch it: what is of this host lives under a lease. */
  readonly isOthers: boolean;
  /** Not a store, but a file: this is its path, and the store is a copy of it for this host alone. */
  readonly file: string | undefined;
  readonly #open: () => Promise<Store>;
  #opened: Promise<Store> | undefined;

  constructor(root: string, options: SharedOptions | undefined) {
    const { open, file } = options ?? {};
    this.options = options ?? {};
    this.file = file;
    this.isOthers = open !== undefined || file !== undefined;
    const name = file === undefined ? "shared.db" : "peers.db";
    this.#open = open ?? (async () => openSqliteStore({ path: join(root, name) }));
  }

  async open(): Promise<Store> {
    const opening = (this.#opened ??= this.#open());
    try {
      return await opening;
    } catch (error) {
      this.#opened = undefined;
      throw error;
    }
  }

  async close(): Promise<void> {
    // One that can't be opened has been reported by who asked for it.
    const store = await this.#opened?.catch(() => undefined);
    this.#opened = undefined;
    await store?.close();
  }
}
