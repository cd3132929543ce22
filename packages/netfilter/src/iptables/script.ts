import { type Change } from "@netkit/core";
import { firewallResource, type FirewallResource } from "../backend.ts";
import { isRuled, type RuledResource } from "./ruled.ts";
import {
  chainsOf,
  tables,
  targetText,
  type Chain,
  type ChainName,
  type Rule,
  type Table,
  type Version,
} from "./chains.ts";
import { place, type Listing } from "./listing.ts";
import { rulesOf } from "./rules.ts";

/**
 * The input of `iptables-restore --noflush` that makes the instance's chains hold exactly `resources`: every chain anew,
 * jumps only where `listing` lacks them. Without resources everything of the instance goes.
 */
export function renderAll(
  prefix: string,
  version: Version,
  resources: readonly RuledResource[],
  listing: Listing,
): string {
  const added = Map.groupBy(
    resources.flatMap((resource) => rulesOf(resource, version)),
    ({ chain }) => chain,
  );
  const parts = tables.map((table) => {
    const chains = chainsOf(prefix, version).filter((chain) => chain.table === table);
    const lines =
      resources.length === 0
        ? clear(prefix, chains, listing)
        : [
            ...chains.map(({ name }) => `:${prefix}-${name} - [0:0]`),
            ...chains.flatMap((chain) => jumpsTo(prefix, chain, listing)),
            ...chains.flatMap(({ name, rules }) =>
              [...rules, ...(added.get(name) ?? [])].map((rule) => `-A ${prefix}-${name} ${ruleText(prefix, rule)}`),
            ),
          ];
    return lines.length === 0 ? "" : [`*${table}`, ...lines, "COMMIT", ""].join("\n");
  });
  return parts.join("");
}

function jumpsTo(prefix: string, { table, name, hook }: Chain, listing: Listing): string[] {
  return hook === undefined || listing.hooked.has(place(table, name)) ? [] : [`-I ${hook} -j ${prefix}-${name}`];
}

function clear(prefix: string, chains: readonly Chain[], listing: Listing): string[] {
  const there = chains.filter(({ table, name }) => listing.chains.has(place(table, name)));
  const hooked = there.filter(({ table, name }) => listing.hooked.has(place(table, name)));
  return [
    ...hooked.map(({ hook, name }) => `-D ${hook ?? ""} -j ${prefix}-${name}`),
    ...there.map(({ name }) => `-F ${prefix}-${name}`),
    ...there.map(({ name }) => `-X ${prefix}-${name}`),
  ];
}

/** The changes as single commands, which need not know what else there is. */
export function shellCommands(prefix: string, changes: readonly Change[]): string[] {
  const lines: string[] = [];
  const creating = changes.some(({ op }) => op !== "remove");
  for (const [version, program] of [
    [4, "iptables"],
    [6, "ip6tables"],
  ] as const) {
    const chains = chainsOf(prefix, version);
    const tableOf = new Map<ChainName, Table>(chains.map(({ name, table }) => [name, table]));
    const once = (table: Table, command: "-A" | "-I", rule: string): string =>
      `${program} -t ${table} -C ${rule} 2>/dev/null || ${program} -t ${table} ${command} ${rule}`;
    if (creating) {
      for (const { table, name } of chains)
        lines.push(`${program} -t ${table} -N ${prefix}-${name} 2>/dev/null || true`);
      for (const { table, name, hook, rules } of chains) {
        for (const rule of rules) lines.push(once(table, "-A", `${prefix}-${name} ${ruleText(prefix, rule)}`));
        if (hook !== undefined) lines.push(once(table, "-I", `${hook} -j ${prefix}-${name}`));
      }
    }
    const change = (command: "-A" | "-D", resource: FirewallResource): void => {
      if (!isRuled(resource)) return;
      for (const rule of rulesOf(resource, version)) {
        lines.push(
          `${program} -t ${tableOf.get(rule.chain) ?? ""} ${command} ${prefix}-${rule.chain} ${ruleText(prefix, rule)}`,
        );
      }
    };
    for (const entry of changes) {
      if (entry.op === "replace") change("-D", firewallResource(entry.previous));
      change(entry.op === "remove" ? "-D" : "-A", firewallResource(entry.resource));
    }
  }
  return lines;
}

function ruleText(prefix: string, { match, target, comment }: Rule): string {
  const matches = match === undefined ? "" : `${match} `;
  return `${matches}-m comment --comment "${comment}" -j ${targetText(prefix, target)}`;
}
