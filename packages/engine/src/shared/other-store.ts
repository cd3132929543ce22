import type { NetworkId, SharedHost, Store } from "@netkit/core";
import { readerOf } from "../lookup.ts";
import { operate, type Context } from "../operation.ts";
import { keys } from "../state.ts";
import { departedFromAll } from "./departed.ts";
import { sharedKeys } from "./keys.ts";

/** Forgets the hosts of the store that this host shared before this one. Its networks go as what is in the new one is read. */
export async function forgetOtherStore(context: Context): Promise<void> {
  const { options, file } = context.shared;
  const id = options.id ?? file;
  const before = await readerOf(context.store).get<string>(keys.sharedStore);
  if (id === undefined || id === before) return;
  await operate(context, "forget the hosts of another store", async (draft) => {
    draft.put(keys.sharedStore, id);
    if (before === undefined) return;
    for (const prefix of [keys.host(""), keys.departed(""), departedFromAll])
      for (const { key } of await draft.range<SharedHost>(prefix)) draft.delete(key);
  });
}

/** Whether hosts share these networks by a store: it is the one that they are from, by another URL, or a copy of it. */
export async function sharesNetworks(store: Store, networks: readonly NetworkId[]): Promise<boolean> {
  const wanted = networks.map((id) => sharedKeys.network(id));
  const found = await store.getAll(wanted);
  return wanted.every((key) => found.has(key));
}
