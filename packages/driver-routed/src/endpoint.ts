import { familyOf, ipOf, type EndpointView, type Resource } from "@netkit/core";
import { pairResources, type RateOptions } from "@netkit/core/bridged";
import { endName } from "./names.ts";
import { areaOf, hostRoute } from "./network.ts";
import type { RoutedOptions } from "./options.ts";

/** What this host must hold for one endpoint: the pair, and a route to each of its addresses. */
export function endpointResources(view: EndpointView<RoutedOptions, RateOptions>): readonly Resource[] {
  const { network, id, namespace, ifName, mac, addresses } = view;
  const area = areaOf(network);
  const name = endName(network.id, id);
  const settings = { mac, ...(area.mtu === undefined ? {} : { mtu: area.mtu }) };
  return [
    ...pairResources(view, area, () => ({
      kind: "veth",
      ns: "host",
      name,
      ...settings,
      pointToPoint: true,
      peer: { ns: namespace, name: ifName, ...settings },
    })),
    // Where the host turns IPv6 off for all links, a network that has it needs it on its own.
    ...(addresses.some(({ address }) => familyOf(address) === "ipv6")
      ? [{ kind: "sysctl", ns: "host", path: `net/ipv6/conf/${name}/disable_ipv6`, value: "0" } as const]
      : []),
    ...addresses.map(({ address, gateway }): Resource => ({
      kind: "route",
      ns: "host",
      destination: hostRoute(ipOf(address)),
      link: name,
      ...(gateway === undefined ? {} : { source: gateway }),
    })),
  ];
}
