import { linkUnder, type NamespaceRef } from "@netkit/core";
import type { KernelResource } from "./kind.ts";
import { kindOf } from "./kinds.ts";
import { isOurs } from "./mark.ts";
import { ifThere } from "./namespaces.ts";
import type { Item, Transaction } from "./transaction.ts";

/** What is removed in which way. */
export interface Removal {
  /** One by one, in order. */
  readonly single: readonly Item[];
  /** Links by namespace, all of a namespace in one request. */
  readonly links: ReadonlyMap<NamespaceRef, readonly Item[]>;
  /** Namespaces, last. */
  readonly namespaces: readonly Item[];
  /** What goes by itself with a link or namespace of the above, in order. */
  readonly children: ReadonlyMap<Item, readonly Item[]>;
}

const LINKS: ReadonlySet<string> = new Set(["bridge", "veth", "vxlan", "macvlan", "ipvlan", "vlan", "dummy", "ifb"]);
/** Links that something outside of their namespace feels: the kernel clears a namespace at leisure, these go at once. */
const REACHING_OUT: ReadonlySet<string> = new Set(["veth", "macvlan", "ipvlan"]);

/** Sorts out what needs no request of its own because its link or namespace is removed, too. */
export function planRemoval(all: readonly Item[]): Removal {
  const items = all.filter(({ resource }) => resource.ensure !== "exists");
  const namespaces = items.filter(({ resource }) => resource.kind === "netns");
  const namespaceOf = new Map<NamespaceRef, Item>(namespaces.map((item) => [item.resource.ns, item]));
  const linkOf = new Map<string, Item>();
  const links = new Map<NamespaceRef, Item[]>();
  for (const item of items) {
    const { resource } = item;
    const { kind, ns } = resource;
    if (!LINKS.has(kind) || (namespaceOf.has(ns) && !REACHING_OUT.has(kind))) continue;
    for (const key of linkKeys(resource)) linkOf.set(key, item);
    links.set(ns, [...(links.get(ns) ?? []), item]);
  }
  const single: Item[] = [];
  const children = new Map<Item, Item[]>();
  const made = new Set([...namespaces, ...linkOf.values()]);
  for (const item of items) {
    if (made.has(item)) continue;
    const link = linkUnder(item.resource);
    const parent =
      (link === undefined ? undefined : linkOf.get(`${item.resource.ns} ${link}`)) ?? namespaceOf.get(item.resource.ns);
    if (parent === undefined) single.push(item);
    else children.set(parent, [...(children.get(parent) ?? []), item]);
  }
  return { single, links, namespaces, children };
}

/** Removes the items, in an order and with as few requests as fit. What is gone already is no error. */
export async function removeAll(tx: Transaction, items: readonly Item[]): Promise<void> {
  const { single, links, namespaces, children } = planRemoval(items);
  tx.flush();
  // An ifindex that is out of date would let what lies on the link of today stay, without an error.
  if (single.some(({ resource }) => linkUnder(resource) !== undefined)) tx.forgetLinks();
  for (const item of single) if (isThere(tx, item)) removeOne(tx, item);
  tx.flush();
  for (const [ns, group] of links) {
    await removeLinks(tx, ns, group, children);
    for (const { resource } of group) if ("name" in resource) tx.forgetLink(ns, resource.name);
  }
  for (const item of namespaces) {
    const before = tx.journal.length;
    removeOne(tx, item);
    if (tx.journal.length === before) continue;
    tx.journal.splice(
      before,
      0,
      ...(children.get(item) ?? []).map((child) => ({ done: "removed", item: child }) as const),
    );
  }
}

/** What is queued for a namespace that is gone would fail when it is sent. */
function isThere(tx: Transaction, { resource }: Item): boolean {
  if (resource.ns === "host" || kindOf(resource).remove === undefined) return true;
  return ifThere(() => tx.fd(resource.ns)) !== undefined;
}

function removeOne(tx: Transaction, item: Item): void {
  tx.begin(item);
  ifThere(() => kindOf(item.resource).remove?.(tx, item.resource));
}

/** Deletes links of one namespace. */
async function removeLinks(
  tx: Transaction,
  ns: NamespaceRef,
  items: readonly Item[],
  children: ReadonlyMap<Item, readonly Item[]>,
): Promise<void> {
  const removed: Item[] = [];
  const found: number[] = [];
  for (const item of items) {
    tx.begin(item);
    const { resource } = item;
    if (!("name" in resource)) continue;
    const link = ifThere(() => tx.findLink(ns, resource.name));
    // A stranger's link of that name: ours is gone.
    if (link === undefined || link.kind !== resource.kind || !isOurs(tx.mark, link)) continue;
    found.push(link.ifindex);
    removed.push(item);
  }
  // Before they go: when the kernel's answer is lost, making again what is still there is no error.
  for (const item of removed) {
    for (const child of children.get(item) ?? []) tx.journal.push({ done: "removed", item: child });
    tx.journal.push({ done: "removed", item });
  }
  if (found.length > 0) await tx.deleteLinks(ns, removed, found);
}

/** The links that a link resource stands for: a veth has two ends. */
function linkKeys(resource: KernelResource): string[] {
  if (!("name" in resource)) return [];
  const own = `${resource.ns} ${resource.name}`;
  return resource.kind === "veth" ? [own, `${resource.peer.ns} ${resource.peer.name}`] : [own];
}
