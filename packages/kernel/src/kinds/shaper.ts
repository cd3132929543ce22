import { routeProtocol, type ShaperResource } from "@netkit/core";
import { delQdisc, newQdisc, replaceQdisc, type Qdisc } from "@netkit/netlink";
import type { Kind } from "../kind.ts";
import { compare, missing } from "../reading.ts";
import type { Shell } from "../shell.ts";
import { GONE } from "../transaction.ts";

/** The number of netkit's routes once more. With one the kernel never puts a bucket in the place of something else. */
const HANDLE = routeProtocol * 0x10000;

function qdiscOf({ bytesPerSecond, burstBytes, limitBytes }: ShaperResource, ifindex: number): Qdisc {
  return { kind: "tbf", ifindex, handle: HANDLE, rate: bytesPerSecond, burst: burstBytes, limit: limitBytes };
}

export const shaper: Kind<ShaperResource> = {
  create(tx, resource) {
    const { ns, link } = resource;
    tx.send(ns, newQdisc(qdiscOf(resource, tx.ifindex(ns, link))), { done: "created" });
  },
  change(tx, resource, previous, alias) {
    const { ns, link } = resource;
    const ifindex = tx.ifindex(ns, link);
    tx.changed((undo) => shaper.change?.(undo, previous, resource, alias));
    tx.send(ns, replaceQdisc(qdiscOf(resource, ifindex)));
    return true;
  },
  remove(tx, { ns, link }) {
    const ifindex = tx.findIfindex(ns, link);
    if (ifindex !== undefined) tx.send(ns, delQdisc({ ifindex, parent: "root" }), { done: "removed", ignore: GONE });
  },
  read(view, { ns, link, bytesPerSecond, burstBytes, limitBytes }) {
    const ifindex = view.link(ns, link)?.ifindex;
    const found = view.qdiscs(ns).find((one) => one.ifindex === ifindex && one.parent === "root" && one.handle !== 0);
    if (found === undefined) return missing;
    if (found.info?.kind !== "tbf") return compare({ kind: ["tbf", found.kind] });
    const { rate, burst, limit } = found.info;
    // The kernel keeps it as a time, in units of 64 ns, and rounds on the way.
    const isNear = Math.abs(burst - burstBytes) <= 1 + (2 * 64 * rate) / 1e9;
    return compare({
      bytesPerSecond: [bytesPerSecond, rate],
      burstBytes: [burstBytes, isNear ? burstBytes : burst],
      limitBytes: [limitBytes, limit],
    });
  },
  createCommands: (shell, resource) => [render(shell, "add", resource)],
  changeCommands: (shell, resource) => [render(shell, "replace", resource)],
  removeCommands: (shell, { ns, link }) => [shell.tc(ns, "qdisc", "delete", "dev", link, "root")],
};

function render(shell: Shell, verb: "add" | "replace", resource: ShaperResource): string {
  const { ns, link, bytesPerSecond, burstBytes, limitBytes } = resource;
  return shell.tc(
    ns,
    ["qdisc", verb, "dev", link, "root", "handle", `${routeProtocol.toString(16)}:`, "tbf"],
    // To tc a "bps" is a byte per second.
    ["rate", `${bytesPerSecond}bps`, "burst", burstBytes, "limit", limitBytes],
  );
}
