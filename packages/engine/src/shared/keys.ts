import type { EndpointId, HostId, NetworkId } from "@netkit/core";

/**
 * The layout of the store that hosts share. Addresses, endpoints and hosts are there under the lease of their host; networks,
 * names and claims stay. Addresses have the keys that they have in a host's own store.
 */
export const sharedKeys = {
  /**
   * Written anew with each network that comes or goes: whoever chooses what networks mustn't share checks its revision. It stays when
   * the last one has gone: without it the store would be one that has lost everything, and a host that was away meanwhile would
   * write again all the networks that it knows.
   */
  networks: "networks",
  network: (id: NetworkId) => `network/${id}`,
  networkName: (name: string) => `network-name/${name}`,
  claim: (space: string, value: string) => `claim/${space}/${value}`,
  endpoint: (network: NetworkId, id: EndpointId | "") => `endpoint/${network}/${id}`,
  host: (id: HostId | "") => `host/${id}`,
} as const;
