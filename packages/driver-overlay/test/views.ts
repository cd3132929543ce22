import {
  instanceOf,
  parseCidr,
  parseIp,
  parseMac,
  parseOptions,
  type EndpointId,
  type EndpointView,
  type HostView,
  type NamespaceId,
  type NetworkId,
  type NetworkView,
  type OptionInput,
  type Subnet,
} from "@netkit/core";
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

/** An IPv4 network of the default instance. */
export function networkView(options: OptionInput = {}, changes: Partial<Omit<View, "options">> = {}): View {
  return {
    instance: instanceOf("/var/lib/netkit"),
    id: "0123456789abcdef".repeat(4) as NetworkId,
    name: "shared",
    internal: false,
    subnets: [ipv4],
    options: parseOptions(driver.options, options, "driver 'overlay'"),
    facts: { links: {} },
    claims: { vni: "4096" },
    host: host(),
    ...changes,
  };
}

type Endpoint = EndpointView<OverlayOptions, BridgedEndpointOptions>;

/** An endpoint whose addresses end in 2. */
export function endpointView(network: View, changes: Partial<Endpoint> = {}): Endpoint {
  return {
    network,
    id: "fedcba9876543210".repeat(4) as EndpointId,
    name: "web1",
    namespace: "ab".repeat(32) as NamespaceId,
    ifName: "eth0",
    mac: parseMac("02:6e:0a:00:01:02"),
    addresses: network.subnets.map(({ subnet, gateway }) => ({
      address: parseCidr(subnet.replace(/0\/24|\/64/, (tail) => `2${tail.replace("0/", "/")}`)),
      ...(gateway === undefined ? {} : { gateway }),
    })),
    ports: [],
    defaultRoute: ["ipv4", "ipv6"],
    options: parseOptions(driver.endpointOptions, {}, "endpoints of driver 'overlay'"),
    ...changes,
  };
}
