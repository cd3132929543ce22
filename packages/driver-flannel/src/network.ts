import {
  familyOf,
  ipOf,
  kernelName,
  prefixLengthOf,
  refuseSmallMtu,
  type Cidr,
  type FamiliarResource,
  type Family,
  type NetworkView,
  type Resource,
  type SysctlResource,
} from "@netkit/core";
import { bridgeMac, bridgeSysctls, type Area } from "@netkit/core/bridged";
import type { VxlanBackend } from "./backend.ts";
import type { FlannelOptions } from "./options.ts";
import { placeOf, vtepMacs } from "./place.ts";
import { subnetFile } from "./subnet-file.ts";
import { ownAddress, underlayOf } from "./underlay.ts";

type View = NetworkView<FlannelOptions>;

/** What a tunnel puts around a packet: the inner Ethernet header (14 bytes), VXLAN (8), UDP (8) and the underlay's IP. */
const overhead: Readonly<Record<Family, number>> = { ipv4: 14 + 8 + 8 + 20, ipv6: 14 + 8 + 8 + 40 };

const ns = "host";

/** What holds for the sandboxes of this host on the network's bridge. */
export function areaOf(view: View): Area {
  const { instance, id, options } = view;
  return {
    link: kernelName("b", instance, id),
    mtu: mtuOf(view),
    icc: true,
    guarded: options["spoof-check"],
    modes: { ipv4: "nat", ipv6: "nat" },
    trusting: false,
  };
}

/** As flannel calls it. */
export function deviceName(vni: number, family: Family): string {
  return `flannel${family === "ipv4" ? "" : "-v6"}.${vni}`;
}

/** Of everything on the network: what the tunnels of its last family leave of the underlay's. */
function mtuOf(view: View): number {
  const { backend, ipv6 } = placeOf(view).config;
  const underlay = underlayOf(view).mtu;
  if (backend.type === "host-gw") return underlay;
  return (backend.mtu ?? underlay) - overhead[ipv6 === undefined ? "ipv4" : "ipv6"];
}

/** What this host must hold for the network. */
export function networkResources(view: View): readonly Resource[] {
  const { id, subnets, options } = view;
  const { config } = placeOf(view);
  const { backend, ipv4, ipv6 } = config;
  const { link: bridge } = areaOf(view);
  const mtu = mtuOf(view);
  refuseSmallMtu(view, mtu);
  return [
    { kind: "bridge", ns, name: bridge, mac: bridgeMac(id), mtu },
    ...subnets.flatMap(({ subnet, gateway }): Resource[] =>
      gateway === undefined
        ? []
        : [{ kind: "address", ns, link: bridge, address: `${gateway}/${prefixLengthOf(subnet)}` as Cidr }],
    ),
    ...bridgeSysctls(view, bridge, { adopted: false, ipv6: true }),
    ...(backend.type === "vxlan" ? subnets.flatMap(({ subnet }) => deviceResources(view, backend, subnet, mtu)) : []),
    { kind: "isolation", ns, link: bridge, icc: true, internal: false },
    ...(options["spoof-check"] ? [{ kind: "guard", ns, link: bridge } as const] : []),
    ...[ipv4, ...(ipv6 === undefined ? [] : [ipv6])].map(({ network }) => familiar(bridge, network)),
    ...(options.masquerade ? subnets : []).map(({ subnet }): Resource => ({
      kind: "masquerade",
      ns,
      link: bridge,
      subnet,
      within: familyOf(subnet) === "ipv4" || ipv6 === undefined ? ipv4.network : ipv6.network,
    })),
    subnetFile(view, config, mtu),
  ];
}

/** Who reaches all sandboxes here. */
export function familiar(bridge: string, source: Cidr): FamiliarResource {
  return { kind: "familiar", ns, link: bridge, source };
}

/** The end of one family's tunnels, which conntrack has no use for. The host speaks with the others' sandboxes by the base address of its own subnet. */
function deviceResources(view: View, backend: VxlanBackend, subnet: Cidr, mtu: number): Resource[] {
  const family = familyOf(subnet);
  const name = deviceName(backend.vni, family);
  const local = ownAddress(view, family);
  return [
    {
      kind: "vxlan",
      ns,
      name,
      vni: backend.vni,
      port: backend.port,
      local,
      device: underlayOf(view).name,
      mac: vtepMacs(view.id)[family],
      mtu,
      learning: backend.learning,
      ...(backend.gbp ? { groupPolicy: true } : {}),
    },
    { kind: "untracked", ns, address: local, port: backend.port },
    { kind: "address", ns, link: name, address: `${ipOf(subnet)}/${family === "ipv4" ? 32 : 128}` as Cidr },
    ...ipv6Sysctls(name, family === "ipv6"),
  ];
}

/** IPv6 where it is needed, and never what anybody advertises. */
function ipv6Sysctls(link: string, on: boolean): SysctlResource[] {
  const sysctl = (name: string, value: string): SysctlResource => ({
    kind: "sysctl",
    ns,
    path: `net/ipv6/conf/${link}/${name}`,
    value,
  });
  return [sysctl("disable_ipv6", on ? "0" : "1"), ...(on ? [sysctl("accept_ra", "0")] : [])];
}
