import { defaultRoutes, noRouterAdvertisements, parentName, type EndpointView, type Resource } from "@netkit/core";
import type { IpvlanOptions } from "./options.ts";

type View = EndpointView<IpvlanOptions>;

/** What this host must hold for one endpoint. */
export function endpointResources(view: View): readonly Resource[] {
  const { network, namespace: ns, ifName, addresses } = view;
  const { mode, flag, mtu } = network.options;
  return [
    {
      kind: "ipvlan",
      ns,
      name: ifName,
      parent: parentName(network),
      mode,
      flag,
      // The parent's, whatever becomes of it, unless another one was asked for.
      ...(mtu === undefined ? {} : { mtu }),
    },
    ...noRouterAdvertisements(view),
    ...addresses.map(({ address }): Resource => ({ kind: "address", ns, link: ifName, address })),
    // Routed sandboxes ask for nobody's MAC: there is no way to a gateway, and as in Docker one that was given counts for nothing.
    ...defaultRoutes(view, mode === "l2" ? "gateway" : "link"),
  ];
}
