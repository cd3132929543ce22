import { driverApi, type Driver } from "@netkit/core";
import { endpointOptions, endpointResources, type BridgedEndpointOptions } from "@netkit/core/bridged";
import { gateways, hostPorts, publishAddress, refusePorts } from "./gateway-mode.ts";
import { areaOf, networkResources } from "./network.ts";
import { networkOptions, type BridgeOptions } from "./options.ts";

/** The driver `bridge`. Its predefined network is the one that sandboxes are on if they name none. */
export function bridge(): Driver<BridgeOptions, BridgedEndpointOptions> {
  return {
    api: driverApi,
    name: "bridge",
    summary: "a private network on this host, with NAT and published ports",
    scope: "local",
    traits: {
      namespace: "own",
      addresses: "engine",
      families: ["ipv4", "ipv6"],
      publish: true,
      exclusive: false,
      internal: true,
      subnetOfLink: true,
    },
    options: networkOptions,
    endpointOptions,
    predefined: ({ tag }) => ({ name: "bridge", options: { name: tag === "" ? "netkit0" : `netkit-${tag}` } }),
    facts: ({ options: { name } }) => [
      { fact: "uplink" },
      ...(name === undefined ? [] : [{ fact: "link", name } as const]),
    ],
    // Two networks on one bridge would be one.
    claims: ({ options: { name } }) => (name === undefined ? [] : [{ name: "bridge", space: "bridge", value: name }]),
    gateways,
    publishAddress,
    hostPorts,
    network: networkResources,
    endpoint: (view) => {
      if (view.network.options.unmanaged) refusePorts(view);
      return endpointResources(view, areaOf(view.network));
    },
  };
}
