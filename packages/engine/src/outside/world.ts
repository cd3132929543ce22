import { NetkitError, storeWith, type Lease, type LeaseId, type Store, type World } from "@netkit/core";
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
  return storeWith(store, {
    commit: async () => ({ committed: true, revision: await store.revision() }),
    lease: async () => lease,
  });
}
