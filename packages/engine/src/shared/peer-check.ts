import {
  isNetkitError,
  NetkitError,
  type HostView,
  type Network,
  type RemoteEndpoint,
  type SharedHost,
} from "@netkit/core";
import type { EchoResult } from "@netkit/kernel";
import type { Finding, NetworkCheck, PeerCheckOptions, PeerFault } from "../api.ts";
import { drift } from "../doctor.ts";
import { findForeignToTunnels } from "../foreign.ts";
import { enumerated } from "../listed.ts";
import { readerOf, type Reader } from "../lookup.ts";
import { ownerOf } from "../networks.ts";
import { requireRoot, type Context } from "../operation.ts";
import { keys, type Owned } from "../state.ts";
import { judge, keyOf, requestsOf, type Answers, type Peer, type Place } from "./peer-answers.ts";
import { departedFrom, type DepartedFrom } from "./departed.ts";
import { outOfTouch } from "./out-of-touch.ts";
import { ownerOfRemote, resourcesFor } from "./remotes.ts";
import { findNetworkHere } from "./unfollowed.ts";
import { withoutVtep } from "./unshared.ts";
import { wrongAddresses } from "./host-addresses.ts";
import { linkOf, type LocalHost } from "./this-host.ts";
import { findTooLarge, mtuOf, mtuOn } from "./underlay-mtu.ts";

/** How long everybody together has to answer, in ms. */
const defaultTimeoutMs = 3_000;
const mending = "Mend it: netkit doctor --repair";

/** Tests the other hosts of global networks; see {@link Netkit.checkPeers}. */
export async function checkPeers(context: Context, options: PeerCheckOptions): Promise<NetworkCheck[]> {
  requireRoot("test other hosts");
  const reader = readerOf(context.store);
  const networks = await chosen(context, reader, options.networks);
  const look = async (): Promise<Place[]> => await placesOf(context, reader, networks);
  let places = await look();
  if (places.some(isAtFault)) {
    // What an operation is in the middle of looks like a fault.
    using lock = await context.lock.acquire(options.signal).catch(unlessUnwritable);
    if (lock !== undefined) places = await look();
  }
  const answers = await askAll(context, places, options);
  const isCut = (place: Place): boolean =>
    place.peers.some((peer) => judge(place, peer, answers).tunnel.state === "failed");
  if (places.some(isCut)) {
    // What might drop tunnels is told only where something does.
    const drops = await findForeignToTunnels(context, reader);
    places = places.map((place) =>
      isCut(place) ? { ...place, faults: [...place.faults, ...among(drops, place)] } : place,
    );
  }
  return networks.map(({ id, name, driver, claims }) => {
    const network = { id, name, driver, claims };
    const place = places.find((one) => one.network.id === id);
    if (place === undefined) return { network, isHere: false, faults: [], peers: [] };
    const { host, mtu, faults } = place;
    return {
      network,
      isHere: true,
      vtep: host.vtep,
      ...(mtu === undefined ? {} : { mtu }),
      faults,
      peers: place.peers.map((peer) => judge(place, peer, answers)),
    };
  });
}

function among(drops: readonly Finding[], { network }: Place): PeerFault[] {
  const own = drops.filter(({ owner }) => owner?.id === network.id);
  return own.map(({ message, remedy = [] }) => ({ test: "firewall", message, hint: remedy.join("; ") }));
}

async function chosen(context: Context, reader: Reader, refs: readonly string[] | undefined): Promise<Network[]> {
  if (refs === undefined) {
    const all = (await reader.range<Network>("network/")).map(({ value }) => value);
    return all.filter(({ scope }) => scope === "global").toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }
  const found = new Map<string, Network>();
  for (const ref of refs) {
    const network = await findNetworkHere(context, reader, ref, ({ scope }) => scope === "global");
    if (network.scope !== "global") {
      throw new NetkitError("UNSUPPORTED", `network '${network.name}' is of this host alone: it has no peers`, {
        hint: "See 'netkit doctor' for what is on this host.",
        details: { network: network.name },
      });
    }
    found.set(network.id, network);
  }
  return [...found.values()];
}

function unlessUnwritable(error: unknown): undefined {
  if (!isNetkitError(error) || error.code !== "STATE_UNWRITABLE") throw error;
}

function isAtFault({ faults, peers }: Place): boolean {
  return faults.length > 0 || peers.some(({ fault }) => fault !== undefined);
}

/** Those of the networks that are on this host. */
async function placesOf(context: Context, reader: Reader, networks: readonly Network[]): Promise<Place[]> {
  const hosts = new Map((await reader.range<SharedHost>(keys.host(""))).map(({ value }) => [value.id, value]));
  const self = await reader.get<LocalHost>(keys.self);
  const apart = await outOfTouch(context, reader);
  const places: Place[] = [];
  for (const { id } of networks) {
    const network = await reader.get<Network>(keys.network(id));
    const host = network?.realised === true ? network.share?.host : undefined;
    if (network === undefined || host === undefined) continue;
    const driver = await context.drivers.of(network);
    const own: Owned = (await reader.get<Owned>(keys.owned(id))) ?? { owner: ownerOf(network), resources: [] };
    const remotes = (await reader.range<RemoteEndpoint>(keys.remote(id, ""))).map(({ value }) => value);
    const different = await differences(context, [
      own,
      ...remotes.map((remote) => ({
        owner: ownerOfRemote(remote, network),
        resources: resourcesFor(context.instance, driver, network, remote),
      })),
    ]);
    const there = (view: HostView): number | undefined => mtuOn(context.instance, driver, network, view);
    const peers = [...Map.groupBy(remotes, (remote) => remote.host).values()].map((ofHost) =>
      peerOf(ofHost, different, there, hosts),
    );
    places.push({
      network,
      host,
      mtu: mtuOf(own.resources),
      port: own.resources.find((resource) => resource.kind === "vxlan")?.port,
      faults: [
        ...(await ownFaults(context, reader, network, host, different.get(own.owner.id) ?? [])),
        ...(await departedFrom(reader, id)).map(down),
        ...wrongAddresses([
          ...(self === undefined ? [] : [{ ...self, vtep: host.vtep }]),
          // One of the other family is no peer: nothing here is for it.
          ...hosts.values(),
        ]).map((fault): PeerFault => ({ test: "address", ...fault })),
      ],
      apart,
      peers: peers.toSorted((a, b) => (a.host.name < b.host.name ? -1 : 1)),
    });
  }
  return places;
}

/** What of this host's own part isn't as it was made. */
async function ownFaults(
  context: Context,
  reader: Reader,
  network: Network,
  { vtep }: HostView,
  different: readonly string[],
): Promise<PeerFault[]> {
  const faults = [
    ...different.map((message): PeerFault => ({ test: "device", message, hint: mending })),
    ...(await findTooLarge(context, reader, [network])).map(({ message, hint = "" }): PeerFault => ({
      test: "mtu",
      message,
      hint,
    })),
  ];
  if (linkOf(await context.host.open(), vtep) !== undefined) return faults;
  return [{ test: "address", ...withoutVtep([network.name], vtep) }, ...faults];
}

/** It is no peer any more, and somebody misses what was on it. */
function down({ host, since }: DepartedFrom): PeerFault {
  return {
    test: "host",
    message: `host '${host.name}', at ${host.vtep}, is down since ${since}: its lease ended while it was on the network`,
    hint: "Is it up, does its agent run, and reach the store? On it: netkit agent status. One that is gone for good is forgotten after a day.",
  };
}

/** What isn't in the kernel as wanted, in words, by owner. The firewall is left to `doctor`. */
async function differences(context: Context, wanted: readonly Owned[]): Promise<Map<string, string[]>> {
  const { handlers, firewall } = await context.host.open();
  const found = new Map<string, string[]>(wanted.map(({ owner }) => [owner.id, []]));
  const all = wanted.flatMap(({ owner, resources }) => resources.map((resource) => ({ owner, resource })));
  for (const handler of handlers) {
    if (handler === firewall) continue;
    const own = all.filter(({ resource }) => handler.kinds.has(resource.kind));
    const readings = await handler.read(own.map(({ resource }) => resource));
    for (const [index, { resource, owner }] of own.entries()) {
      const reading = readings[index];
      if (reading === undefined || reading.state === "same") continue;
      found.get(owner.id)?.push(drift(resource, owner, reading).finding.message);
    }
  }
  return found;
}

function peerOf(
  remotes: readonly RemoteEndpoint[],
  different: ReadonlyMap<string, readonly string[]>,
  mtuThere: (host: HostView) => number | undefined,
  hosts: ReadonlyMap<string, SharedHost>,
): Peer {
  const [first] = remotes as readonly [RemoteEndpoint, ...RemoteEndpoint[]];
  const part = remotes.find(({ sandbox }) => sandbox === undefined);
  const { host: id, hostName: name, vtep, mac } = part ?? first;
  const lacking = remotes.flatMap((remote) => different.get(remote.id) ?? []);
  // That of its link may have changed since it has the network.
  const underlay = Math.min(part?.mtu ?? Infinity, hosts.get(id)?.mtu ?? Infinity);
  const addresses = part?.addresses ?? [];
  return {
    host: { id, name, vtep },
    addresses,
    guests: part?.unlisted === true ? remotes.flatMap((remote) => (remote === part ? [] : remote.addresses)) : [],
    mtu: underlay === Infinity ? undefined : mtuThere({ vtep, mtu: underlay, addresses, mac }),
    fault: lacking.length === 0 ? undefined : { test: "entries", message: enumerated(lacking), hint: mending },
  };
}

/** All hosts of all networks at the same time. */
async function askAll(context: Context, places: readonly Place[], options: PeerCheckOptions): Promise<Answers> {
  const { timeoutMs = defaultTimeoutMs, signal, onProgress } = options;
  // Hosts share many networks: each is asked once where its tunnels end.
  const requests = new Map(
    places.flatMap((place) =>
      place.peers.flatMap((peer) => {
        const { underlay, inside, path } = requestsOf(place, peer);
        return [underlay, ...inside, ...path].map((request) => [keyOf(request), request] as const);
      }),
    ),
  );
  const { echo } = await context.host.open();
  const results = await echo([...requests.values()], {
    timeoutMs,
    signal,
    onAnswer: (answered) => onProgress?.(answered, requests.size),
  });
  const answers = new Map<string, EchoResult>();
  for (const [index, key] of [...requests.keys()].entries()) answers.set(key, results[index] ?? { sent: 0 });
  return answers;
}
