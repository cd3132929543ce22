import type { Network, SharedHost } from "@netkit/core";
import { readerOf } from "../lookup.ts";
import { operate, type Context } from "../operation.ts";
import { keys } from "../state.ts";
import { sharedKeys } from "./keys.ts";
import { forgetNetwork } from "./taking-in.ts";

/** What this host had of other hosts, whose store it has left: networks that something here is on stay. */
export async function forgetOthers(context: Context): Promise<void> {
  const reader = readerOf(context.store);
  const hosts = [
    ...(await reader.range<SharedHost>(keys.host(""))),
    ...(await reader.range<SharedHost>(keys.departed(""))),
  ];
  const lease = await reader.get(keys.lease);
  const networks: Network[] = [];
  for (const { value } of await reader.range<Network>("network/")) {
    if (value.scope !== "global") continue;
    if ((await (await context.shared.open()).get(sharedKeys.network(value.id))) === undefined) networks.push(value);
  }
  if (hosts.length === 0 && lease === undefined && networks.length === 0) return;
  await operate(context, "forget other hosts", async (draft) => {
    for (const { key } of hosts) draft.delete(key);
    draft.delete(keys.lease);
    draft.delete(keys.sharedStore);
    for (const network of networks) await forgetNetwork(draft, network);
  });
}
