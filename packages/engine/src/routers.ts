import { ipOf, type Endpoint, type Network, type Resource } from "@netkit/core";

/**
 * A driver's resources for an endpoint, without what holds it to its own addresses where the network's routes lead to it: a
 * router's packets are those of others.
 */
export function withRouters(
  { addresses }: Pick<Endpoint, "addresses">,
  { routes = [] }: Pick<Network, "routes">,
  resources: readonly Resource[],
): readonly Resource[] {
  if (!routes.some(({ gateway }) => addresses.some(({ address }) => ipOf(address) === gateway))) return resources;
  return resources.flatMap((resource): Resource[] => {
    if (resource.kind === "sender") return [];
    if (resource.kind !== "veth") return [resource];
    const { guarded: _, ...port } = resource;
    return [port];
  });
}
