import type { Store } from "./store.ts";

/** A store that does some things in a way of its own, and all others as `store` does. What a store needn't have it hasn't. */
export function storeWith(store: Store, own: Partial<Store>): Store {
  return {
    get: async (key) => await store.get(key),
    getAll: async (keys) => await store.getAll(keys),
    range: async (prefix, options) => await store.range(prefix, options),
    commit: async (commit) => await store.commit(commit),
    flush: async () => await store.flush(),
    watch: (prefix, revision, signal) => store.watch(prefix, revision, signal),
    changes: async (prefix, revision) => await store.changes(prefix, revision),
    revision: async () => await store.revision(),
    lease: async (ttlMs) => await store.lease(ttlMs),
    close: async () => await store.close(),
    ...own,
  };
}
