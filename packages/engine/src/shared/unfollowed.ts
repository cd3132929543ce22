import { isNetkitError, NetkitError, type Network } from "@netkit/core";
import { findNetwork, type Reader } from "../lookup.ts";
import type { Context } from "../operation.ts";

/** As {@link findNetwork}. Where nobody can follow the store that hosts share, the error says so: the network may be there. */
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
    if (agent === undefined) throw error;
    const away = (await agent.sharing?.())?.away;
    if (away === undefined && (await agent.serves())) throw error;
    const why =
      away === undefined
        ? "The agent isn't running, which tells of networks that other hosts have made: start it ('netkit agent', or 'netkit agent install' for good), and try again."
        : `The store that hosts share is away since ${away.since}: of what other hosts have made since then nothing is known here.`;
    throw new NetkitError(error.code, error.message, {
      hint: `${error.hint} ${why}`,
      details: error.details,
      cause: error,
    });
  }
}
