import { isDeepStrictEqual } from "node:util";
import { formatRange, keyOf, NetkitError, type Change } from "@netkit/core";
import { firewallResource } from "../backend.ts";
import { tableOf, type SetName } from "./base.ts";
import { elementId, elementsOf, footprintOf, type Element } from "./elements.ts";
import type { Listing } from "./listing.ts";
import { resourcesOf } from "./strays.ts";

/** Elements that go and elements that come, in one nft transaction. */
export interface Transaction {
  readonly deletes: readonly Element[];
  readonly creates: readonly Element[];
}

export function isEmpty({ deletes, creates }: Transaction): boolean {
  return deletes.length === 0 && creates.length === 0;
}

export function inverse({ deletes, creates }: Transaction): Transaction {
  return { deletes: creates, creates: deletes };
}

/** What the changes ask for, if the table is as they suppose. */
export function transactionOf(changes: readonly Change[]): Transaction {
  const deletes: Element[] = [];
  const creates: Element[] = [];
  for (const change of changes) {
    if (change.resource.ensure === "exists") continue;
    const elements = elementsOf(firewallResource(change.resource));
    if (change.op === "remove") deletes.push(...elements);
    else creates.push(...elements);
    if (change.op === "replace") deletes.push(...elementsOf(firewallResource(change.previous)));
  }
  return { deletes, creates };
}

/** The same, with all that a changed resource must not leave behind, whatever there is. Only for {@link remaining}. */
export function thoroughTransactionOf(changes: readonly Change[], listing: Listing | undefined): Transaction {
  const { deletes, creates } = transactionOf(changes);
  const replaced = changes.filter(({ op }) => op === "replace").map(({ resource }) => firewallResource(resource));
  return { deletes: [...deletes, ...replaced.flatMap((resource) => footprintOf(resource, listing?.parts))], creates };
}

/**
 * The part of a transaction that is still to be done: what is gone isn't deleted, what is there isn't made again.
 * @throws NetkitError PORT_TAKEN or RESOURCE_CONFLICT where something else is in the place of a new element.
 */
export function remaining({ deletes, creates }: Transaction, { elements }: Pick<Listing, "elements">): Transaction {
  const wanted = new Map(creates.map((element) => [elementId(element), element]));
  const left = new Map(elements);
  const gone: Element[] = [];
  for (const element of deletes) {
    const id = elementId(element);
    const present = left.get(id);
    if (present === undefined || sameData(wanted.get(id), present)) continue;
    gone.push(present);
    left.delete(id);
  }
  const made: Element[] = [];
  for (const element of creates) {
    const present = left.get(elementId(element));
    if (sameData(present, element)) continue;
    const other = present ?? overlapping(element, left.values());
    if (other !== undefined) throw conflict(element, other);
    made.push(element);
    left.set(elementId(element), element);
  }
  return { deletes: gone, creates: made };
}

export function sameTransaction(a: Transaction, b: Transaction): boolean {
  return isDeepStrictEqual(a, b);
}

/** The commands. `create` refuses what is there already, so that the undo is exact. */
export function scriptOf(
  table: string,
  { deletes, creates }: Transaction,
  create: "create" | "add" = "create",
): string {
  const lines: string[] = [];
  for (const [set, group] of bySet(deletes)) {
    lines.push(`delete element ${tableOf(set)} ${table} ${set} { ${group.map(({ key }) => key).join(", ")} }`);
  }
  for (const [set, group] of bySet(creates)) {
    lines.push(`${create} element ${tableOf(set)} ${table} ${set} { ${group.map(elementText).join(", ")} }`);
  }
  return lines.join("\n");
}

function bySet(elements: readonly Element[]): Map<SetName, Element[]> {
  return Map.groupBy(elements, ({ set }) => set);
}

function elementText({ key, data, comment }: Element): string {
  return `${key}${comment === undefined ? "" : ` comment "${comment}"`}${data === undefined ? "" : ` : ${data}`}`;
}

function sameData(a: Element | undefined, b: Element | undefined): boolean {
  return a !== undefined && b !== undefined && a.data === b.data;
}

/**
 * An element of the same interval set with an address, protocol and port in common. Who may reach a port overlaps only
 * where the ports do.
 */
function overlapping(element: Element, others: Iterable<Element>): Element | undefined {
  if (!/^(span|limited|wide|barred)/.test(element.set)) return undefined;
  const [address = "", protocol = "", ports = ""] = element.key.split(" . ");
  const [first = 0, last = first] = ports.split("-").map(Number);
  for (const other of others) {
    if (other.set !== element.set) continue;
    const [otherAddress = "", otherProtocol, otherPorts = ""] = other.key.split(" . ");
    const [otherFirst = 0, otherLast = otherFirst] = otherPorts.split("-").map(Number);
    const meets = address === otherAddress || address.endsWith("/0") || otherAddress.endsWith("/0");
    if (meets && protocol === otherProtocol && first <= otherLast && otherFirst <= last) return other;
  }
  return undefined;
}

function conflict(wanted: Element, present: Element): NetkitError {
  const [mine, theirs] = [describe(wanted), describe(present)];
  const code = /^(any|host|span|limited|allowed)/.test(wanted.set) ? "PORT_TAKEN" : "RESOURCE_CONFLICT";
  return new NetkitError(code, `${mine} can't be set up: ${theirs} is there already`, {
    hint: "Choose other ports, or remove what is there; 'netkit doctor' shows whose it is.",
    details: { wanted, present },
  });
}

function describe(element: Element): string {
  const [resource] = resourcesOf([element]);
  if (resource === undefined) return elementId(element);
  if (resource.kind !== "publish") return `${keyOf(resource)} (${elementId(element)}: ${element.data ?? ""})`;
  const { protocol, hostAddress, hostPort, target, targetPort } = resource;
  const port = `${protocol} port ${hostAddress ?? "*"} ${formatRange(hostPort)}`;
  if (/^(limited|allowed)/.test(element.set)) return `the filter of ${port}`;
  return `${port} for ${target} ${formatRange(targetPort)}`;
}
