import type { Network } from "./model.ts";
import { flag, integer, type Option } from "./option.ts";

// A type, not an interface: only so it is an OptionSet.
export type CommonNetworkOptions = {
  readonly announcements: Option<number>;
  readonly "announcement-interval": Option<number>;
  readonly "no-default-route": Option<boolean>;
  readonly names: Option<boolean>;
};

/** Options that every network with interfaces has: the engine carries them out, no driver sees them. */
export const commonNetworkOptions: CommonNetworkOptions = {
  announcements: integer(
    "how often an address is announced that neighbours may know by another MAC (default: 3)",
    { min: 0, max: 3, value: "TIMES" },
    { aliases: ["com.docker.network.advertise_addr_nmsgs"] },
  ),
  "announcement-interval": integer(
    "ms from one announcement to the next (default: 1000)",
    { min: 100, max: 2_000, value: "MS" },
    { aliases: ["com.docker.network.advertise_addr_ms"] },
  ),
  "no-default-route": flag("whether sandboxes get no default route from the network (default: false)", {
    aliases: ["no_default_route"],
  }),
  names: flag("whether sandboxes find each other by name, with a name server inside at port 53 (default: true)", {}),
};

/** How often an endpoint of the network announces its addresses, when it has to, and how long it waits in between. */
export function announcementsOf({ options }: Network): { readonly times: number; readonly intervalMs: number } {
  const given = options as { readonly announcements?: number; readonly "announcement-interval"?: number };
  return { times: given.announcements ?? 3, intervalMs: given["announcement-interval"] ?? 1_000 };
}

/** Whether a sandbox's default route can lead to the network. */
export function givesDefaultRoute({ internal, options }: Pick<Network, "internal" | "options">): boolean {
  return !internal && options["no-default-route"] !== true;
}

/** Of a network's options those that are its driver's. */
export function driverOptionsOf({ options }: Network): Network["options"] {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !Object.hasOwn(commonNetworkOptions, name)));
}
