import { NetkitError, type Lease, type LeaseId, type Store, type World } from "@netkit/core";
import type { Context } from "../operation.ts";

/** @param rehearsing nothing may be written */
export function worldOf({ openStore }: Context, rehearsing = false): World {
  return {
    async openStore(url, prefix) {
      if (openStore === undefined) {
        throw new NetkitError(
          "UNSUPPORTED",
          "the network needs a store, and this netkit was opened without a way to any",
          {
            hint: "Open it with 'openStore'.",
          },
        );
      }
      const store = await openStore(url, prefix);
      return rehearsing ? rehearsalOf(store) : store;
    },
  };
}

/** Reads what there is; what is written goes well, and nowhere. */
function rehearsalOf(store: Store): Store {
  const lease: Lease = { id: "0" as LeaseId, renew: async () => true, revoke: async () => {} };
  return {
    get: async (key) => await store.get(key),
    getAll: async (keys) => await store.getAll(keys),
    range: async (prefix, options) => await store.range(prefix, options),
    watch: (prefix, revision, signal) => store.watch(prefix, revision, signal),
    changes: async (prefix, revision) => await store.changes(prefix, revision),
    flush: async () => await store.flush(),
    revision: async () => await store.revision(),
    commit: async () => ({ committed: true, revision: await store.revision() }),
    lease: async () => lease,
    close: async () => await store.close(),
  };
}
