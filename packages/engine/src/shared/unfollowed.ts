import { isNetkitError, NetkitError, type Network } from "@netkit/core";
import { findNetwork, type Reader } from "../lookup.ts";
import type { Context } from "../operation.ts";

/** As {@link findNetwork}. Where nobody follows the store that hosts share, the error says so: the network may be there. */
export async function findNetworkHere(
  { shared, agent }: Context,
  reader: Reader,
  ref: string,
  fits?: (network: Network) => boolean,
): Promise<Network> {
  try {
    return await findNetwork(reader, ref, fits);
  } catch (error) {
    if (!isNetkitError(error) || error.code !== "NETWORK_NOT_FOUND" || !shared.isOthers) throw error;
    if (agent === undefined || (await agent.serves())) throw error;
    throw new NetkitError(error.code, error.message, {
      hint: `${error.hint} The agent isn't running, which tells of networks that other hosts have made: start it ('netkit agent', or 'netkit agent install' for good), and try again.`,
      details: error.details,
      cause: error,
    });
  }
}
