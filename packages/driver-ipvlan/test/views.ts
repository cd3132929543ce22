import {
  instanceOf,
  parseCidr,
  parseIp,
  parseMac,
  parseOptions,
  type EndpointId,
  type EndpointView,
  type LinkFacts,
  type NamespaceId,
  type NetworkId,
  type NetworkView,
  type OptionInput,
  type Subnet,
} from "@netkit/core";
import { ipvlan, type IpvlanOptions } from "../src/index.ts";

export const driver = ipvlan();

export const ipv4: Subnet = { subnet: parseCidr("192.0.2.0/24"), gateway: parseIp("192.0.2.1"), auxiliary: {} };
const ipv6: Subnet = { subnet: parseCidr("fd00:5::/64"), gateway: parseIp("fd00:5::1"), auxiliary: {} };
export const eth0: LinkFacts = { name: "eth0", kind: "", mtu: 1500, addresses: [] };

type View = NetworkView<IpvlanOptions>;
type Endpoint = EndpointView<IpvlanOptions, Readonly<Record<string, never>>>;

/** A network of the default instance on a host that has eth0. */
export function networkView(options: OptionInput, changes: Partial<Omit<View, "options">> = {}): View {
  return {
    instance: instanceOf("/var/lib/netkit"),
    id: "0123456789abcdef".repeat(4) as NetworkId,
    name: "lan",
    internal: false,
    subnets: [ipv4, ipv6],
    options: parseOptions(driver.options, options, "driver 'ipvlan'"),
    facts: { links: { eth0 }, names: ["eth0"] },
    claims: {},
    ...changes,
  };
}

/** An endpoint with an address of each family, and the network's gateways. */
export function endpointView(network: View, changes: Partial<Endpoint> = {}): Endpoint {
  const addresses = [
    { address: parseCidr("192.0.2.2/24"), gateway: parseIp("192.0.2.1") },
    { address: parseCidr("fd00:5::2/64"), gateway: parseIp("fd00:5::1") },
  ];
  return {
    network,
    id: "fedcba9876543210".repeat(4) as EndpointId,
    name: "web1",
    namespace: "ab".repeat(32) as NamespaceId,
    ifName: "eth0",
    mac: parseMac("02:6e:c0:00:02:02"),
    addresses,
    ports: [],
    defaultRoute: ["ipv4", "ipv6"],
    options: {},
    ...changes,
  };
}
