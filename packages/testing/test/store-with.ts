import type { Store } from "@netkit/core";

/** A store that reads or writes in a way of its own. */
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
