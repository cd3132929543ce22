import {
  familyOf,
  isNetkitError,
  metricOf,
  NetkitError,
  parseCidr,
  parseIp,
  prefixLengthOf,
  refusingRoutes,
  subnetOf,
  type Cidr,
  type Family,
  type Ip,
  type NetworkRoute,
  type SubnetRequest,
} from "@netkit/core";
import { broadcastOf, contains, networkOf } from "@netkit/ipam";
import type { NetworkRequest, RouteInput } from "./api.ts";

/**
 * Without a metric a route stands behind the subnets that a sandbox is on, whose routes the kernel gives 0, in IPv6 256:
 * netavark's default for IPv4, the kernel's own for IPv6.
 */
const defaultMetrics: Readonly<Record<Family, number>> = { ipv4: 100, ipv6: 1024 };

/** What routes have to fit. */
interface Place {
  readonly subnets: readonly Cidr[];
  readonly families: readonly Family[];
}

/**
 * The routes that a request for a network asks for, checked against the subnets that it names: what lies in one that
 * netkit chooses nobody can know yet.
 * @throws NetkitError ROUTE_INVALID with every problem, one by one in `details.problems`
 */
export function parseRoutes(
  { routes: inputs = [], ipv4 = true, ipv6 = false }: Omit<NetworkRequest, "subnets">,
  requests: readonly SubnetRequest[],
): NetworkRoute[] {
  const subnets = requests.flatMap(({ subnet }) => (subnet === undefined ? [] : subnetOf(subnet)));
  const asked = [...(ipv4 ? (["ipv4"] as const) : []), ...(ipv6 ? (["ipv6"] as const) : [])];
  const place: Place = { subnets, families: [...asked, ...subnets.map(familyOf)] };
  const problems: string[] = [];
  const routes: NetworkRoute[] = [];
  for (const input of inputs) {
    const route = parseRoute(input, problems);
    if (route === undefined) continue;
    problems.push(...routeProblems(route, place));
    const same = ({ destination, metric }: NetworkRoute): boolean =>
      destination === route.destination && metric === route.metric;
    if (routes.some(same)) problems.push(`${nameOf(route)} with metric ${route.metric} is there twice`);
    routes.push(route);
  }
  if (problems.length > 0) throw invalid(problems);
  return routes;
}

function parseRoute(
  { destination, gateway, elsewhere, type, metric }: RouteInput,
  problems: string[],
): NetworkRoute | undefined {
  const attempt = <T>(parse: () => T): T | undefined => {
    try {
      return parse();
    } catch (error) {
      if (!isNetkitError(error)) throw error;
      problems.push(`route ${destination}: ${error.message}`);
      return undefined;
    }
  };
  const to = attempt(() => parseCidr(destination));
  const via = gateway === undefined ? undefined : attempt(() => parseIp(gateway));
  if (to === undefined || (gateway !== undefined && via === undefined)) return undefined;
  return {
    destination: to,
    ...(via === undefined ? {} : { gateway: via, ...(elsewhere === true ? { elsewhere } : {}) }),
    ...(type === undefined ? {} : { type }),
    metric: metric === undefined ? defaultMetrics[familyOf(to)] : metricOf({ destination: to, metric }),
  };
}

function* routeProblems(route: NetworkRoute, { subnets, families }: Place): Generator<string> {
  const { destination, gateway, elsewhere = false, type, metric } = route;
  const name = nameOf(route);
  const subnet = subnetOf(destination);
  if (subnet !== destination) yield `${name} has host bits set: it should be ${subnet}`;
  if (prefixLengthOf(destination) === 0) yield `${name} is a default route`;
  if (subnets.includes(subnet)) yield `${name} leads to the network's own subnet`;
  if (!families.includes(familyOf(destination)))
    yield `${name} is ${familyName(destination)}, which the network hasn't`;
  if ((gateway === undefined) === (type === undefined)) {
    yield `${name} has ${gateway === undefined ? "neither a gateway nor" : "both a gateway and"} a type that refuses`;
  }
  if (type !== undefined && !refusingRoutes.includes(type)) yield `${name} is of an unknown type '${type}'`;
  if (gateway !== undefined) yield* gatewayProblems(name, destination, gateway, elsewhere ? undefined : subnets);
  if (!Number.isInteger(metric) || metric < 0 || metric > 0xff_ff_ff_ff) {
    yield `${name} has the metric ${metric}, which is no whole number of 32 bits`;
  }
}

/** @param subnets where the gateway has to be; undefined: elsewhere */
function* gatewayProblems(
  name: string,
  destination: Cidr,
  gateway: Ip,
  subnets: readonly Cidr[] | undefined,
): Generator<string> {
  if (familyOf(gateway) !== familyOf(destination)) {
    yield `${name} is ${familyName(destination)}, its gateway ${gateway} is ${familyName(gateway)}`;
    return;
  }
  if (subnets === undefined) return;
  const subnet = subnets.find((candidate) => contains(candidate, gateway));
  if (subnet === undefined) {
    const known = subnets.length === 0 ? "none was given" : subnets.join(", ");
    yield `${name} has the gateway ${gateway}, which lies in no subnet of the network (${known})`;
  } else if (familyOf(subnet) === "ipv4" && prefixLengthOf(subnet) < 31) {
    if (gateway === networkOf(subnet) || gateway === broadcastOf(subnet)) {
      yield `${name} has the gateway ${gateway}, which is nobody's address in ${subnet}`;
    }
  }
}

function nameOf({ destination }: NetworkRoute): string {
  return `route ${destination}`;
}

export function familyName(address: Ip | Cidr): string {
  return familyOf(address) === "ipv4" ? "IPv4" : "IPv6";
}

function invalid(problems: readonly string[]): NetkitError {
  const byDefault = problems.some((problem) => problem.endsWith("is a default route"));
  return new NetkitError("ROUTE_INVALID", problems.join("; "), {
    hint: byDefault
      ? "Which network has the default route is chosen by --gw-priority; another router than the host is its --gateway, with -o inhibit-ipv4=true."
      : `A route is DESTINATION,GATEWAY[,METRIC], the gateway in one of the --subnets, or has ${refusingRoutes.join(", ")} for a gateway.`,
    details: { problems },
  });
}
