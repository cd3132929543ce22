import { driverApi, parentFacts, refuseUnfitParent, type Driver } from "@netkit/core";
import { endpointResources } from "./endpoint.ts";
import { hostAddress } from "./host-access.ts";
import { networkResources } from "./network.ts";
import { networkOptions, type MacvlanOptions } from "./options.ts";

/** The driver `macvlan`. */
export function macvlan(): Driver<MacvlanOptions, Readonly<Record<string, never>>> {
  return {
    api: driverApi,
    name: "macvlan",
    summary: "sandboxes with MAC and IP addresses of their own on the wire of a link of the host",
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
    },
    options: networkOptions,
    endpointOptions: {},
    // The router is somebody's on the wire: where there is no way out no address is kept for it.
    gateways: ({ internal, options: { parent } }) => (internal || parent === undefined ? [] : ["ipv4", "ipv6"]),
    auxiliary: ({ options }) => (options["host-access"] ? [hostAddress] : []),
    facts: parentFacts,
    check: (network) => refuseUnfitParent(network, ["macvlan", "macvtap"]),
    // The kernel has one macvlan on a link in passthru mode, and no other beside it.
    claims: ({ options: { parent, mode } }) =>
      parent === undefined
        ? []
        : [{ name: "parent", space: "parent", value: parent, ...(mode === "passthru" ? {} : { shared: true }) }],
    mostEndpoints: ({ options: { mode } }) => (mode === "passthru" ? 1 : undefined),
    network: networkResources,
    endpoint: endpointResources,
  };
}
