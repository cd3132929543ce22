import {
  NetkitError,
  stableJson,
  type Audience,
  type Entry,
  type NetworkView,
  type Outside,
  type OutsidePeers,
  type Place,
  type Store,
  type World,
} from "@netkit/core";
import { parseConfig } from "./config.ts";
import { Holder, type LeaseTimes } from "./holder.ts";
import { leaseKey, leasesPrefix, subnetsOf } from "./lease-key.ts";
import type { FlannelOptions } from "./options.ts";
import { peerIn, peerResources, type FlannelPeer } from "./peers.ts";
import { ownRecord, placeOf, type FlannelPlace } from "./place.ts";
import { giveUp, leasesIn, takeLease } from "./registry.ts";
import { isOnLink, ownAddress } from "./underlay.ts";

type Newcomer = Omit<NetworkView<FlannelOptions>, "claims" | "subnets">;

/** The key of flannel's configuration, below its prefix. */
const configKey = "config";

/** What this driver does beyond this host: all of it in flannel's etcd. */
export function outsideWith(times: LeaseTimes): Outside<FlannelOptions> {
  return {
    join: async (network, world) => await join(network, world, times),
    follow: (network, world, audience) => follow(network, world, audience, times),
    peer: peerResources,
    leave: async (network, world) => {
      const { leased, publicIp } = placeOf(network);
      await within(network, world, async (store) => await giveUp(store, leaseKey(leased), publicIp));
    },
  };
}

async function join(network: Newcomer, world: World, { ttlMs }: LeaseTimes): Promise<Place> {
  return await within(network, world, async (store) => {
    const config = parseConfig((await store.get(configKey))?.value, `${network.options.prefix}/${configKey}`);
    const addresses = addressesOf(network, config);
    const { leased, undo } = await takeLease(store, config, ownRecord(network.id, { config, ...addresses }), ttlMs);
    const facts: FlannelPlace = { config, leased, ...addresses };
    const placed = { ...network, facts: { ...network.facts, place: facts } };
    return {
      facts,
      subnets: subnetsOf(leased),
      peers: peersOf(placed, await store.range(leasesPrefix)),
      undo: async () => await within(network, world, undo),
    };
  });
}

/** Where others reach this host. @throws NetkitError UNSUPPORTED */
function addressesOf(
  network: Newcomer,
  { ipv6, backend }: FlannelPlace["config"],
): Pick<FlannelPlace, "publicIp" | "publicIpv6"> {
  const { options } = network;
  const own = {
    ipv4: ownAddress(network, "ipv4"),
    ...(ipv6 === undefined ? {} : { ipv6: ownAddress(network, "ipv6") }),
  };
  const publicIp = options["public-ip"] ?? own.ipv4;
  const publicIpv6 = own.ipv6 === undefined ? undefined : (options["public-ipv6"] ?? own.ipv6);
  if (backend.type === "host-gw" && (publicIp !== own.ipv4 || publicIpv6 !== own.ipv6)) {
    throw new NetkitError(
      "UNSUPPORTED",
      `network '${network.name}' can't be reached at another address than its link has`,
      {
        hint: "Behind NAT, flannel's backend 'host-gw' has no way to other hosts. Leave out public-ip, or use 'vxlan'.",
      },
    );
  }
  return { publicIp, ...(publicIpv6 === undefined ? {} : { publicIpv6 }) };
}

async function* follow(
  network: NetworkView<FlannelOptions>,
  world: World,
  audience: Audience,
  times: LeaseTimes,
): AsyncGenerator<OutsidePeers> {
  const { signal } = audience;
  const place = placeOf(network);
  const key = leaseKey(place.leased);
  const store = await open(network, world);
  const holder = new Holder(store, key, ownRecord(network.id, place), times, audience);
  const told = new Set<string>();
  const complain = (error: NetkitError): void => {
    if (told.size === told.add(error.message).size) return;
    audience.complain(error);
  };
  try {
    await holder.claim();
    const entries = new Map<string, Entry>();
    const readAll = async (): Promise<number> => {
      const revision = await store.revision();
      entries.clear();
      for (const entry of await store.range("")) entries.set(entry.key, entry);
      return revision;
    };
    const look = (): OutsidePeers => {
      audience.suffer(configTroubles(network, entries.get(configKey)?.value));
      return peersOf(network, [...entries.values()], complain);
    };
    const revision = await readAll();
    yield look();
    for await (const event of store.watch("", revision, signal)) {
      if (event.type === "resync") {
        await readAll();
        if (!entries.has(key)) await holder.claim();
      } else {
        const value = event.type === "put" ? event.value : undefined;
        if (value === undefined) entries.delete(event.key);
        else entries.set(event.key, { key: event.key, value, revision: event.revision });
        if (event.key === key) await holder.note(value, event.revision);
      }
      yield look();
    }
  } finally {
    holder.end();
    await store.close();
  }
}

/** Those whose subnets this host can reach. */
function peersOf(
  network: Newcomer,
  entries: readonly Entry[],
  complain: (error: NetkitError) => void = () => {},
): OutsidePeers {
  const place = placeOf(network);
  const own = leaseKey(place.leased);
  const found: Record<string, FlannelPeer> = {};
  for (const lease of leasesIn(entries)) {
    const { key } = lease.entry;
    if (key === own) continue;
    const peer = peerIn(lease, place);
    const name = key.slice(leasesPrefix.length);
    if (typeof peer === "string") complain(passedOver(key, peer));
    else found[name] = peer;
    if (place.config.backend.type === "host-gw" && !isOnLink(network, lease.record.publicIp))
      complain(passedOver(key, `${lease.record.publicIp} isn't on this host's link, as host-gw needs it`));
  }
  return found;
}

function passedOver(key: string, why: string): NetkitError {
  return new NetkitError("AGENT_DEGRADED", `flannel's ${key} is passed over: ${why}`, {
    hint: "All hosts of a flannel network follow one configuration.",
    details: { key },
  });
}

/** What a network was made by stays: its subnet, its devices and its MTU follow from it. */
function configTroubles(network: Newcomer, value: unknown): NetkitError[] {
  try {
    const now = parseConfig(value, `${network.options.prefix}/${configKey}`);
    if (stableJson(now) === stableJson(placeOf(network).config)) return [];
    return [
      new NetkitError(
        "AGENT_DEGRADED",
        `flannel's configuration isn't that any more which network '${network.name}' was made by`,
        {
          hint: "Remove the network, and make it again: then the new one counts.",
        },
      ),
    ];
  } catch (error) {
    return [error as NetkitError];
  }
}

async function open({ options }: Newcomer, world: World): Promise<Store> {
  return await world.openStore(options.store, `${options.prefix}/`);
}

async function within<T>(network: Newcomer, world: World, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await open(network, world);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}
