import { parseCidr, parseIp } from "@netkit/core";
import type { EndpointView, LinkFacts, NetworkView, OptionInput, Subnet } from "@netkit/core";
import { exampleEndpoint, exampleNetwork, type NetworkChanges } from "@netkit/conformance/views";
import { macvlan, type MacvlanOptions } from "../src/index.ts";

export const driver = macvlan();

export const ipv4: Subnet = { subnet: parseCidr("192.0.2.0/24"), gateway: parseIp("192.0.2.1"), auxiliary: {} };
export const ipv6: Subnet = { subnet: parseCidr("fd00:5::/64"), gateway: parseIp("fd00:5::1"), auxiliary: {} };
export const eth0: LinkFacts = { name: "eth0", kind: "", mtu: 1500, addresses: [] };

type View = NetworkView<MacvlanOptions>;
type Endpoint = EndpointView<MacvlanOptions, Readonly<Record<string, never>>>;

/** A network on eth0 unless the options name something else. */
export function networkView(options: OptionInput, changes: NetworkChanges<MacvlanOptions> = {}): View {
  const facts = { links: { eth0 }, names: ["eth0", "eth1"] };
  return exampleNetwork(driver, options, { subnets: [ipv4], facts, ...changes });
}

export function endpointView(network: View, changes: Partial<Endpoint> = {}): Endpoint {
  return exampleEndpoint(driver, network, changes);
}
