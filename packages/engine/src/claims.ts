import { NetkitError, type Claim, type Network, type NetworkId } from "@netkit/core";
import type { Draft } from "./draft.ts";
import { networkOf } from "./lookup.ts";
import { keys } from "./state.ts";

/** Takes what a driver claims of a space that networks share. @throws NetkitError RESOURCE_CONFLICT */
export async function takeClaim(draft: Draft, claim: Claim, network: Network): Promise<string> {
  const isFree = async (value: string): Promise<boolean> => (await holderOf(draft, claim, value)) === undefined;
  let value: string | undefined;
  if (claim.value !== undefined) {
    if (await isFree(claim.value)) value = claim.value;
  } else if (claim.range !== undefined) {
    for (let candidate = claim.range.first; candidate <= claim.range.last && value === undefined; candidate++) {
      if (await isFree(String(candidate))) value = String(candidate);
    }
  }
  if (value === undefined) {
    throw await claimTaken(draft, claim, network);
  }
  const { space, shared } = claim;
  draft.put(shared === true ? keys.sharedClaim(space, value, network.id) : keys.claim(space, value), network.id);
  return value;
}

/** A network that has a value and doesn't share it with this claim. */
async function holderOf(draft: Draft, { space, shared }: Claim, value: string): Promise<NetworkId | undefined> {
  const holder = await draft.get<NetworkId>(keys.claim(space, value));
  if (holder !== undefined || shared === true) return holder;
  return (await draft.range<NetworkId>(keys.sharedClaim(space, value, "")))[0]?.value;
}

async function claimTaken(draft: Draft, claim: Claim, { name }: Network): Promise<NetkitError> {
  const { space, value, range } = claim;
  const details = { claim, network: name };
  const holder = value === undefined ? undefined : await holderOf(draft, claim, value);
  if (holder === undefined) {
    const all = `${range?.first}-${range?.last}`;
    return new NetkitError("RESOURCE_CONFLICT", `each ${space} of ${all} is in use by another network`, {
      hint: "Remove networks that aren't needed: netkit network prune",
      details,
    });
  }
  const other = await networkOf(draft, holder);
  return new NetkitError("RESOURCE_CONFLICT", `${space} ${value} is in use by network '${other.name}'`, {
    hint: `Choose another one, or remove that network first: netkit network rm ${other.name}`,
    details: { ...details, holder: other.name },
  });
}

export async function giveBackClaims(draft: Draft, network: Network): Promise<void> {
  if (Object.keys(network.claims).length === 0) return;
  for (const prefix of ["claim/", "shared-claim/"])
    for (const { key, value } of await draft.range<NetworkId>(prefix)) if (value === network.id) draft.delete(key);
}
