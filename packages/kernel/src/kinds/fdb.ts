import { anyMac, type FdbResource } from "@netkit/core";
import {
  appendFdbEntry,
  delFdbEntry,
  newFdbEntry,
  replaceFdbEntry,
  type FdbEntry,
  type ListedFdbEntry,
} from "@netkit/netlink";
import type { Kind } from "../kind.ts";
import { compare, missing } from "../reading.ts";
import { pair, type Shell } from "../shell.ts";
import { GONE } from "../transaction.ts";

function entryOf({ mac, destination, master }: FdbResource, ifindex: number): FdbEntry {
  return {
    ifindex,
    mac,
    ...(master === true ? { table: "master", state: "static" } : { table: "self", state: "permanent" }),
    ...(destination === undefined ? {} : { destination }),
  };
}

export const fdb: Kind<FdbResource> = {
  create(tx, resource) {
    const { ns, link, mac } = resource;
    const ifindex = tx.ifindex(ns, link);
    const isOneOf = mac === anyMac;
    // The kernel doesn't say whether one more of several was there already.
    if (isOneOf && fdb.read(tx.glance(), resource).state === "same") return;
    tx.send(ns, (isOneOf ? appendFdbEntry : newFdbEntry)(entryOf(resource, ifindex)), { done: "created" });
  },
  change(tx, resource, previous, alias) {
    // One of several can't be replaced.
    if (resource.mac === anyMac) return false;
    const { ns, link } = resource;
    const ifindex = tx.ifindex(ns, link);
    tx.changed((undo) => fdb.change?.(undo, previous, resource, alias));
    tx.send(ns, replaceFdbEntry(entryOf(resource, ifindex)));
    return true;
  },
  takeOver(tx, resource, _, view) {
    const { ns, link, mac, master = false } = resource;
    const { ifindex, master: bridge } = view.link(ns, link) ?? {};
    // What a bridge has learned may be at another port.
    const isThere = (one: ListedFdbEntry): boolean =>
      one.mac === mac && (master ? one.bridge === bridge : one.table === "self" && one.ifindex === ifindex);
    if (view.fdb(ns).some((one) => isThere(one) && one.state !== "dynamic")) return false;
    tx.send(ns, replaceFdbEntry(entryOf(resource, tx.ifindex(ns, link))), { done: "created" });
    return true;
  },
  remove(tx, resource) {
    const { ns, link } = resource;
    const ifindex = tx.findIfindex(ns, link);
    tx.lookAway();
    if (ifindex !== undefined) tx.send(ns, delFdbEntry(entryOf(resource, ifindex)), { done: "removed", ignore: GONE });
  },
  read(view, { ns, link, mac, destination, master = false }) {
    const ifindex = view.link(ns, link)?.ifindex;
    const table = master ? "master" : "self";
    const isIt = mac === anyMac ? (one: FdbEntry) => one.destination === destination : () => true;
    const entries = ifindex === undefined ? [] : view.fdbOf(ns, ifindex);
    const found = entries.find((one) => one.table === table && one.mac === mac && isIt(one));
    if (found === undefined) return missing;
    return compare({
      destination: [destination, found.destination],
      state: [master ? "static" : "permanent", found.state],
    });
  },
  createCommands: (shell, resource) => [render(shell, resource.mac === anyMac ? "append" : "add", resource)],
  removeCommands: (shell, resource) => [render(shell, "delete", resource)],
};

function render(
  shell: Shell,
  verb: "add" | "append" | "delete",
  { ns, link, mac, destination, master }: FdbResource,
): string {
  const table = master === true ? ["master", "static"] : ["self", "permanent"];
  return shell.bridge(ns, "fdb", verb, mac, "dev", link, ...pair("dst", destination), ...table);
}
