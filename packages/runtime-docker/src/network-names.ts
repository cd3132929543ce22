import { isDockers, isName, shortId, type Network } from "@netkit/core";
import type { Netkit } from "@netkit/engine";
import { isNameTrouble } from "./container-names.ts";
import type { NetworkName } from "./docker-api.ts";
import { isGone } from "./gone.ts";

/** What a network is called that Docker makes, for the protocol carries no name. */
export function nameless(id: string): string {
  return `docker-${shortId(id)}`;
}

/** Has networks called what they are in Docker, unless they were given a name, or it is somebody else's here. */
export async function nameNetworks(netkit: Netkit, names: readonly NetworkName[]): Promise<void> {
  const known = new Map((await netkit.networks.list()).map((network) => [network.id as string, network]));
  for (const { id, name } of names) {
    const network = known.get(id);
    if (network === undefined || !isNameless(network) || !isName(name)) continue;
    await netkit.networks.rename(id, name).catch((error: unknown) => {
      if (!isNameTrouble(error) && !isGone(error)) throw error;
    });
  }
}

/** Other hosts call an overlay what they do. */
function isNameless(network: Network): boolean {
  return isDockers(network) && network.scope === "local" && network.name === nameless(network.id);
}
