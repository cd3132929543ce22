import { familyOf, keyOf, type ResourceKey } from "@netkit/core";
import { filterOf } from "../backend.ts";
import type { RuledResource } from "./ruled.ts";
import { chainsOf, tables, type Chain, type Table, type Version } from "./chains.ts";
import { merged, parseRecord } from "./record.ts";
import { rulesOf } from "./rules.ts";

/** The chains of one instance in one family. */
export interface Listing {
  /** By `<table> <chain>`: the comments of its rules in order. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** `<table> <chain>` of those that a built-in chain jumps to. */
  readonly hooked: ReadonlySet<string>;
}

export function place(table: Table, name: string): string {
  return `${table} ${name}`;
}

/** Read the output of iptables-save(8). */
export function parseListing(text: string, prefix: string, version: Version): Listing {
  const own = new Map(chainsOf(prefix, version).map((chain) => [`${prefix}-${chain.name}`, chain]));
  const chains = new Map<string, string[]>();
  const hooked = new Set<string>();
  let table: Table | undefined;
  for (const line of text.split("\n")) {
    if (line.startsWith("*")) table = tables.find((name) => name === line.slice(1));
    if (table === undefined) continue;
    const declared = /^:(\S+)/.exec(line)?.[1];
    if (declared !== undefined && own.get(declared)?.table === table) {
      chains.set(place(table, own.get(declared)?.name ?? ""), []);
    }
    const [, chain = "", rule = ""] = /^-A (\S+) (.*)$/.exec(line) ?? [];
    const target = own.get(/^-j (\S+)$/.exec(rule)?.[1] ?? "");
    if (target?.hook === chain && target.table === table) hooked.add(place(table, target.name));
    chains.get(place(table, own.get(chain)?.name ?? ""))?.push(commentOf(rule));
  }
  return { chains, hooked };
}

/** The text of `-m comment --comment`, in quotes where it has blanks. */
function commentOf(rule: string): string {
  const [, quoted, plain] = / --comment (?:"((?:[^"\\]|\\.)*)"|(\S+))/.exec(` ${rule}`) ?? [];
  return quoted?.replaceAll(/\\(.)/g, "$1") ?? plain ?? "";
}

/** The resources that the rules speak of. */
export function resourcesIn(listings: Iterable<Listing>): Map<ResourceKey, RuledResource> {
  const found = new Map<ResourceKey, RuledResource>();
  for (const { chains } of listings) {
    for (const resource of [...chains.values()].flat().map(parseRecord)) {
      if (resource !== undefined) found.set(keyOf(resource), merged(resource, found.get(keyOf(resource))));
    }
  }
  for (const [key, resource] of found) {
    if ((resource.kind !== "publish" && resource.kind !== "open") || resource.from === undefined) continue;
    found.set(key, { ...resource, from: filterOf(resource.from, familyOf(resource.target)) });
  }
  return found;
}

/** A chain as it should be: the comments of its rules. */
function commentsOf(chain: Chain, resources: Iterable<RuledResource>, version: Version): string[] {
  const added = [...resources].flatMap((resource) => rulesOf(resource, version));
  return [...chain.rules, ...added.filter((rule) => rule.chain === chain.name)].map(({ comment }) => comment);
}

/** What isn't as `resources` want it, in words. No resources, no chains. */
export function faultsOf(
  listing: Listing,
  prefix: string,
  version: Version,
  resources: ReadonlyMap<ResourceKey, RuledResource>,
): string[] {
  const faults: string[] = [];
  for (const chain of chainsOf(prefix, version)) {
    const at = place(chain.table, chain.name);
    const comments = listing.chains.get(at);
    const name = `chain ${prefix}-${chain.name} of table ${chain.table} (IPv${version})`;
    if (resources.size === 0) {
      if (comments !== undefined) faults.push(`${name} is left`);
      continue;
    }
    if (comments === undefined) faults.push(`${name} is missing`);
    // The order in which resources were added is of no account, that of each one's rules is kept by whole renderings.
    else if (!sameItems(comments, commentsOf(chain, resources.values(), version))) faults.push(`${name} was changed`);
    if (chain.hook !== undefined && !listing.hooked.has(at)) faults.push(`${chain.hook} doesn't jump to ${name}`);
  }
  return faults;
}

function sameItems(a: readonly string[], b: readonly string[]): boolean {
  const [x, y] = [a.toSorted(), b.toSorted()];
  return x.length === y.length && x.every((item, index) => item === y[index]);
}
