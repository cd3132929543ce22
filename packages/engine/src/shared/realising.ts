import {
  ipOf,
  prefixLengthOf,
  type AnyDriver,
  type Cidr,
  type EndpointId,
  type HostView,
  type Network,
} from "@netkit/core";
import { macOfAddress } from "@netkit/ipam";
import { nextAddress } from "../addresses.ts";
import type { Draft } from "../draft.ts";
import { newId } from "../new-id.ts";
import { addressKeyOf, ownerOf, planNetwork } from "../networks.ts";
import type { Context } from "../operation.ts";
import { keys, type AddressHolder } from "../state.ts";
import { refuseOverlapHere } from "../subnets.ts";
import { asked, viewOf } from "../view.ts";
import { shareRecord, unshareRecord } from "./presence.ts";
import { expectRemotes, withoutRemotes } from "./remotes.ts";
import { thisHostNow, type LocalHost } from "./this-host.ts";

/** The network with this host's facts and its place on the underlay, if the driver has nothing against them. */
export async function knownHere(
  context: Context,
  driver: AnyDriver,
  network: Network,
  { id, vtep, mtu }: LocalHost,
): Promise<Network> {
  const { instance } = context;
  const host: HostView = { vtep, mtu, addresses: [], mac: macOfAddress(undefined, id), ...findingOf(network) };
  const known: Network = { ...network, share: { revision: 0, ...network.share, host } };
  const queries = asked(driver, () => driver.facts?.(viewOf(instance, known))) ?? [];
  const found = queries.length === 0 ? known.facts : (await context.host.open()).facts(queries);
  asked(driver, () => driver.check?.(viewOf(instance, { ...known, facts: found })));
  // Which links there are was for the driver's errors: tomorrow there are others.
  const { names: _, ...facts } = found;
  return { ...known, facts };
}

/** Where hosts share a file, none knows what others have. */
function findingOf({ listed }: Network): Pick<HostView, "finds"> {
  return listed === undefined ? {} : { finds: true };
}

/** A global network comes to this host with its first endpoint here: its kernel objects, the host's own part, and its peers. */
export async function realiseHere(context: Context, draft: Draft, driver: AnyDriver, found: Network): Promise<Network> {
  const self = await thisHostNow(context, draft);
  const known = await knownHere(context, driver, found, self);
  await refuseOverlapHere(context, draft, known, driver.traits.subnetOfLink ? Object.keys(known.facts.links) : []);
  const part = newId<EndpointId>();
  const addresses: Cidr[] = [];
  if (driver.traits.hostAddresses === true) {
    for (const subnet of known.subnets) {
      const { ip } = await nextAddress(draft, known, [subnet], true);
      draft.put(addressKeyOf(known.id, ip), { endpoint: part, ip } satisfies AddressHolder);
      addresses.push(`${ip}/${prefixLengthOf(subnet.subnet)}` as Cidr);
    }
  }
  const [first] = addresses;
  const mac = macOfAddress(first === undefined ? undefined : ipOf(first), part);
  const host: HostView = { vtep: self.vtep, mtu: self.mtu, addresses, mac, ...findingOf(found) };
  const network: Network = { ...known, realised: true, share: { revision: 0, ...found.share, host, part } };
  planNetwork(context, draft, driver, network);
  shareRecord(context, draft, network, {
    id: part,
    network: network.id,
    host: self.id,
    hostName: self.name,
    vtep: self.vtep,
    mac,
    addresses,
    mtu: self.mtu,
  });
  await expectRemotes(context, draft, driver, network);
  return network;
}

/** It goes with its last endpoint here. */
export async function leaveHere(draft: Draft, network: Network): Promise<void> {
  const { share } = network;
  if (share?.host === undefined || share.part === undefined) return;
  const { host, part, ...left } = share;
  draft.want(ownerOf(network), []);
  for (const address of host.addresses) draft.delete(addressKeyOf(network.id, ipOf(address)));
  unshareRecord(draft, network.id, part, host.addresses);
  await withoutRemotes(draft, network);
  draft.put(keys.network(network.id), {
    ...network,
    realised: false,
    facts: { links: {} },
    share: left,
  } satisfies Network);
}
