import type { NeighbourResource } from "@netkit/core";
import { delNeighbour, newNeighbour, replaceNeighbour, type Neighbour } from "@netkit/netlink";
import type { Kind } from "../kind.ts";
import { compare, missing } from "../reading.ts";
import { pair, type Shell } from "../shell.ts";
import { GONE } from "../transaction.ts";

function neighbourOf({ address, mac, proxy }: NeighbourResource, ifindex: number): Neighbour {
  return { ifindex, address, ...(mac === undefined ? {} : { mac }), ...(proxy === true ? { proxy } : {}) };
}

export const neighbour: Kind<NeighbourResource> = {
  create(tx, resource) {
    const { ns, link, proxy } = resource;
    // Of proxy entries the kernel doesn't say that one is there already.
    if (proxy === true && neighbour.read(tx.look(), resource).state === "same") return;
    tx.send(ns, newNeighbour(neighbourOf(resource, tx.ifindex(ns, link))), { done: "created" });
  },
  takeOver(tx, resource, reading) {
    // The kernel has learned the neighbour meanwhile.
    if (reading.state !== "different" || !reading.differences.some(({ field }) => field === "state")) return false;
    const { ns, link } = resource;
    tx.send(ns, replaceNeighbour(neighbourOf(resource, tx.ifindex(ns, link))), { done: "created" });
    return true;
  },
  remove(tx, resource) {
    const { ns, link } = resource;
    const ifindex = tx.findIfindex(ns, link);
    if (ifindex !== undefined)
      tx.send(ns, delNeighbour(neighbourOf(resource, ifindex)), { done: "removed", ignore: GONE });
  },
  read(view, { ns, link, address, mac, proxy = false }) {
    const ifindex = view.link(ns, link)?.ifindex;
    const found = view.neighbours(ns, proxy).find((one) => one.ifindex === ifindex && one.address === address);
    if (found === undefined) return missing;
    return compare({ mac: [mac, found.mac], state: [proxy ? undefined : "permanent", found.state] });
  },
  createCommands: (shell, resource) => [render(shell, "replace", resource)],
  removeCommands: (shell, resource) => [render(shell, "delete", resource)],
};

function render(shell: Shell, verb: "replace" | "delete", resource: NeighbourResource): string {
  const { ns, link, address, mac, proxy } = resource;
  if (proxy === true) return shell.ip(ns, "neighbour", verb, "proxy", address, "dev", link);
  const settings = verb === "delete" ? [] : [...pair("lladdr", mac), "nud", "permanent"];
  return shell.ip(ns, "neighbour", verb, address, ...settings, "dev", link);
}
