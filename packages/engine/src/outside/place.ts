import {
  familyOf,
  NetkitError,
  toNetkitError,
  type AnyDriver,
  type Family,
  type Network,
  type Outside,
  type Place,
  type SubnetRequest,
} from "@netkit/core";
import type { Draft } from "../draft.ts";
import type { Context } from "../operation.ts";
import { viewOf } from "../view.ts";
import { worldOf } from "./world.ts";

export type OutsideDriver = AnyDriver & { readonly outside: Outside };

export function looksOutside(driver: AnyDriver): driver is OutsideDriver {
  return driver.outside !== undefined;
}

/** @throws NetkitError UNSUPPORTED */
export function refuseSubnets({ name }: OutsideDriver, requests: readonly SubnetRequest[]): void {
  if (requests.length === 0) return;
  throw new NetkitError("UNSUPPORTED", `the subnets of driver '${name}' come from outside: none can be asked for`, {
    hint: "Leave out --subnet and what belongs to it.",
  });
}

/**
 * The place of a new network where others have a say. It is given back if the network isn't made.
 * @throws NetkitError as the driver does; UNSUPPORTED for families that aren't those there
 */
export async function takePlace(
  context: Context,
  draft: Draft,
  driver: OutsideDriver,
  network: Network,
  ipv4: boolean,
): Promise<Place> {
  const place = await driver.outside.join(viewOf(context.instance, network), worldOf(context, draft.dryRun));
  draft.whenUndone(async () => await place.undo());
  const has = (family: Family): boolean => place.subnets.some((subnet) => familyOf(subnet) === family);
  if (network.ipv6 && !has("ipv6")) throw withoutFamily(network, "IPv6 is asked for, and there is none");
  if (!ipv4 && has("ipv4")) throw withoutFamily(network, "IPv4 isn't wanted, and it is there");
  return place;
}

function withoutFamily({ name, driver }: Network, what: string): NetkitError {
  return new NetkitError("UNSUPPORTED", `network '${name}' can't have families of its own: ${what}`, {
    hint: `What driver '${driver}' follows decides: leave out --ipv4 and --ipv6.`,
    details: { network: name },
  });
}

/** Once the network is gone here. It is told of, if it can't be, and no reason to keep the network. */
export function givePlaceUp(
  context: Context,
  draft: Draft,
  network: Network,
  complain: ((error: NetkitError) => void) | undefined,
): void {
  if (network.facts.place === undefined) return;
  draft.whenDone(async () => {
    try {
      const driver = await context.drivers.of(network);
      await driver.outside?.leave(viewOf(context.instance, network), worldOf(context));
    } catch (thrown) {
      complain?.(stays(network, toNetkitError(thrown)));
    }
  });
}

function stays({ name, driver }: Network, cause: NetkitError): NetkitError {
  return new NetkitError(
    "STORE_UNAVAILABLE",
    `network '${name}' is removed, but the others don't know: ${cause.message}`,
    {
      hint: `Its place is free once the lease of driver '${driver}' there has run out.`,
      details: { network: name },
      cause,
    },
  );
}
