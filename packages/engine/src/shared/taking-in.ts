import {
  stableJson,
  type HostId,
  type Network,
  type NetworkId,
  type RemoteEndpoint,
  type SharedHost,
} from "@netkit/core";
import type { Draft } from "../draft.ts";
import type { Reader } from "../lookup.ts";
import { addressKeyOf } from "../networks.ts";
import type { Context } from "../operation.ts";
import { keys, type AddressHolder } from "../state.ts";
import type { Mirror, Subject } from "./mirror.ts";
import { noteDepartedFrom, noteHost } from "./departed.ts";
import { addressesOf } from "./presence.ts";
import { leaveHere } from "./realising.ts";
import { forgetRemote, noteRemote, wantRemote } from "./remotes.ts";
import type { LocalHost } from "./this-host.ts";

/**
 * Brings what this host has of one record into line with the shared store. False: something here is in the way, and it has to be
 * tried again.
 * @param refused the kernel takes nothing for it: names and addresses are all there is
 */
export async function takeIn(
  context: Context,
  draft: Draft,
  mirror: Mirror,
  subject: Subject,
  refused = false,
): Promise<boolean> {
  const self = (await draft.get<LocalHost>(keys.self))?.id;
  if (subject.type === "network") {
    return await takeInNetwork(draft, mirror, subject.network);
  }
  if (subject.type === "endpoint") return await takeInEndpoint(context, draft, mirror, subject, self, refused);
  const before = await draft.get<SharedHost>(keys.host(subject.host));
  const now = subject.host === self ? undefined : mirror.hosts.get(subject.host)?.value;
  if (!isSame(now, before)) await noteHost(draft, subject.host, now, before);
  return true;
}

async function takeInNetwork(draft: Draft, mirror: Mirror, id: NetworkId): Promise<boolean> {
  const seen = mirror.networks.get(id);
  const before = await draft.get<Network>(keys.network(id));
  if (seen === undefined) {
    return before?.scope !== "global" || (await forgetNetwork(draft, before));
  }
  const { removing, ...record } = seen.value;
  const { removing: _, ...part } = before?.share ?? { revision: 0 };
  const now: Network = {
    ...record,
    facts: before?.facts ?? { links: {} },
    realised: before?.realised ?? false,
    ...(before?.announces === true ? { announces: true } : {}),
    share: { ...part, revision: seen.revision, ...(removing === true ? { removing } : {}) },
  };
  if (!isSame(now, before)) draft.put(keys.network(id), now);
  // A network of this host alone has the name, if it was here before.
  if (!(await draft.has(keys.networkName(now.name)))) draft.put(keys.networkName(now.name), id);
  return true;
}

/** Global networks whose name nobody has on this host. */
export async function findNameless(reader: Reader): Promise<Network[]> {
  const networks = (await reader.range<Network>("network/")).flatMap(({ value }) =>
    value.scope === "global" ? [value] : [],
  );
  const names = await reader.getAll(networks.map(({ name }) => keys.networkName(name)));
  return networks.filter(({ name }) => !names.has(keys.networkName(name)));
}

/**
 * Another host has removed it, or the file, or this host has left their store. Where there are endpoints here, it is kept; a store
 * gets it back.
 */
export async function forgetNetwork(draft: Draft, network: Network): Promise<boolean> {
  const { id, name, subnets } = network;
  if ((await draft.range(keys.attached(id, ""), { limit: 1 })).length > 0) return false;
  await leaveHere(draft, network);
  for (const { value } of await draft.range<RemoteEndpoint>(keys.remote(id, ""))) await forgetRemote(draft, value);
  draft.delete(keys.network(id));
  if ((await draft.get<NetworkId>(keys.networkName(name))) === id) draft.delete(keys.networkName(name));
  for (const { subnet } of subnets) draft.delete(keys.cursor(id, subnet));
  return true;
}

async function takeInEndpoint(
  context: Context,
  draft: Draft,
  mirror: Mirror,
  { network: networkId, endpoint: id }: Subject & { readonly type: "endpoint" },
  self: HostId | undefined,
  refused: boolean,
): Promise<boolean> {
  const before = await draft.get<RemoteEndpoint>(keys.remote(networkId, id));
  const seen = mirror.endpoints.get(id)?.value;
  const now = seen?.host === self ? undefined : seen;
  const network = await draft.get<Network>(keys.network(networkId));
  const isHere = network?.realised === true && !refused;
  if (isSame(now, before) && (now === undefined || !isHere || (await draft.owned(id)) !== undefined)) return true;
  if (before !== undefined) await forgetRemote(draft, before);
  // It hasn't left the network: all that it had has ended with its lease.
  if (before !== undefined && seen === undefined && !mirror.hosts.has(before.host)) noteDepartedFrom(draft, before);
  if (now === undefined || network === undefined) return true;
  for (const ip of addressesOf(now)) {
    const holder = await draft.get<AddressHolder>(addressKeyOf(networkId, ip));
    // This host has lost its lease, and with it the address: what it has here stays until somebody takes it away.
    if (holder !== undefined && (await draft.has(keys.endpoint(holder.endpoint)))) return false;
    // A store that tells of removals late: nobody has an address twice.
    const other = holder && (await draft.get<RemoteEndpoint>(keys.remote(networkId, holder.endpoint)));
    if (other !== undefined) await forgetRemote(draft, other);
  }
  noteRemote(draft, now);
  if (isHere) wantRemote(context, draft, await context.drivers.get(network.driver), network, now);
  return true;
}

function isSame(a: unknown, b: unknown): boolean {
  return stableJson(a) === stableJson(b);
}
