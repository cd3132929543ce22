import { ipOf, type Endpoint, type Network, type Resource } from "@netkit/core";

/**
 * A driver's resources for an endpoint, without what holds it to its own MAC and addresses where that can't be: where the network's
 * routes lead to it (a router's packets are those of others), and where others may give it another MAC.
 */
export function unguarded(
  { addresses, tunable }: Pick<Endpoint, "addresses" | "tunable">,
  { routes = [] }: Pick<Network, "routes">,
  resources: readonly Resource[],
): readonly Resource[] {
  const isRouter = routes.some(({ gateway }) => addresses.some(({ address }) => ipOf(address) === gateway));
  if (!isRouter && tunable !== true) return resources;
  return resources.flatMap((resource): Resource[] => {
    if (resource.kind === "sender") return [];
    if (resource.kind !== "veth") return [resource];
    const { guarded: _, ...port } = resource;
    return [port];
  });
}
