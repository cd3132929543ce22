import {
  instanceOf,
  parseCidr,
  parseIp,
  parseMac,
  parseOptions,
  parsePortSpec,
  type EndpointId,
  type EndpointView,
  type NamespaceId,
  type NetworkId,
  type NetworkView,
  type OptionInput,
  type PublishedPort,
  type Subnet,
} from "@netkit/core";
import { bridge, type BridgeEndpointOptions, type BridgeOptions } from "../src/index.ts";

export const driver = bridge();

export const ipv4: Subnet = { subnet: parseCidr("172.20.0.0/22"), gateway: parseIp("172.20.0.1"), auxiliary: {} };
export const ipv6: Subnet = { subnet: parseCidr("fd00:5::/64"), gateway: parseIp("fd00:5::1"), auxiliary: {} };

type Changes = Partial<Omit<NetworkView<BridgeOptions>, "options">>;

/** An IPv4 network of the default instance. */
export function networkView(options: OptionInput = {}, changes: Changes = {}): NetworkView<BridgeOptions> {
  return {
    instance: instanceOf("/var/lib/netkit"),
    id: "0123456789abcdef".repeat(4) as NetworkId,
    name: "web",
    internal: false,
    subnets: [ipv4],
    options: parseOptions(driver.options, options, "driver 'bridge'"),
    facts: { links: {} },
    claims: {},
    ...changes,
  };
}

type View = EndpointView<BridgeOptions, BridgeEndpointOptions>;

/** An endpoint with the first address of each of the network's subnets. */
export function endpointView(network: NetworkView<BridgeOptions>, changes: Partial<View> = {}): View {
  return {
    network,
    id: "fedcba9876543210".repeat(4) as EndpointId,
    name: "web1",
    namespace: "ab".repeat(32) as NamespaceId,
    ifName: "eth0",
    mac: parseMac("02:6e:ac:14:00:02"),
    addresses: network.subnets.map(({ subnet, gateway }) => ({
      address: parseCidr(subnet.replace(/0\/22|\/64/, (tail) => `2${tail.replace("0/", "/")}`)),
      ...(gateway === undefined ? {} : { gateway }),
    })),
    ports: [],
    defaultRoute: ["ipv4", "ipv6"],
    options: parseOptions(driver.endpointOptions, {}, "endpoints of driver 'bridge'"),
    ...changes,
  };
}

/** A port whose host port is decided. */
export function port(text: string): PublishedPort {
  const { hostPort, ...rest } = parsePortSpec(text);
  if (hostPort === undefined) throw new TypeError(`${text} has no host port`);
  return { hostPort, ...rest };
}
