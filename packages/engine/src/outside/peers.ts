import { stableJson, type EndpointId, type Network, type OutsidePeers, type Owner } from "@netkit/core";
import type { Draft } from "../draft.ts";
import type { Reader } from "../lookup.ts";
import { newId } from "../new-id.ts";
import type { Context } from "../operation.ts";
import { keys } from "../state.ts";
import { resourcesOf, viewOf } from "../view.ts";
import type { OutsideDriver } from "./place.ts";

/** One of those outside, as this host knows them: each owns its resources. */
interface Outsider {
  readonly id: EndpointId;
  /** What the driver said last. */
  readonly peer: unknown;
}

/** The names of those who have come, changed or gone. */
export async function changedPeers(reader: Reader, network: Network, peers: OutsidePeers): Promise<string[]> {
  const known = await knownPeers(reader, network);
  return Object.keys({ ...known, ...peers }).filter((name) => stableJson(known[name]) !== stableJson(peers[name]));
}

/** Those who are on the network as this host knows it. */
export async function knownPeers(reader: Reader, { id }: Pick<Network, "id">): Promise<OutsidePeers> {
  const prefix = keys.outsider(id, "");
  const entries = await reader.range<Outsider>(prefix);
  return Object.fromEntries(entries.map(({ key, value }) => [key.slice(prefix.length), value.peer]));
}

/** Brings what this host has of one of them into line with what the driver says; undefined: it is gone. */
export async function takePeerIn(
  { instance }: Pick<Context, "instance">,
  draft: Draft,
  driver: OutsideDriver,
  network: Network,
  name: string,
  peer: unknown,
): Promise<void> {
  const key = keys.outsider(network.id, name);
  const before = await draft.get<Outsider>(key);
  if (peer === undefined) {
    if (before !== undefined) draft.want(ownerOf(before, network, name), []);
    draft.delete(key);
    return;
  }
  const outsider: Outsider = { id: before?.id ?? newId<EndpointId>(), peer };
  const view = viewOf(instance, network);
  draft.want(
    ownerOf(outsider, network, name),
    resourcesOf(driver, () => driver.outside.peer(view, peer), ["host"]),
  );
  draft.put(key, outsider);
}

/** The network goes, and they with it. */
export async function forgetPeers(draft: Draft, network: Network): Promise<void> {
  const prefix = keys.outsider(network.id, "");
  for (const { key, value } of await draft.range<Outsider>(prefix)) {
    draft.want(ownerOf(value, network, key.slice(prefix.length)), []);
    draft.delete(key);
  }
}

function ownerOf({ id }: Outsider, network: Network, name: string): Owner {
  return { type: "peer", id, name: `${name}@${network.name}` };
}
