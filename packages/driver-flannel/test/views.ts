import { parseCidr, parseIp } from "@netkit/core";
import type { LinkFacts, NetworkView, OptionInput, Subnet } from "@netkit/core";
import { exampleNetwork } from "@netkit/conformance/views";
import { parseConfig } from "../src/config.ts";
import { flannel, type FlannelOptions } from "../src/index.ts";
import type { FlannelPlace } from "../src/place.ts";

export const driver = flannel();

export const eth1: LinkFacts = {
  name: "eth1",
  kind: "",
  mtu: 1500,
  addresses: [parseCidr("fe80::1/64"), parseCidr("192.0.2.1/24"), parseCidr("2001:db8::1/64")],
};

const ipv4: Subnet = { subnet: parseCidr("10.5.34.0/24"), gateway: parseIp("10.5.34.1"), auxiliary: {} };
const ipv6: Subnet = { subnet: parseCidr("fd00:5:34::/64"), gateway: parseIp("fd00:5:34::1"), auxiliary: {} };

type View = NetworkView<FlannelOptions>;

/** This host's part of a flannel network with that backend, by the link eth1. */
export function networkView(
  backend: Readonly<Record<string, unknown>>,
  { options = {}, dual = false, uplink = eth1 }: { options?: OptionInput; dual?: boolean; uplink?: LinkFacts } = {},
): View {
  const families = dual ? { EnableIPv6: true, IPv6Network: "fd00:5::/48" } : {};
  const place: FlannelPlace = {
    config: parseConfig({ Network: "10.5.0.0/16", ...families, Backend: backend }, "config"),
    leased: { ipv4: ipv4.subnet, ...(dual ? { ipv6: ipv6.subnet } : {}) },
    publicIp: parseIp("192.0.2.1"),
    ...(dual ? { publicIpv6: parseIp("2001:db8::1") } : {}),
  };
  const facts = { links: {}, uplink, place };
  return exampleNetwork(driver, options, { name: "pods", subnets: dual ? [ipv4, ipv6] : [ipv4], facts });
}
