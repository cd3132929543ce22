import { everything, familyOf } from "./address.ts";
import type { EndpointView } from "./driver.ts";
import type { Resource } from "./resource.ts";

type View = Pick<EndpointView, "namespace" | "ifName" | "addresses" | "defaultRoute">;

/** The sysctl by which an interface with IPv6 takes no router advertisements: the routes of a sandbox are the engine's to choose. */
export function noRouterAdvertisements({
  network,
  namespace: ns,
  ifName,
}: Pick<EndpointView, "namespace" | "ifName"> & {
  readonly network: Pick<EndpointView["network"], "subnets">;
}): Resource[] {
  if (network.subnets.every(({ subnet }) => familyOf(subnet) === "ipv4")) return [];
  return [{ kind: "sysctl", ns, path: `net/ipv6/conf/${ifName}/accept_ra`, value: "0" }];
}

/** An interface's default routes, of the families that the endpoint has them of: by way of its gateways, or of the link alone. */
export function defaultRoutes(
  { namespace: ns, ifName, addresses, defaultRoute }: View,
  by: "gateway" | "link" = "gateway",
): Resource[] {
  return defaultRoute.flatMap((family): Resource[] => {
    const destination = everything[family];
    if (by === "link") return [{ kind: "route", ns, destination, link: ifName }];
    const via = addresses.find(
      ({ address, gateway }) => gateway !== undefined && familyOf(address) === family,
    )?.gateway;
    return via === undefined ? [] : [{ kind: "route", ns, destination, via, link: ifName }];
  });
}
