import { familyOf, type Cidr, type Ip } from "./address.ts";
import type { RouteResource } from "./resource.ts";

/** What becomes of packets that aren't to arrive: nothing, or an ICMP error of that kind (ip-route(8)). */
export type RefusingRoute = "blackhole" | "unreachable" | "prohibit";

export const refusingRoutes: readonly RefusingRoute[] = ["blackhole", "unreachable", "prohibit"];

/** A route that every sandbox on a network has: by way of `gateway`, or of a `type` that refuses; one of the two is there. */
export interface NetworkRoute {
  readonly destination: Cidr;
  /** A neighbour on the network, or with `elsewhere` on another one that the sandbox is on: the kernel knows by which link. */
  readonly gateway?: Ip;
  readonly elsewhere?: true;
  readonly type?: RefusingRoute;
  /** Of several routes to one destination the one with the lowest counts. */
  readonly metric: number;
}

/** The metric that the kernel keeps: IPv6 knows no 0, and makes it 1024 (IP6_RT_PRIO_USER in linux/ipv6_route.h). */
export function metricOf({ destination, metric = 0 }: Pick<RouteResource, "destination" | "metric">): number {
  return metric === 0 && familyOf(destination) === "ipv6" ? 1024 : metric;
}
