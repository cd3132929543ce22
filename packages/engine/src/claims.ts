import { NetkitError, type Claim, type Network, type NetworkId } from "@netkit/core";
import type { Draft } from "./draft.ts";
import { networkOf } from "./lookup.ts";
import { keys } from "./state.ts";

/** Takes what a driver claims of a space that networks share. @throws NetkitError RESOURCE_CONFLICT, POOL_EXHAUSTED */
export async function takeClaim(draft: Draft, claim: Claim, network: Network): Promise<string> {
  const isFree = async (value: string): Promise<boolean> => (await holderOf(draft, claim, value)) === undefined;
  const value = await chooseValue(claim, isFree);
  if (value === undefined) {
    const holder = claim.value === undefined ? undefined : await holderOf(draft, claim, claim.value);
    const other = holder === undefined ? undefined : await networkOf(draft, holder);
    throw claimTaken(claim, network.name, other?.name);
  }
  const { space, shared } = claim;
  draft.put(shared === true ? keys.sharedClaim(space, value, network.id) : keys.claim(space, value), network.id);
  return value;
}

/** The value that is asked for, or the first of the range, if it is free. */
export async function chooseValue(
  { value, range }: Claim,
  isFree: (value: string) => Promise<boolean> | boolean,
): Promise<string | undefined> {
  if (value !== undefined) return (await isFree(value)) ? value : undefined;
  if (range === undefined) return undefined;
  for (let candidate = range.first; candidate <= range.last; candidate++)
    if (await isFree(String(candidate))) return String(candidate);
  return undefined;
}

/** A network that has a value and doesn't share it with this claim. */
async function holderOf(draft: Draft, { space, shared }: Claim, value: string): Promise<NetworkId | undefined> {
  const holder = await draft.get<NetworkId>(keys.claim(space, value));
  if (holder !== undefined || shared === true) return holder;
  return (await draft.range<NetworkId>(keys.sharedClaim(space, value, "")))[0]?.value;
}

/** @param holder the name of the network that has the value that was asked for */
export function claimTaken(claim: Claim, name: string, holder: string | undefined): NetkitError {
  const { space, value, range } = claim;
  const details = { claim, network: name };
  if (holder === undefined) {
    const all = `${range?.first}-${range?.last}`;
    return new NetkitError("POOL_EXHAUSTED", `each ${space} of ${all} is in use by another network`, {
      hint: "Give another range, or remove networks that aren't needed: netkit network prune",
      details,
    });
  }
  return new NetkitError("RESOURCE_CONFLICT", `${space} ${value} is in use by network '${holder}'`, {
    hint: `Choose another one, or remove that network first: netkit network rm ${holder}`,
    details: { ...details, holder },
  });
}

export async function giveBackClaims(draft: Draft, network: Network): Promise<void> {
  if (Object.keys(network.claims).length === 0) return;
  for (const prefix of ["claim/", "shared-claim/"])
    for (const { key, value } of await draft.range<NetworkId>(prefix)) if (value === network.id) draft.delete(key);
}
