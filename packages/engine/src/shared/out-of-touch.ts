import type { Network } from "@netkit/core";
import type { OutOfTouch } from "../api.ts";
import type { Reader } from "../lookup.ts";
import type { Context } from "../operation.ts";

/** Why this host and others hear nothing of each other. An instance without a way to an agent can't know. */
export async function outOfTouch({ shared, agent }: Context, reader: Reader): Promise<OutOfTouch | undefined> {
  if (!shared.isOthers || agent === undefined) return undefined;
  const state = await agent.sharing?.();
  if (state?.away !== undefined) {
    const { since, message } = state.away;
    return {
      lacks: "store",
      since,
      message: `the store that hosts share is away since ${since}: ${message}`,
      hint: "What is known of other hosts is as it was then. Traffic goes on; nothing can be attached to networks that hosts share until it is back.",
    };
  }
  // Of a file nobody has to tell others.
  if (state !== undefined || shared.file !== undefined || (await agent.serves())) return undefined;
  const networks = (await reader.range<Network>("network/")).map(({ value }) => value);
  const isOnSome = networks.some(({ scope, realised }) => scope === "global" && realised);
  return {
    lacks: "agent",
    message: isOnSome
      ? "no agent runs here: other hosts have forgotten, or will forget, this one's sandboxes"
      : "no agent runs here: of other hosts and their networks is known what was there when one ran",
    hint: "Start it: netkit agent, or for good: netkit agent install",
    isOnSome,
  };
}
