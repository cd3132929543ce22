import {
  everything,
  familyOf,
  givesDefaultRoute,
  metricOf,
  type Endpoint,
  type EndpointId,
  type Family,
  type Network,
} from "@netkit/core";

/** An endpoint of a namespace, with its network. */
export interface Attached {
  readonly endpoint: Endpoint;
  readonly network: Network;
}

/** The families of an endpoint's default routes: {@link Endpoint.defaultRoute} and {@link Endpoint.laterRoute}. */
export interface DefaultRoutes {
  readonly first: Family[];
  readonly later: Family[];
}

/**
 * Which endpoint of a namespace has the default route of each of `families` and of each metric, in Docker's order: the highest
 * priority, then gateways of both families over one, then the network's name. The families are chosen independently.
 */
export function chooseDefaultRoutes(
  attached: readonly Attached[],
  families: readonly Family[],
): Map<EndpointId, DefaultRoutes> {
  const ways = new Map(attached.map((one) => [one, waysOut(one)]));
  const preferred = attached.toSorted(
    (a, b) =>
      priorityOf(b) - priorityOf(a) ||
      (ways.get(b)?.size ?? 0) - (ways.get(a)?.size ?? 0) ||
      (a.network.name < b.network.name ? -1 : 1),
  );
  const chosen = new Map(
    attached.map(({ endpoint: { id } }): [EndpointId, DefaultRoutes] => [id, { first: [], later: [] }]),
  );
  for (const family of families) {
    const able = preferred.filter((one) => ways.get(one)?.has(family));
    const ofMetric = Map.groupBy(able, ({ endpoint: { metric = 0 } }) =>
      metricOf({ destination: everything[family], metric }),
    );
    const best = [...ofMetric].toSorted(([a], [b]) => a - b).flatMap(([, [one]]) => one?.endpoint.id ?? []);
    for (const [index, id] of best.entries()) chosen.get(id)?.[index === 0 ? "first" : "later"].push(family);
  }
  return chosen;
}

function priorityOf({ endpoint }: Attached): number {
  return endpoint.gatewayPriority ?? 0;
}

function waysOut({ endpoint, network }: Attached): Set<Family> {
  if (!givesDefaultRoute(network)) return new Set();
  return new Set(
    endpoint.addresses.flatMap(({ address, gateway }) =>
      gateway === undefined && network.defaultByLink !== true ? [] : familyOf(address),
    ),
  );
}
