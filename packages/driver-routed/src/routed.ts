import { driverApi, type Driver } from "@netkit/core";
import { rateOptions, type RateOptions } from "@netkit/core/bridged";
import { endpointResources } from "./endpoint.ts";
import { networkResources } from "./network.ts";
import { networkOptions, type RoutedOptions } from "./options.ts";

/** The driver `routed`. */
export function routed(): Driver<RoutedOptions, RateOptions> {
  return {
    api: driverApi,
    name: "routed",
    summary: "a private network on this host without a bridge, for thousands of sandboxes, with NAT and ports",
    scope: "local",
    traits: {
      namespace: "own",
      addresses: "engine",
      families: ["ipv4", "ipv6"],
      publish: true,
      exclusive: false,
      internal: true,
      subnetOfLink: false,
    },
    options: networkOptions,
    endpointOptions: rateOptions,
    facts: () => [{ fact: "uplink" }],
    publishAddress: ({ options: { "host-address": address } }) => (address === "0.0.0.0" ? undefined : address),
    network: networkResources,
    endpoint: endpointResources,
  };
}
