import { NetkitError, type Ip, type Mac, type NetworkId, type NetworkView } from "@netkit/core";
import type { FlannelConfig } from "./config.ts";
import type { Leased } from "./lease-key.ts";
import type { FlannelOptions } from "./options.ts";
import type { LeaseRecord } from "./record.ts";

/** What this host has in flannel's network, kept with netkit's. */
export interface FlannelPlace {
  readonly config: FlannelConfig;
  readonly leased: Leased;
  /** Where other hosts reach this one. */
  readonly publicIp: Ip;
  readonly publicIpv6?: Ip;
}

/** @throws NetkitError UNSUPPORTED for a network that flannel knows nothing of */
export function placeOf({ name, facts }: Pick<NetworkView<FlannelOptions>, "name" | "facts">): FlannelPlace {
  if (facts.place !== undefined) return facts.place as FlannelPlace;
  throw new NetkitError("UNSUPPORTED", `network '${name}' has no lease of flannel's`);
}

/** They follow from the network, so that they are the same after every restart: a locally administered range for each. */
export function vtepMacs(id: NetworkId): { readonly ipv4: Mac; readonly ipv6: Mac } {
  const digits = id.slice(0, 8).replaceAll(/(..)(?=.)/g, "$1:");
  return { ipv4: `02:66:${digits}` as Mac, ipv6: `02:67:${digits}` as Mac };
}

/** What this host says of itself. */
export function ownRecord(
  id: NetworkId,
  { config, publicIp, publicIpv6 }: Pick<FlannelPlace, "config" | "publicIp" | "publicIpv6">,
): LeaseRecord {
  const { backend, ipv6 } = config;
  const macs = vtepMacs(id);
  const vni = backend.type === "vxlan" ? backend.vni : undefined;
  return {
    publicIp,
    ...(ipv6 === undefined || publicIpv6 === undefined ? {} : { publicIpv6 }),
    backend: backend.type,
    ...(vni === undefined ? {} : { vtep: { vni, mac: macs.ipv4 } }),
    ...(vni === undefined || ipv6 === undefined ? {} : { vtepV6: { vni, mac: macs.ipv6 } }),
  };
}
