import {
  familyOf,
  keyOf,
  metricOf,
  NetkitError,
  sameData,
  subnetOf,
  type Cidr,
  type Endpoint,
  type RouteResource,
} from "@netkit/core";
import type { Attached } from "./default-route.ts";
import { routesOf } from "./sandbox-routes.ts";

/**
 * Refuses a network whose routes contradict those of the sandbox's other networks, or take the place of their subnets.
 * @throws NetkitError RESOURCE_CONFLICT
 */
export function refuseRouteClash(sandbox: string, one: Attached, others: readonly Attached[]): void {
  for (const other of others) {
    const theirs = new Map(routesOf(other.endpoint, other.network).map((route) => [keyOf(route), route]));
    for (const route of routesOf(one.endpoint, one.network)) {
      const same = theirs.get(keyOf(route));
      if (same === undefined || sameData(same, route)) continue;
      const ways = `${wayOf(route)} on network '${one.network.name}' and ${wayOf(same)} on '${other.network.name}'`;
      const why = `sandbox '${sandbox}' would reach ${route.destination} ${ways}, both with metric ${route.metric}`;
      throw clash(why, sandbox, one, other, route);
    }
    for (const [by, to] of [
      [one, other],
      [other, one],
    ] as const) {
      const subnets = linkRoutes(to.endpoint);
      const route = routesOf(by.endpoint, by.network).find(
        (candidate) => metricOf(candidate) <= (subnets.get(candidate.destination) ?? -1),
      );
      if (route === undefined) continue;
      const whose = `network '${by.network.name}' routes ${route.destination} ${wayOf(route)}`;
      const why = `${whose}, in sandbox '${sandbox}' that is the subnet of network '${to.network.name}'`;
      throw clash(why, sandbox, one, other, route);
    }
  }
}

/** The subnets that the kernel lays a route to with an address, and its metric (IP6_RT_PRIO_ADDRCONF in net/ip6_route.h). */
function linkRoutes({ addresses }: Endpoint): Map<Cidr, number> {
  return new Map(addresses.map(({ address }) => [subnetOf(address), familyOf(address) === "ipv4" ? 0 : 256]));
}

function wayOf({ via, type }: RouteResource): string {
  return via === undefined ? `nowhere (${type})` : `by way of ${via}`;
}

function clash(why: string, sandbox: string, one: Attached, other: Attached, route: RouteResource): NetkitError {
  const { destination, via, type } = route;
  const networks = [one.network.name, other.network.name];
  return new NetkitError("RESOURCE_CONFLICT", why, {
    hint: `Disconnect it from '${other.network.name}' first, or create one of the networks with another metric: --route ${destination},${via ?? type},METRIC`,
    details: { sandbox, networks, destination },
  });
}
