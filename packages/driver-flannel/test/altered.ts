import type { Store } from "@netkit/core";

/** A store that does some things otherwise. */
export function altered(store: Store, changes: Partial<Store>): Store {
  return {
    get: async (key) => await store.get(key),
    getAll: async (keys) => await store.getAll(keys),
    range: async (prefix, options) => await store.range(prefix, options),
    watch: (prefix, revision, signal) => store.watch(prefix, revision, signal),
    changes: async (prefix, revision) => await store.changes(prefix, revision),
    flush: async () => await store.flush(),
    revision: async () => await store.revision(),
    commit: async (commit) => await store.commit(commit),
    lease: async (ttlMs) => await store.lease(ttlMs),
    close: async () => await store.close(),
    ...changes,
  };
}
