import { driverApi, formatRange, type Claim, type Driver } from "@netkit/core";
import { endpointOptions, endpointResources, type BridgedEndpointOptions } from "@netkit/core/bridged";
import { areaOf, networkResources } from "./network.ts";
import { anyVni, networkOptions, type OverlayOptions } from "./options.ts";
import { peerResources } from "./peers.ts";
import { mtuOf } from "./underlay.ts";

/** The driver `overlay`. */
export function overlay(): Driver<OverlayOptions, BridgedEndpointOptions> {
  return {
    api: driverApi,
    name: "overlay",
    summary: "a private network that sandboxes on several hosts share, with NAT and published ports",
    scope: "global",
    traits: {
      namespace: "own",
      addresses: "engine",
      families: ["ipv4", "ipv6"],
      publish: true,
      exclusive: false,
      internal: true,
      subnetOfLink: false,
      hostAddresses: true,
      finds: true,
    },
    options: networkOptions,
    endpointOptions,
    check: (view) => void mtuOf(view),
    // Two networks of one VNI would be one: hosts tell them apart by nothing else.
    claims: ({ options: { vni = anyVni } }): Claim[] => [
      { name: "vni", space: "vni", ...(vni.first === vni.last ? { value: formatRange(vni) } : { range: vni }) },
    ],
    network: networkResources,
    endpoint: (view) => endpointResources(view, areaOf(view.network)),
    peers: peerResources,
  };
}
