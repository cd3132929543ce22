import { driverApi, type Claim, type Driver } from "@netkit/core";
import { endpointOptions, endpointResources, type BridgedEndpointOptions } from "@netkit/core/bridged";
import { usualTimes, type LeaseTimes } from "./holder.ts";
import { areaOf, networkResources } from "./network.ts";
import { networkOptions, type FlannelOptions } from "./options.ts";
import { outsideWith } from "./outside.ts";
import { underlayOf } from "./underlay.ts";

/** The driver `flannel`. All hosts of a flannel network best have the same times. */
export function flannel(times: LeaseTimes = usualTimes): Driver<FlannelOptions, BridgedEndpointOptions> {
  return {
    api: driverApi,
    name: "flannel",
    summary: "this host's part of a flannel network, among hosts that run flanneld or netkit",
    scope: "local",
    traits: {
      namespace: "own",
      addresses: "engine",
      families: ["ipv4", "ipv6"],
      publish: true,
      exclusive: false,
      internal: false,
      subnetOfLink: false,
    },
    options: networkOptions,
    endpointOptions,
    facts: ({ options: { iface } }) => [iface === undefined ? { fact: "uplink" } : { fact: "link", name: iface }],
    check: (view) => void underlayOf(view),
    // A host has one lease in each flannel network.
    claims: ({ options: { store, prefix } }): Claim[] => [
      { name: "lease", space: "flannel network", value: store.replace(/\/\/[^/@]*@/, "//") + prefix },
    ],
    outside: outsideWith(times),
    network: networkResources,
    endpoint: (view) => endpointResources(view, areaOf(view.network)),
  };
}
