import type { Network, Store } from "@netkit/core";
import type { Reader } from "../lookup.ts";
import type { Context } from "../operation.ts";
import { viewOf } from "../view.ts";
import { sharedNetworkOf } from "./global-networks.ts";
import { sharedKeys } from "./keys.ts";
import type { Mirror } from "./mirror.ts";
import { keys } from "../state.ts";

/**
 * The networks that the store has lost: all that this host knows where it has lost everything, and those that have endpoints
 * here in any case. Those of a file that hosts had before the store were never in it.
 */
export async function findLost(reader: Reader, mirror: Mirror): Promise<Network[]> {
  const lost: Network[] = [];
  for (const { value } of await reader.range<Network>("network/")) {
    if (value.scope !== "global" || value.listed !== undefined || mirror.networks.has(value.id)) continue;
    const isUsed = async (): Promise<boolean> =>
      (await reader.range(keys.attached(value.id, ""), { limit: 1 })).length > 0;
    if (!mirror.hasNetworks || (await isUsed())) lost.push(value);
  }
  return lost;
}

/** Writes a network again that the store has lost, unless another host was faster. */
export async function restore(context: Context, store: Store, network: Network): Promise<void> {
  const driver = await context.drivers.find(network.driver);
  const held = { id: network.id, name: network.name };
  const claimed = (driver?.claims?.(viewOf(context.instance, network)) ?? []).flatMap(({ name, space }) => {
    const value = network.claims[name];
    return value === undefined ? [] : [sharedKeys.claim(space, value)];
  });
  const absent = [sharedKeys.network(network.id), sharedKeys.networkName(network.name), ...claimed];
  await store.commit({
    checks: absent.map((key) => ({ key, revision: 0 })),
    writes: [
      { key: sharedKeys.network(network.id), value: sharedNetworkOf(network) },
      ...absent.slice(1).map((key) => ({ key, value: held })),
      { key: sharedKeys.networks, value: { id: network.id } },
    ],
  });
}
