import { parseCidr, parseIp, parseMac } from "@netkit/core";
import type { EndpointView, HostView, NetworkView, OptionInput, Subnet } from "@netkit/core";
import { exampleEndpoint, exampleNetwork, type NetworkChanges } from "@netkit/conformance/views";
import type { BridgedEndpointOptions } from "@netkit/core/bridged";
import { overlay, type OverlayOptions } from "../src/index.ts";

export const driver = overlay();

export const ipv4: Subnet = { subnet: parseCidr("10.0.1.0/24"), gateway: parseIp("10.0.1.1"), auxiliary: {} };
export const ipv6: Subnet = { subnet: parseCidr("fd00:5::/64"), gateway: parseIp("fd00:5::1"), auxiliary: {} };

/** A host with an underlay of that family and MTU, whose own addresses end in 5. */
export function host(vtep = "192.0.2.21", mtu = 1500, addresses = ["10.0.1.5/24"]): HostView {
  return {
    vtep: parseIp(vtep),
    mtu,
    addresses: addresses.map(parseCidr),
    mac: parseMac("02:6e:0a:00:01:05"),
  };
}

type View = NetworkView<OverlayOptions>;
type Endpoint = EndpointView<OverlayOptions, BridgedEndpointOptions>;

/** An IPv4 network. */
export function networkView(options: OptionInput = {}, changes: NetworkChanges<OverlayOptions> = {}): View {
  return exampleNetwork(driver, options, { subnets: [ipv4], claims: { vni: "4096" }, host: host(), ...changes });
}

export function endpointView(network: View, changes: Partial<Endpoint> = {}): Endpoint {
  return exampleEndpoint(driver, network, changes);
}
