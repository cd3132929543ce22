import { familyOf, givesDefaultRoute, type Endpoint, type EndpointId, type Family, type Network } from "@netkit/core";

/** An endpoint of a namespace, with its network. */
export interface Attached {
  readonly endpoint: Endpoint;
  readonly network: Network;
}

/**
 * Which endpoint of a namespace has the default route of each of `families`, in Docker's order: the highest priority,
 * then gateways of both families over one, then the network's name. The families are chosen independently.
 */
export function chooseDefaultRoutes(
  attached: readonly Attached[],
  families: readonly Family[],
): Map<EndpointId, Family[]> {
  const ways = new Map(attached.map((one) => [one, waysOut(one)]));
  const preferred = attached.toSorted(
    (a, b) =>
      priorityOf(b) - priorityOf(a) ||
      (ways.get(b)?.size ?? 0) - (ways.get(a)?.size ?? 0) ||
      (a.network.name < b.network.name ? -1 : 1),
  );
  const chosen = new Map<EndpointId, Family[]>(attached.map(({ endpoint: { id } }) => [id, []]));
  for (const family of families) {
    const best = preferred.find((one) => ways.get(one)?.has(family));
    if (best !== undefined) chosen.get(best.endpoint.id)?.push(family);
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
