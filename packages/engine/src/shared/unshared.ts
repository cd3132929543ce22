import type { Ip, Network, SharedHost } from "@netkit/core";
import type { Finding, Trouble } from "../api.ts";
import { listed } from "../listed.ts";
import type { Reader } from "../lookup.ts";
import type { Context } from "../operation.ts";
import { keys } from "../state.ts";
import { troubleOf } from "../trouble.ts";
import { outOfTouch } from "./out-of-touch.ts";
import { wrongAddresses } from "./host-addresses.ts";
import { linkOf, type LocalHost } from "./this-host.ts";
import { findTooLarge } from "./underlay-mtu.ts";

/** What keeps this host and others from knowing the same of the networks that they share, or from reaching each other there. */
export async function findUnshared(context: Context, reader: Reader): Promise<Finding[]> {
  const networks = (await reader.range<Network>("network/")).map(({ value }) => value);
  const byVtep = Map.groupBy(networks, ({ share }) => share?.host?.vtep);
  const findings: Finding[] = [];
  for (const [vtep, those] of byVtep) {
    if (vtep === undefined || linkOf(await context.host.open(), vtep) !== undefined) continue;
    const names = those.map(({ name }) => name);
    findings.push(unshared(withoutVtep(names, vtep)));
  }
  const troubles: Trouble[] = [];
  const sharesSome = networks.some(({ scope }) => scope === "global") && context.shared.isOthers;
  if (sharesSome || networks.some(({ facts }) => facts.place !== undefined))
    troubles.push(...((await context.agent?.troubles?.()) ?? []));
  // The agent tells of what it has seen when it looked last.
  if (sharesSome) troubles.push(...(await findTooLarge(context, reader, networks)).map(troubleOf));
  findings.push(...new Map(troubles.map((one) => [one.message, one])).values().map(unshared));
  if (!sharesSome) return findings;
  const apart = await outOfTouch(context, reader);
  if (apart?.lacks === "store" || apart?.isOnSome === true) findings.push(unshared(apart));
  const self = await reader.get<LocalHost>(keys.self);
  const others = (await reader.range<SharedHost>(keys.host(""))).map(({ value }) => value);
  findings.push(...wrongAddresses([...(self === undefined ? [] : [self]), ...others]).map(unshared));
  return findings;
}

/** The address that tunnels end at is gone. */
export function withoutVtep(
  networks: readonly string[],
  vtep: Ip,
): { readonly message: string; readonly hint: string } {
  const which = `network${networks.length === 1 ? "" : "s"} ${listed(networks)}`;
  return {
    message: `no link of this host has ${vtep}, where its tunnels of ${which} end: nothing gets to other hosts or from them`,
    hint: "Give the address back to its link, or another one of its family for good: the agent moves the tunnels there.",
  };
}

function unshared({ message, hint }: { readonly message: string; readonly hint?: string }): Finding {
  return {
    problem: "unshared",
    object: "this host among others",
    message,
    ...(hint === undefined ? {} : { hint }),
    repairable: false,
  };
}
