import { parseCidr, parseIp } from "@netkit/core";
import type { EndpointView, LinkFacts, NetworkView, OptionInput, Subnet } from "@netkit/core";
import { exampleEndpoint, exampleNetwork, type NetworkChanges } from "@netkit/conformance/views";
import { ipvlan, type IpvlanOptions } from "../src/index.ts";

export const driver = ipvlan();

export const ipv4: Subnet = { subnet: parseCidr("192.0.2.0/24"), gateway: parseIp("192.0.2.1"), auxiliary: {} };
const ipv6: Subnet = { subnet: parseCidr("fd00:5::/64"), gateway: parseIp("fd00:5::1"), auxiliary: {} };
export const eth0: LinkFacts = { name: "eth0", kind: "", mtu: 1500, addresses: [] };

type View = NetworkView<IpvlanOptions>;
type Endpoint = EndpointView<IpvlanOptions, Readonly<Record<string, never>>>;

/** A network of both families on a host that has eth0. */
export function networkView(options: OptionInput, changes: NetworkChanges<IpvlanOptions> = {}): View {
  const facts = { links: { eth0 }, names: ["eth0"] };
  return exampleNetwork(driver, options, { subnets: [ipv4, ipv6], facts, ...changes });
}

/** An endpoint with an address of each family, and the network's gateways. */
export function endpointView(network: View, changes: Partial<Endpoint> = {}): Endpoint {
  const addresses = [
    { address: parseCidr("192.0.2.2/24"), gateway: parseIp("192.0.2.1") },
    { address: parseCidr("fd00:5::2/64"), gateway: parseIp("fd00:5::1") },
  ];
  return exampleEndpoint(driver, network, { addresses, ...changes });
}
