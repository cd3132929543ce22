import { ipOf, type Cidr, type Family, type Ip, type Mac, type NetworkView, type Resource } from "@netkit/core";
import { contains, containsSubnet, overlaps } from "@netkit/ipam";
import type { FlannelConfig } from "./config.ts";
import { areaOf, deviceName, familiar } from "./network.ts";
import type { FlannelOptions } from "./options.ts";
import { subnetsOf } from "./lease-key.ts";
import { placeOf, type FlannelPlace } from "./place.ts";
import type { Vtep } from "./record.ts";
import type { KnownLease } from "./registry.ts";
import { isOnLink, underlayOf } from "./underlay.ts";

type View = NetworkView<FlannelOptions>;

/** Another host's part of the network, by family. */
export type FlannelPeer = Readonly<Partial<Record<Family, Way>>>;

/** How packets get to a host's subnet. */
interface Way {
  readonly subnet: Cidr;
  readonly publicIp: Ip;
  /** Of its end of the tunnel; absent with backend `host-gw`. */
  readonly mac?: Mac;
}

/** The peer that a lease tells of, beside this host's own; a string says why there is none. */
export function peerIn({ leased, record }: KnownLease, { config, leased: own }: FlannelPlace): FlannelPeer | string {
  const { backend, publicIp, publicIpv6, vtep, vtepV6 } = record;
  if (backend !== config.backend.type) return `it is of backend '${backend}'`;
  // A longer prefix would lead away from the sandboxes here.
  const mine = subnetsOf(own).find((subnet) => subnetsOf(leased).some((other) => overlaps(subnet, other)));
  if (mine !== undefined) return `it overlaps this host's own ${mine}`;
  const ipv4 = wayTo(leased.ipv4, config.ipv4.network, publicIp, vtep, config);
  if (typeof ipv4 === "string" || config.ipv6 === undefined || leased.ipv6 === undefined)
    return typeof ipv4 === "string" ? ipv4 : { ipv4 };
  const ipv6 = wayTo(leased.ipv6, config.ipv6.network, publicIpv6, vtepV6, config);
  return typeof ipv6 === "string" ? ipv6 : { ipv4, ipv6 };
}

function wayTo(
  subnet: Cidr,
  network: Cidr,
  publicIp: Ip | undefined,
  vtep: Vtep | undefined,
  { backend }: FlannelConfig,
): Way | string {
  // One that says 0.0.0.0/0 would have all of this host's packets.
  if (!containsSubnet(network, subnet)) return `${subnet} isn't of ${network}`;
  if (publicIp === undefined) return `it doesn't say where the host of ${subnet} is`;
  if (backend.type === "host-gw") return { subnet, publicIp };
  return vtep === undefined ? `it doesn't say where tunnels to ${subnet} end` : { subnet, publicIp, mac: vtep.mac };
}

/** What this host must hold for another one. */
export function peerResources(view: View, peer: unknown): readonly Resource[] {
  return Object.entries(peer as FlannelPeer).flatMap(([family, way]) => wayResources(view, family as Family, way));
}

function wayResources(view: View, family: Family, { subnet, publicIp, mac }: Way): Resource[] {
  const { backend, ...pools } = placeOf(view).config;
  const ns = "host";
  const isDirect = isOnLink(view, publicIp);
  if (backend.type === "host-gw" || mac === undefined || (backend.directRouting && isDirect)) {
    // By other hosts than the others themselves, the way would be anybody's guess.
    if (!isDirect) return [];
    const network = pools[family]?.network;
    const isKnown = network !== undefined && contains(network, publicIp);
    return [
      { kind: "route", ns, destination: subnet, via: publicIp, link: underlayOf(view).name },
      // By the same way the host itself speaks with the sandboxes here, and without a tunnel it has no other address.
      ...(isKnown ? [] : [familiar(areaOf(view).link, `${publicIp}/${family === "ipv4" ? 32 : 128}` as Cidr)]),
    ];
  }
  const link = deviceName(backend.vni, family);
  const address = ipOf(subnet);
  return [
    { kind: "route", ns, destination: subnet, via: address, link, onlink: true },
    { kind: "neighbour", ns, link, address, mac },
    { kind: "fdb", ns, link, mac, destination: publicIp },
  ];
}
