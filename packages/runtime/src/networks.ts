import { isNetkitError, type Network } from "@netkit/core";
import type { Netkit } from "@netkit/engine";

/** By its whole name or id: what a runtime calls its network may be the beginning of some network's id. */
export async function findNetwork(netkit: Netkit, name: string): Promise<Network | undefined> {
  try {
    const found = await netkit.networks.get(name);
    return found.name === name || found.id === name ? found : undefined;
  } catch (error) {
    if (isNetkitError(error) && ["NETWORK_NOT_FOUND", "ID_AMBIGUOUS"].includes(error.code)) return undefined;
    throw error;
  }
}

/** Removes a network unless something is on it. */
export async function removeUnused(netkit: Netkit, { id }: Pick<Network, "id">): Promise<void> {
  try {
    await netkit.networks.remove(id);
  } catch (error) {
    if (!isNetkitError(error) || !["NETWORK_IN_USE", "NETWORK_NOT_FOUND"].includes(error.code)) throw error;
  }
}
