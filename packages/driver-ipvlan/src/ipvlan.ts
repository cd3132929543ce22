import { driverApi, parentFacts, parentResources, refuseUnfitParent, type Driver } from "@netkit/core";
import { endpointResources } from "./endpoint.ts";
import { networkOptions, type IpvlanOptions } from "./options.ts";

/** The driver `ipvlan`. */
export function ipvlan(): Driver<IpvlanOptions, Readonly<Record<string, never>>> {
  return {
    api: driverApi,
    name: "ipvlan",
    summary: "sandboxes with IP addresses of their own behind the MAC of a link of the host",
    scope: "local",
    traits: {
      namespace: "own",
      addresses: "engine",
      families: ["ipv4", "ipv6"],
      publish: false,
      exclusive: false,
      internal: true,
      subnetOfLink: true,
      besideHost: true,
      sharedMac: true,
    },
    options: networkOptions,
    endpointOptions: {},
    // On the wire the router is somebody's there; routed sandboxes have none.
    gateways: ({ internal, options: { parent, mode } }) =>
      internal || parent === undefined || mode !== "l2" ? [] : ["ipv4", "ipv6"],
    defaultByLink: ({ options: { parent, mode } }) => parent !== undefined && mode !== "l2",
    facts: parentFacts,
    check: (network) => refuseUnfitParent(network, ["ipvlan", "ipvtap"]),
    // All on a link have one mode and flag, and nobody else has a macvlan there.
    claims: ({ options: { parent } }) =>
      parent === undefined ? [] : [{ name: "parent", space: "parent", value: parent }],
    network: parentResources,
    endpoint: endpointResources,
  };
}
