import { familyOf, type Cidr, type EndpointView, type Resource } from "@netkit/core";
import { parentName } from "./network.ts";
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
  ];
}

/** Routes are the engine's to choose: a router on the wire doesn't give further ones. */
function noRouterAdvertisements({ network, namespace: ns, ifName }: View): Resource[] {
  if (network.subnets.every(({ subnet }) => familyOf(subnet) === "ipv4")) return [];
  return [{ kind: "sysctl", ns, path: `net/ipv6/conf/${ifName}/accept_ra`, value: "0" }];
}

function defaultRoutes({ namespace: ns, ifName, addresses, defaultRoute }: View): Resource[] {
  return defaultRoute.flatMap((family): Resource[] => {
    const via = addresses.find(
      ({ address, gateway }) => gateway !== undefined && familyOf(address) === family,
    )?.gateway;
    const destination = (family === "ipv4" ? "0.0.0.0/0" : "::/0") as Cidr;
    return via === undefined ? [] : [{ kind: "route", ns, destination, via, link: ifName }];
  });
}
