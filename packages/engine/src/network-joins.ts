import { NetkitError, isId, shortId, type Cidr, type KnownThere, type Network, type NetworkId } from "@netkit/core";
import type { NetworkJoin, NetworkJoinRequest } from "./api.ts";
import type { Draft } from "./draft.ts";
import { endpointsOfNetwork, type Reader } from "./lookup.ts";
import { keys } from "./state.ts";

/** A join as stored, on this host alone, whatever the network's scope is. */
export interface Joined {
  readonly network: NetworkId;
  readonly join: NetworkJoin;
}

/** Whoever has joined it may say more of himself later. @throws NetkitError ARGUMENT_INVALID, NAME_TAKEN, UNSUPPORTED */
export async function joinNetwork(
  draft: Draft,
  network: Network,
  { id, engine, daemon, pools = [] }: NetworkJoinRequest,
  added: readonly Cidr[] = [],
): Promise<NetworkJoin> {
  if (!isId(id)) throw new NetkitError("ARGUMENT_INVALID", `${JSON.stringify(id.slice(0, 80))} is no id of a network`);
  if (network.configOnly !== undefined) {
    throw new NetkitError("UNSUPPORTED", `network '${network.name}' holds settings for networks and is none itself`);
  }
  if (id !== network.id && (await draft.has(keys.network(id as NetworkId)))) throw taken(id);
  const known = daemon === undefined ? undefined : await draft.get<Joined>(keys.joined(id));
  const isSame = known?.network === network.id && known.join.engine === engine;
  if (!isSame) await refuseJoined(draft, id);
  const before = isSame ? known.join : { created: new Date().toISOString() };
  const subnets = added.length === 0 ? {} : { subnets: added };
  const said = { ...(daemon === undefined ? {} : { daemon }), ...(pools.length === 0 ? {} : { pools }), ...subnets };
  const join: NetworkJoin = { ...before, id, engine, ...said };
  draft.put(keys.joined(id), { network: network.id, join } satisfies Joined);
  return join;
}

/** @throws NetkitError NAME_TAKEN: by that id another one is found */
export async function refuseJoined(draft: Draft, id: string): Promise<void> {
  if (await draft.has(keys.joined(id))) throw taken(id);
}

function taken(id: string): NetkitError {
  return new NetkitError("NAME_TAKEN", `the id ${shortId(id)} stands for a network already`);
}

/** Undefined: it stands for none. */
export async function leaveNetwork(draft: Draft, id: string): Promise<Joined | undefined> {
  const found = await draft.get<Joined>(keys.joined(id));
  if (found !== undefined) draft.delete(keys.joined(id));
  return found;
}

export async function joinsOf(reader: Reader, network: Network): Promise<NetworkJoin[]> {
  return (await everyJoin(reader)).flatMap((joined) => (joined.network === network.id ? [joined.join] : []));
}

/** What tells how other engines call the network. */
export async function knownThere(reader: Reader, network: Network): Promise<KnownThere> {
  const endpoints = await endpointsOfNetwork(reader, network.id);
  return { joins: await joinsOf(reader, network), labels: network.labels, endpoints };
}

/** Those of all networks: there are few. */
export async function everyJoin(reader: Reader): Promise<Joined[]> {
  return (await reader.range<Joined>(keys.joined(""))).map(({ value }) => value);
}

/** Of the network that goes. */
export async function forgetJoins(draft: Draft, network: Network): Promise<void> {
  for (const { id } of await joinsOf(draft, network)) draft.delete(keys.joined(id));
}
