import { defaultRoutes, noRouterAdvertisements, parentName, type EndpointView, type Resource } from "@netkit/core";
import { hostRoutes } from "./host-access.ts";
import type { MacvlanOptions } from "./options.ts";

type View = EndpointView<MacvlanOptions>;

/** What this host must hold for one endpoint. */
export function endpointResources(view: View): readonly Resource[] {
  const { network, namespace: ns, ifName, mac, addresses } = view;
  const { mode, mtu } = network.options;
  return [
    {
      kind: "macvlan",
      ns,
      name: ifName,
      parent: parentName(network),
      mode,
      mac,
      // The parent's, whatever becomes of it, unless another one was asked for.
      ...(mtu === undefined ? {} : { mtu }),
    },
    ...noRouterAdvertisements(view),
    ...addresses.map(({ address }): Resource => ({ kind: "address", ns, link: ifName, address })),
    ...defaultRoutes(view),
    ...hostRoutes(view),
  ];
}
