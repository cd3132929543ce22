import { familyOf, refuseSmallMtu, type Cidr, type Ip, type NetworkView, type Resource } from "@netkit/core";
import { bridgeMac, bridgeSysctls, forwardingSysctls, type Area } from "@netkit/core/bridged";
import { areaName } from "./names.ts";
import type { RoutedOptions } from "./options.ts";

type View = NetworkView<RoutedOptions>;

/** What holds for the network's sandboxes: an area of all links whose names begin as the network's do. */
export function areaOf({ id, options, facts }: View): Area {
  return {
    link: `${areaName(id)}*`,
    mtu: options.mtu ?? facts.uplink?.mtu,
    icc: options.icc,
    // Routes say whose an address is.
    guarded: false,
    modes: { ipv4: "nat", ipv6: "nat" },
    trusting: false,
  };
}

/** What this host must hold for the network. */
export function networkResources(view: View): readonly Resource[] {
  const { id, internal, subnets, options } = view;
  const { link, mtu, icc } = areaOf(view);
  const name = areaName(id);
  refuseSmallMtu(view, mtu);
  return [
    // Has no ports: it is where the gateways' addresses are, which answer at the end of each pair, whatever link has them.
    { kind: "bridge", ns: "host", name, mac: bridgeMac(id), noLinkLocal: true },
    ...subnets.flatMap(({ gateway }): Resource[] =>
      gateway === undefined
        ? []
        : [{ kind: "address", ns: "host", link: name, address: hostRoute(gateway), noPrefixRoute: true }],
    ),
    // Neighbours reach each other by the host's routes, on an internal network, too.
    ...forwardingSysctls(view),
    ...bridgeSysctls({ subnets, internal: true }, name, { adopted: false, ipv6: true }),
    // An address that no sandbox has is nowhere, rather than where the default route leads.
    ...subnets.map(({ subnet }): Resource => ({
      kind: "route",
      ns: "host",
      destination: subnet,
      type: "unreachable",
    })),
    { kind: "isolation", ns: "host", link, icc, internal, strict: true },
    ...(options.masquerade && !internal ? subnets : []).map(({ subnet }): Resource => ({
      kind: "masquerade",
      ns: "host",
      link,
      subnet,
    })),
  ];
}

/** An address alone. */
export function hostRoute(address: Ip): Cidr {
  return `${address}/${familyOf(address) === "ipv4" ? 32 : 128}` as Cidr;
}
