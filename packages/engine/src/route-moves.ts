import { isAnotherEngines, type AnyDriver, type Endpoint, type Family } from "@netkit/core";
import { chooseDefaultRoutes, type Attached } from "./default-route.ts";
import type { Draft } from "./draft.ts";
import { planEndpoint } from "./endpoint-plan.ts";
import { sandboxOf } from "./lookup.ts";
import type { Context } from "./operation.ts";

/**
 * Gives the default routes of a namespace to the endpoints that they suit best, and plans those for which that changes.
 * An endpoint whose driver can't be had keeps what it has; one whose inside is another engine's has none of netkit's.
 * @param open families whose route may be given to one of them, beside those that one of them has
 */
export async function moveDefaultRoutes(
  context: Context,
  draft: Draft,
  attached: readonly Attached[],
  open: readonly Family[],
): Promise<Endpoint[]> {
  const drivers = new Map<Attached, AnyDriver>();
  for (const one of attached) {
    if (isAnotherEngines(one.endpoint) || one.endpoint.theirs !== undefined) continue;
    const driver = await context.drivers.find(one.network.driver);
    if (driver !== undefined) drivers.set(one, driver);
  }
  const kept = attached.filter((one) => !drivers.has(one)).flatMap(({ endpoint }) => endpoint.defaultRoute);
  const ours = [...open, ...attached.flatMap(({ endpoint }) => endpoint.defaultRoute)];
  const families = (["ipv4", "ipv6"] as const).filter((family) => ours.includes(family) && !kept.includes(family));
  const chosen = chooseDefaultRoutes([...drivers.keys()], families);
  const changed: Endpoint[] = [];
  for (const [{ endpoint, network }, driver] of drivers) {
    const { first: defaultRoute = [], later = [] } = chosen.get(endpoint.id) ?? {};
    const { laterRoute: before = [], ...others } = endpoint;
    if (defaultRoute.join() === endpoint.defaultRoute.join() && later.join() === before.join()) continue;
    const moved: Endpoint = { ...others, defaultRoute, ...(later.length === 0 ? {} : { laterRoute: later }) };
    planEndpoint(context, draft, driver, network, await sandboxOf(draft, endpoint.sandbox), moved);
    changed.push(moved);
  }
  return changed;
}
