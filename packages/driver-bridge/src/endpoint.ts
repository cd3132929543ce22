import { defaultRoutes, kernelName, noRouterAdvertisements, type EndpointView, type Resource } from "@netkit/core";
import { bridgeName, mtuOf } from "./network.ts";
import type { BridgeEndpointOptions, BridgeOptions } from "./options.ts";
import { openPorts, publish } from "./ports.ts";
import { rateResources } from "./rate.ts";

type View = EndpointView<BridgeOptions, BridgeEndpointOptions>;

/** What this host must hold for one endpoint. */
export function endpointResources(view: View): readonly Resource[] {
  const { network, namespace: ns, ifName, addresses } = view;
  const mtu = mtuOf(network);
  const size = mtu === undefined ? {} : { mtu };
  const name = kernelName("v", network.instance, view.id);
  const published = view.ports.flatMap((port) => publish(view, port));
  return [
    {
      kind: "veth",
      ns: "host",
      name,
      ...size,
      master: bridgeName(network),
      // A sandbox that calls its own published port gets its frame back through its own port of the bridge.
      hairpin: published.length > 0,
      isolated: !network.options.icc,
      peer: { ns, name: ifName, mac: view.mac, ...size },
    },
    ...noRouterAdvertisements(view),
    ...addresses.map(({ address }): Resource => ({ kind: "address", ns, link: ifName, address })),
    ...(network.internal ? [] : defaultRoutes(view)),
    ...rateResources(view, name),
    ...published,
    ...openPorts(view),
  ];
}
