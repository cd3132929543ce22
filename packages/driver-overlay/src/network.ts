import {
  familyOf,
  ipOf,
  kernelName,
  refuseSmallMtu,
  type Cidr,
  type Ip,
  type NetworkView,
  type Resource,
  type Subnet,
} from "@netkit/core";
import { bridgeMac, bridgeSysctls, type Area } from "@netkit/core/bridged";
import type { OverlayOptions } from "./options.ts";
import { hostOf, mtuOf } from "./underlay.ts";

type View = NetworkView<OverlayOptions>;

/** What holds for the sandboxes of this host on the network's bridge. */
export function areaOf(view: View): Area {
  return {
    link: bridgeName(view),
    mtu: mtuOf(view),
    icc: view.options.icc,
    guarded: view.options["spoof-check"],
    modes: { ipv4: "nat", ipv6: "nat" },
    trusting: false,
  };
}

export function bridgeName({ instance, id }: View): string {
  return kernelName("b", instance, id);
}

/** The name of the end of all tunnels to the network's other hosts. */
export function vxlanName({ instance, id }: View): string {
  return kernelName("x", instance, id);
}

/** What this host must hold for the network. */
export function networkResources(view: View): readonly Resource[] {
  const { id, internal, subnets, options, claims } = view;
  const { vtep, mac, addresses, finds = false } = hostOf(view);
  const bridge = bridgeName(view);
  const mtu = mtuOf(view);
  refuseSmallMtu(view, mtu);
  const ns = "host";
  return [
    // The same MAC on every host, as is the gateway's address: whichever host a sandbox is on, its gateway is that host. But
    // a host that asks for an address must be told apart, for the answer is sent to who asked.
    { kind: "bridge", ns, name: bridge, mac: finds ? mac : bridgeMac(id), mtu },
    {
      kind: "vxlan",
      ns,
      name: vxlanName(view),
      vni: Number(claims["vni"]),
      port: options.port,
      local: vtep,
      // What others send to the host itself comes to this MAC: to the bridge's they would send it to themselves.
      mac,
      mtu,
      master: bridge,
      learning: finds,
      // With learning, too: it is also what keeps questions for the gateway, which is everywhere, on this host.
      neighSuppress: true,
      isolated: !options.icc,
    },
    // Each packet of a tunnel has its connection inside, and conntrack would never see an answer to the one around it.
    { kind: "untracked", ns, address: vtep, port: options.port },
    ...subnets.flatMap((subnet, index) => addressesOf(bridge, subnet, addresses[index])),
    ...bridgeSysctls(view, bridge, { adopted: false, ipv6: true }),
    { kind: "isolation", ns, link: bridge, icc: options.icc, internal },
    ...(options["spoof-check"] ? [{ kind: "guard", ns, link: bridge } as const] : []),
    ...(options.masquerade && !internal ? subnets : []).map(({ subnet }): Resource => ({
      kind: "masquerade",
      ns,
      link: bridge,
      subnet,
    })),
  ];
}

/**
 * The gateway's address, which every host has, and the host's own, which it speaks with: answers to the gateway's would
 * reach the host that the other is on.
 */
function addressesOf(link: string, { subnet, gateway }: Subnet, own: Cidr | undefined): Resource[] {
  const ns = "host";
  return [
    ...(gateway === undefined
      ? []
      : [{ kind: "address", ns, link, address: single(gateway), noPrefixRoute: true } as const]),
    ...(own === undefined
      ? []
      : ([
          { kind: "address", ns, link, address: own, noPrefixRoute: true },
          // The kernel's own route would leave the choice of the source to it.
          { kind: "route", ns, destination: subnet, link, source: ipOf(own) },
        ] as const)),
  ];
}

function single(ip: Ip): Cidr {
  return `${ip}/${familyOf(ip) === "ipv4" ? 32 : 128}` as Cidr;
}
