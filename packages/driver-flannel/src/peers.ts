import { ipOf, type Cidr, type Family, type Ip, type Mac, type NetworkView, type Resource } from "@netkit/core";
import { containsSubnet } from "@netkit/ipam";
import type { FlannelConfig } from "./config.ts";
import { deviceName } from "./network.ts";
import type { FlannelOptions } from "./options.ts";
import { placeOf } from "./place.ts";
import type { KnownLease } from "./registry.ts";
import { isOnLink, underlayOf } from "./underlay.ts";

type View = NetworkView<FlannelOptions>;

/** Another host's part of the network, by family. */
export type FlannelPeer = Readonly<Partial<Record<Family, Way>>>;

/** How packets get to a host's subnet. */
export interface Way {
  readonly subnet: Cidr;
  readonly publicIp: Ip;
  /** Of its end of the tunnel; absent with backend `host-gw`. */
  readonly mac?: Mac;
}

/** The peer that a lease tells of; a string says why there is none. */
export function peerIn({ leased, record }: KnownLease, { ipv4, ipv6, backend }: FlannelConfig): FlannelPeer | string {
  if (record.backend !== backend.type) return `it is of backend '${record.backend}'`;
  const tunnels = backend.type === "vxlan";
  if (!containsSubnet(ipv4.network, leased.ipv4)) return `${leased.ipv4} isn't of ${ipv4.network}`;
  if (tunnels && record.vtep === undefined) return "it doesn't say where its tunnels end";
  const { vtep, vtepV6, publicIp, publicIpv6 } = record;
  const v6 = ipv6 !== undefined && leased.ipv6 !== undefined && containsSubnet(ipv6.network, leased.ipv6);
  const reached = v6 && publicIpv6 !== undefined && (!tunnels || vtepV6 !== undefined);
  return {
    ipv4: { subnet: leased.ipv4, publicIp, ...(tunnels && vtep !== undefined ? { mac: vtep.mac } : {}) },
    ...(reached && leased.ipv6 !== undefined
      ? {
          ipv6: {
            subnet: leased.ipv6,
            publicIp: publicIpv6,
            ...(tunnels && vtepV6 !== undefined ? { mac: vtepV6.mac } : {}),
          },
        }
      : {}),
  };
}

/** What this host must hold for another one. */
export function peerResources(view: View, peer: unknown): readonly Resource[] {
  return Object.entries(peer as FlannelPeer).flatMap(([family, way]) => wayResources(view, family as Family, way));
}

function wayResources(view: View, family: Family, { subnet, publicIp, mac }: Way): Resource[] {
  const { backend } = placeOf(view).config;
  const ns = "host";
  const isDirect = isOnLink(view, publicIp);
  if (backend.type === "host-gw" || mac === undefined || (backend.directRouting && isDirect)) {
    // By other hosts than the others themselves, the way would be anybody's guess.
    return isDirect ? [{ kind: "route", ns, destination: subnet, via: publicIp, link: underlayOf(view).name }] : [];
  }
  const link = deviceName(backend.vni, family);
  const address = ipOf(subnet);
  return [
    { kind: "route", ns, destination: subnet, via: address, link, onlink: true },
    { kind: "neighbour", ns, link, address, mac },
    { kind: "fdb", ns, link, mac, destination: publicIp },
  ];
}
