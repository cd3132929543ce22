import { familyOf, ipOf, type Endpoint, type Network, type RouteResource } from "@netkit/core";
import { contains } from "@netkit/ipam";

/**
 * A network's routes as one of its endpoints has them: those of the families that it has addresses of, and none that leads
 * to itself, for the router is a sandbox, too.
 */
export function routesOf(endpoint: Endpoint, { routes = [] }: Pick<Network, "routes">): RouteResource[] {
  const { ifName, namespace: ns } = endpoint;
  return routes.flatMap(({ destination, gateway, elsewhere, type, metric }): RouteResource[] => {
    const own = endpoint.addresses
      .map(({ address }) => address)
      .filter((address) => familyOf(address) === familyOf(destination));
    if (own.length === 0 || own.some((address) => ipOf(address) === gateway)) return [];
    const which = { kind: "route", ns, destination, metric } as const;
    if (gateway === undefined) return [{ ...which, ...(type === undefined ? {} : { type }) }];
    if (elsewhere === true) return [{ ...which, via: gateway }];
    // Of several subnets of a family an endpoint is in one; all of them are on its link.
    const near = own.some((address) => contains(address, gateway));
    return [{ ...which, via: gateway, link: ifName, ...(near ? {} : { onlink: true }) }];
  });
}
