import { readdirSync } from "node:fs";
import { join } from "node:path";
import {
  keyOf,
  type HandlerContext,
  type NamespaceId,
  type NetnsResource,
  type Resource,
  type ResourceKey,
} from "@netkit/core";
import { kinds } from "./kinds.ts";
import { isOurs, type Mark } from "./mark.ts";
import { ifThere, NAMESPACES } from "./namespaces.ts";
import type { View } from "./view.ts";

/** A link's kind may be any that the kernel knows. */
const kindsByName = new Map(Object.entries(kinds));

/**
 * Links of the host and namespaces that carry the mark and that nobody knows, and what somebody has put into the tables of
 * those that are known. What depends on them, such as routes, goes with them.
 */
export function findStrays(
  view: View,
  mark: Mark,
  known: ReadonlySet<ResourceKey>,
  namespacePath: HandlerContext["namespacePath"],
): Resource[] {
  const own = [...view.links("host")].filter((link) => isOurs(mark, link));
  const links = own.flatMap((link): Resource[] => {
    const kind = kindsByName.get(link.kind ?? "");
    const stray = kind?.stray?.(link);
    if (stray === undefined) return [];
    // What is in the tables of a stray goes with it.
    return known.has(keyOf(stray)) ? (kind?.entries?.(view, link) ?? []) : [stray];
  });
  return [...links.filter((stray) => !known.has(keyOf(stray))), ...strayNamespaces(mark, known, namespacePath)];
}

/** Namespaces named `<mark>.<sandbox>`. A key says no name, so what is known is told apart by its path. */
function strayNamespaces(
  { word }: Mark,
  known: ReadonlySet<ResourceKey>,
  namespacePath: HandlerContext["namespacePath"],
): NetnsResource[] {
  const paths = new Set<string>();
  for (const key of known) {
    const id = /^netns ([0-9a-f]{64}) /.exec(key)?.[1];
    const path = id === undefined ? undefined : ifThere(() => namespacePath(id));
    // One that can't be found may be any of them: then none is called a stray.
    if (id !== undefined && path === undefined) return [];
    if (path !== undefined) paths.add(path);
  }
  return namesIn(NAMESPACES)
    .filter((name) => name.startsWith(`${word}.`) && !paths.has(join(NAMESPACES, name)))
    .map((name): NetnsResource => ({ kind: "netns", ns: name as NamespaceId, name }))
    .filter((stray) => !known.has(keyOf(stray)));
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
