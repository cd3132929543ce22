import { NetkitError, type AnyDriver, type Network } from "@netkit/core";
import type { Draft } from "./draft.ts";
import { endpointsOfNetwork, sandboxOf } from "./lookup.ts";
import type { Context } from "./operation.ts";
import { viewOf } from "./view.ts";

/** @throws NetkitError POOL_EXHAUSTED with the names of who is on a network that has as many endpoints as its driver allows */
export async function refuseFull(
  { instance }: Context,
  draft: Draft,
  driver: AnyDriver,
  network: Network,
): Promise<void> {
  const most = driver.mostEndpoints?.(viewOf(instance, network));
  if (most === undefined) return;
  const endpoints = await endpointsOfNetwork(draft, network.id);
  if (endpoints.length < most) return;
  const names = await Promise.all(endpoints.map(async ({ sandbox }) => (await sandboxOf(draft, sandbox)).name));
  const { name } = network;
  throw new NetkitError(
    "POOL_EXHAUSTED",
    `network '${name}' takes ${most === 1 ? "one sandbox" : `${most} sandboxes`}, and has ${names.map((each) => `'${each}'`).join(", ")}`,
    {
      hint: `Disconnect one first (netkit network disconnect ${name} ${names[0]}), or use another network.`,
      details: { network: name, sandboxes: names, most },
    },
  );
}
