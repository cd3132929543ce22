import {
  ipOf,
  NetkitError,
  type Cidr,
  type Endpoint,
  type EndpointId,
  type Ip,
  type Network,
  type NetworkId,
  type RemoteEndpoint,
  type Sandbox,
} from "@netkit/core";
import { addressWithin, contains } from "@netkit/ipam";
import type { Draft } from "../draft.ts";
import { derivedMac } from "../endpoint-mac.ts";
import { addressKeyOf } from "../networks.ts";
import type { Context } from "../operation.ts";
import { keys, type AddressHolder } from "../state.ts";
import type { Conflict } from "./changes.ts";
import { sharedKeys } from "./keys.ts";
import { requireLease } from "./lease.ts";
import { leaveHere } from "./realising.ts";
import type { SharedAddress } from "./records.ts";
import { thisHost, type LocalHost } from "./this-host.ts";

/** Makes an endpoint known to the network's other hosts. */
export async function shareEndpoint(
  context: Context,
  draft: Draft,
  network: Network,
  sandbox: Sandbox,
  endpoint: Endpoint,
): Promise<void> {
  refuseRemoving(network);
  await requireLease(context, draft);
  shareRecord(context, draft, network, recordOf(await thisHost(context, draft), sandbox, endpoint));
  draft.shared.check(sharedKeys.network(network.id), network.share?.revision ?? 0, networkConflict(draft, network));
}

/** Other hosts call an endpoint by the other names of its sandbox; the addresses are its own as they were. */
export async function shareNames(
  context: Context,
  draft: Draft,
  network: Network,
  sandbox: Sandbox,
  endpoint: Endpoint,
): Promise<void> {
  await requireLease(context, draft);
  const { shared } = draft;
  const record = recordOf(await thisHost(context, draft), sandbox, endpoint);
  shared.put(sharedKeys.endpoint(record.network, record.id), record, true);
  shared.preparations.push(async (store) => {
    const { readAddress } = await import("./records.ts");
    for (const ip of addressesOf(record)) {
      const key = addressKeyOf(record.network, ip);
      const found = await store.get(key);
      // Of one that is another's by now the agent tells.
      if (found === undefined || readAddress(found.value)?.id !== record.id) continue;
      shared.check(key, found.revision, async () => changing(network));
      shared.put(key, addressRecordOf(record, ip), true);
    }
  });
}

/** An endpoint as other hosts know it. */
export function recordOf(
  self: LocalHost,
  { id: sandbox, name, hostname }: Sandbox,
  endpoint: Endpoint,
): RemoteEndpoint {
  const { id: endpointId, network, addresses, linkLocal, aliases } = endpoint;
  return {
    id: endpointId,
    network,
    host: self.id,
    hostName: self.name,
    vtep: self.vtep,
    // One that has its parent's is told apart by its addresses.
    mac: endpoint.mac ?? derivedMac(endpoint),
    addresses: addresses.map(({ address }) => address),
    ...(linkLocal === undefined ? {} : { linkLocal }),
    sandbox: { id: sandbox, name, hostname, aliases },
  };
}

/** In an `address/` record and in messages. */
export function whoIs({ sandbox, hostName }: RemoteEndpoint): string {
  return sandbox === undefined ? `host '${hostName}' itself` : `sandbox '${sandbox.name}' on host '${hostName}'`;
}

/** All addresses of an endpoint that are its own in the network. */
export function addressesOf({ addresses, linkLocal = [] }: Pick<RemoteEndpoint, "addresses" | "linkLocal">): Ip[] {
  return [...addresses, ...linkLocal].map(ipOf);
}

/** Writes what others have to know of an endpoint, or of the host itself, unless they have one of its addresses. */
export function shareRecord(context: Context, draft: Draft, network: Network, record: RemoteEndpoint): void {
  const { shared } = draft;
  shared.put(sharedKeys.endpoint(network.id, record.id), record, true);
  for (const ip of addressesOf(record)) {
    const key = addressKeyOf(network.id, ip);
    shared.check(key, 0, addressConflict(context, draft, network, ip));
    shared.put(key, addressRecordOf(record, ip), true);
  }
}

export function addressRecordOf(record: RemoteEndpoint, ip: Ip): SharedAddress {
  return { id: record.id, host: record.host, ip, who: whoIs(record) };
}

/** So many conflicts, and this host is behind: of more others it hears in time. */
const behind = 4;

/**
 * The next draft knows who has the address: an automatic one moves on, and of a static one it can say who has it. Hosts that
 * attach at the same time would choose the same again, each the next free one: so it moves to anywhere, and stays apart from then on.
 */
function addressConflict({ shared }: Context, draft: Draft, { id, name, subnets }: Network, ip: Ip): Conflict {
  return async (found) => {
    const { readAddress } = await import("./records.ts");
    const prefix = keys.address(id, "");
    const key = addressKeyOf(id, ip);
    const isBehind = draft.assumed(prefix) >= behind;
    const now = isBehind ? await (await shared.open()).range(prefix) : [{ key, value: found?.value }];
    for (const { key, value } of now) {
      const holder = readAddress(value);
      if (holder === undefined) continue;
      draft.assume(key, { endpoint: holder.id, ip: holder.ip, who: holder.who } satisfies AddressHolder);
    }
    const subnet = subnets.find((candidate) => contains(candidate.subnet, ip));
    if (subnet !== undefined) draft.assume(keys.cursor(id, subnet.subnet), addressWithin(subnet, Math.random()));
    return new NetkitError("ADDRESS_TAKEN", `address ${ip} of network '${name}' is in use on another host`, {
      hint: "Other hosts attach so many sandboxes at the same time: try again.",
      details: { address: ip, network: name },
    });
  };
}

function networkConflict(draft: Draft, { id, name }: Network): Conflict {
  return async (found) => {
    const { readNetwork } = await import("./records.ts");
    const record = readNetwork(found?.value);
    const known = await draft.before<Network>(keys.network(id));
    if (found === undefined || record === undefined || known === undefined) throw removed(name);
    const { removing } = record;
    const share = { ...known.share, revision: found.revision, ...(removing === true ? { removing } : {}) };
    draft.assume(keys.network(id), { ...known, share } satisfies Network);
    return changing({ name });
  };
}

export function changing({ name }: Pick<Network, "name">): NetkitError {
  return new NetkitError("STATE_CHANGED", `other hosts change network '${name}' all the time`, { hint: "Try again." });
}

function removed(name: string): NetkitError {
  return new NetkitError("NETWORK_NOT_FOUND", `network '${name}' has been removed by another host`, {
    hint: "'netkit network ls' lists those that there are.",
    details: { ref: name },
  });
}

function refuseRemoving({ name, share }: Network): void {
  if (share?.removing !== true) return;
  throw new NetkitError("NETWORK_NOT_FOUND", `network '${name}' is being removed`, {
    hint: `If that has come to nothing, 'netkit network rm ${name}' finishes it.`,
    details: { ref: name },
  });
}

/** Other hosts forget an endpoint; the last of a network on this host takes the network's kernel objects along. */
export async function unshareEndpoint(draft: Draft, network: Network, endpoint: Endpoint): Promise<void> {
  const { addresses, linkLocal = [] } = endpoint;
  unshareRecord(draft, network.id, endpoint.id, [...addresses.map(({ address }) => address), ...linkLocal]);
  const others = await draft.range(keys.attached(network.id, ""), { limit: 1 });
  if (others.length === 0) await leaveHere(draft, network);
}

export function unshareRecord(draft: Draft, network: NetworkId, id: EndpointId, addresses: readonly Cidr[]): void {
  draft.shared.remove(sharedKeys.endpoint(network, id), id);
  for (const address of addresses) draft.shared.remove(addressKeyOf(network, ipOf(address)), id);
}
