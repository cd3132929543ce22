import { parseCidr, parseIp, parsePortSpec } from "@netkit/core";
import type { EndpointView, NetworkView, OptionInput, PublishedPort, Subnet } from "@netkit/core";
import { exampleEndpoint, exampleNetwork, type NetworkChanges } from "@netkit/conformance/views";
import { routed, type RoutedEndpointOptions, type RoutedOptions } from "../src/index.ts";

export const driver = routed();

export const ipv4: Subnet = { subnet: parseCidr("172.20.0.0/16"), gateway: parseIp("172.20.0.1"), auxiliary: {} };
export const ipv6: Subnet = { subnet: parseCidr("fd00:5::/64"), gateway: parseIp("fd00:5::1"), auxiliary: {} };

type View = NetworkView<RoutedOptions>;
type Endpoint = EndpointView<RoutedOptions, RoutedEndpointOptions>;

/** An IPv4 network. */
export function networkView(options: OptionInput = {}, changes: NetworkChanges<RoutedOptions> = {}): View {
  return exampleNetwork(driver, options, { subnets: [ipv4], ...changes });
}

export function endpointView(network: View, changes: Partial<Endpoint> = {}): Endpoint {
  return exampleEndpoint(driver, network, changes);
}

/** A port whose host port is decided. */
export function port(text: string): PublishedPort {
  const { hostPort, ...rest } = parsePortSpec(text);
  if (hostPort === undefined) throw new TypeError(`${text} has no host port`);
  return { hostPort, ...rest };
}
