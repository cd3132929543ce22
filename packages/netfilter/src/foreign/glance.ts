import { readFileSync } from "node:fs";
import {
  isNetlinkError,
  listBaseChains,
  listTables,
  NFPROTO_INET,
  type BaseChain,
  type NetlinkSocket,
  type NftTable,
} from "@netkit/netlink";
import type { Home } from "../home.ts";
import { hooks, type HookName } from "./packet.ts";
import type { Origin } from "./ruleset.ts";

export const families: ReadonlyMap<number, Origin["family"]> = new Map<number, Origin["family"]>([
  [NFPROTO_INET, "inet"],
  [2, "ip"],
  [10, "ip6"],
]);
export const hookNames: ReadonlyMap<number, HookName> = new Map<number, HookName>(
  Object.entries(hooks).map(([name, number]) => [number, name as HookName]),
);
/** The tables of netkit's instances, who let each other's links be. */
const ours = /^netkit(-|$)/;

/** What there is of other people's base chains. */
export interface Glance {
  readonly chains: readonly BaseChain[];
  /** Families with tables of iptables-legacy. */
  readonly legacy: readonly ("ip" | "ip6")[];
}

/** Looks for base chains of others that packets of a sandbox come through. Costs one request where there are no other tables. */
export function glance(home: Home): Glance {
  const legacy = home.run(() =>
    (["ip", "ip6"] as const).filter((family) => readNames(`/proc/thread-self/net/${family}_tables_names`) !== ""),
  );
  return { chains: baseChains(home.socket), legacy };
}

function baseChains(socket: NetlinkSocket): BaseChain[] {
  try {
    if (listTables(socket).every(isOurs)) return [];
    return listBaseChains(socket).filter(
      ({ family, table, hook }) => families.has(family) && hookNames.has(hook) && !isOurs({ family, name: table }),
    );
  } catch (error) {
    // A kernel without nf_tables has none.
    if (isNetlinkError(error)) return [];
    throw error;
  }
}

function isOurs({ family, name }: NftTable): boolean {
  return family === NFPROTO_INET && ours.test(name);
}

function readNames(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return ""; // a kernel without them
  }
}
