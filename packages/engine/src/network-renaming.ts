import { NetkitError, parseName, type Network } from "@netkit/core";
import type { Draft } from "./draft.ts";
import { endpointsOfNetwork, sandboxOf } from "./lookup.ts";
import { refuseTaken } from "./networks.ts";
import type { Context } from "./operation.ts";
import { keys } from "./state.ts";

/**
 * Another name for a network of this host alone. Nothing changes in the kernel.
 * @throws NetkitError NAME_TAKEN, NAME_INVALID, NETWORK_PREDEFINED; UNSUPPORTED: other hosts call it so, too
 */
export async function renameNetwork(context: Context, draft: Draft, network: Network, given: string): Promise<Network> {
  const name = parseName("network", given);
  if (network.predefined) {
    throw new NetkitError("NETWORK_PREDEFINED", `network '${network.name}' is predefined and can't be renamed`);
  }
  if (network.scope === "global") {
    throw new NetkitError("UNSUPPORTED", `other hosts call network '${network.name}' so, too`, {
      hint: "It keeps its name.",
    });
  }
  if (name === network.name) return network;
  await refuseTaken(context, draft, name);
  const renamed: Network = { ...network, name };
  draft.delete(keys.networkName(network.name));
  draft.put(keys.networkName(name), network.id);
  draft.put(keys.network(network.id), renamed);
  const own = await draft.owned(network.id);
  if (own !== undefined) draft.want({ ...own.owner, name }, own.resources);
  for (const endpoint of await endpointsOfNetwork(draft, network.id)) {
    // Whoever follows it looks again what it is called.
    draft.put(keys.endpoint(endpoint.id), endpoint);
    const owned = await draft.owned(endpoint.id);
    const sandbox = await sandboxOf(draft, endpoint.sandbox);
    if (owned !== undefined) draft.want({ ...owned.owner, name: `${sandbox.name}@${name}` }, owned.resources);
  }
  return renamed;
}
