import {
  familyOf,
  NetkitError,
  type AnyDriver,
  type Cidr,
  type Instance,
  type Network,
  type Owner,
  type PeerView,
  type RemoteEndpoint,
  type Resource,
} from "@netkit/core";
import type { Draft } from "../draft.ts";
import { familyName } from "../network-routes.ts";
import { addressKeyOf } from "../networks.ts";
import type { Context } from "../operation.ts";
import { keys, type AddressHolder } from "../state.ts";
import { resourcesOf, viewOf } from "../view.ts";
import { addressesOf, whoIs } from "./presence.ts";

/**
 * What this host must hold for it, if it has the network: each remote endpoint is an owner of its own.
 * @throws NetkitError UNSUPPORTED: its host is reached by the other family, and a tunnel has one
 */
export function wantRemote(
  { instance }: Pick<Context, "instance">,
  draft: Draft,
  driver: AnyDriver,
  network: Network,
  remote: RemoteEndpoint,
): void {
  const vtep = network.share?.host?.vtep;
  if (driver.peers !== undefined && vtep !== undefined && familyOf(vtep) !== familyOf(remote.vtep)) {
    const [there, here] = [remote.vtep, vtep].map(familyName);
    throw new NetkitError(
      "UNSUPPORTED",
      `host '${remote.hostName}' is reached by ${there} (${remote.vtep}), and this one by ${here} (${vtep}): no tunnel of network '${network.name}' joins them`,
      {
        hint: "Have all hosts advertise addresses of one family: netkit agent --advertise ADDRESS",
        details: { network: network.name, host: remote.hostName, there: remote.vtep, here: vtep },
      },
    );
  }
  draft.want(ownerOfRemote(remote, network), resourcesFor(instance, driver, network, remote));
}

export function resourcesFor(
  instance: Instance,
  driver: AnyDriver,
  network: Network,
  { mac, vtep, addresses, linkLocal = [], unlisted }: RemoteEndpoint,
): readonly Resource[] {
  const peers = [...addresses, ...linkLocal].map((address: Cidr): PeerView => ({ address, mac, vtep }));
  const hosts = unlisted === true ? [vtep] : [];
  const view = viewOf(instance, network);
  return resourcesOf(driver, () => driver.peers?.(view, peers, hosts) ?? [], ["host"]);
}

export function ownerOfRemote({ id, sandbox, hostName }: RemoteEndpoint, { name }: Network): Owner {
  return { type: "peer", id, name: `${sandbox?.name ?? "host"}@${name} on ${hostName}` };
}

/** All that are on a network that has just come to this host. */
export async function expectRemotes(
  context: Context,
  draft: Draft,
  driver: AnyDriver,
  network: Network,
): Promise<void> {
  for (const { value } of await draft.range<RemoteEndpoint>(keys.remote(network.id, "")))
    wantRemote(context, draft, driver, network, value);
}

/** They are known still, and nothing in the kernel is theirs any more: the network leaves this host. */
export async function withoutRemotes(draft: Draft, network: Network): Promise<void> {
  for (const { value } of await draft.range<RemoteEndpoint>(keys.remote(network.id, "")))
    draft.want(ownerOfRemote(value, network), []);
}

/** Takes note of a remote endpoint, and of whose its addresses are. */
export function noteRemote(draft: Draft, remote: RemoteEndpoint): void {
  draft.put(keys.remote(remote.network, remote.id), remote);
  for (const ip of addressesOf(remote)) {
    const holder: AddressHolder = { endpoint: remote.id, ip, who: whoIs(remote) };
    draft.put(addressKeyOf(remote.network, ip), holder);
  }
}

/** It is gone, with all that this host has of it. */
export async function forgetRemote(draft: Draft, remote: RemoteEndpoint): Promise<void> {
  draft.delete(keys.remote(remote.network, remote.id));
  const owned = await draft.owned(remote.id);
  if (owned !== undefined) draft.want(owned.owner, []);
  for (const ip of addressesOf(remote)) {
    const key = addressKeyOf(remote.network, ip);
    if ((await draft.get<AddressHolder>(key))?.endpoint === remote.id) draft.delete(key);
  }
}
