import { familyOf, type FileResource, type NetworkView } from "@netkit/core";
import type { FlannelConfig } from "./config.ts";
import type { FlannelOptions } from "./options.ts";

type View = Pick<NetworkView<FlannelOptions>, "options" | "subnets">;

/** What flannel tells other programs of the lease, as it writes it (flannel 0.28, pkg/subnet/subnet.go). */
export function subnetFile({ options, subnets }: View, { ipv4, ipv6 }: FlannelConfig, mtu: number): FileResource {
  const lines = subnets.flatMap(({ subnet, gateway }) => {
    const isV4 = familyOf(subnet) === "ipv4";
    const [prefix, network] = isV4 ? ["FLANNEL", ipv4.network] : ["FLANNEL_IPV6", ipv6?.network];
    return [`${prefix}_NETWORK=${network}`, `${prefix}_SUBNET=${gateway}${subnet.slice(subnet.indexOf("/"))}`];
  });
  const all = [...lines, `FLANNEL_MTU=${mtu}`, `FLANNEL_IPMASQ=${options.masquerade}`];
  return { kind: "file", ns: "host", path: options["subnet-file"], content: all.map((line) => `${line}\n`).join("") };
}
