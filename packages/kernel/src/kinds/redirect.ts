import type { RedirectResource } from "@netkit/core";
import { delQdisc, newFilter, newQdisc, type ListedFilter } from "@netkit/netlink";
import type { Kind } from "../kind.ts";
import { compare, missing } from "../reading.ts";
import { GONE } from "../transaction.ts";

/** Before any other filter. */
const PRIORITY = 1;
/** A filter u32, for not every kernel has matchall: any four bytes will do. */
const EVERYTHING = [{ value: 0, mask: 0, offset: 0 }] as const;

export const redirect: Kind<RedirectResource> = {
  create(tx, { ns, link, to }) {
    const ifindex = tx.ifindex(ns, link);
    const action = { action: "redirect", as: "egress", ifindex: tx.ifindex(ns, to) } as const;
    const filter = {
      ifindex,
      direction: "ingress",
      priority: PRIORITY,
      matches: EVERYTHING,
      actions: [action],
    } as const;
    tx.send(ns, newQdisc({ kind: "ingress", ifindex }), { done: "created" });
    // What is there is compared with both.
    tx.send(ns, newFilter(filter), { ignore: ["EEXIST"] });
  },
  remove(tx, { ns, link }) {
    const ifindex = tx.findIfindex(ns, link);
    if (ifindex !== undefined) tx.send(ns, delQdisc({ ifindex, parent: "ingress" }), { done: "removed", ignore: GONE });
  },
  read(view, { ns, link, to }) {
    const ifindex = view.link(ns, link)?.ifindex;
    const point = view.qdiscs(ns).find((one) => one.ifindex === ifindex && one.parent === "ingress");
    if (ifindex === undefined || point === undefined) return missing;
    const filter = view.filters(ns, ifindex).find(({ priority }) => priority === PRIORITY);
    return compare({ to: [to, view.linkName(ns, filter === undefined ? undefined : targetOf(filter))] });
  },
  createCommands: (shell, { ns, link, to }) => [
    shell.tc(ns, "qdisc", "add", "dev", link, "ingress"),
    shell.tc(
      ns,
      ["filter", "add", "dev", link, "ingress", "protocol", "all", "prio", PRIORITY, "handle", "800::800"],
      ["u32", "match", "u32", 0, 0, "action", "mirred", "egress", "redirect", "dev", to],
    ),
  ],
  removeCommands: (shell, { ns, link }) => [shell.tc(ns, "qdisc", "delete", "dev", link, "ingress")],
};

/** Where a filter sends all packets to; undefined when it does anything else. */
function targetOf({ matches, actions }: ListedFilter): number | undefined {
  const [action, ...others] = actions ?? [];
  const takesAll = matches?.every(({ mask }) => mask === 0) === true;
  const redirects = action?.action === "redirect" && action.as === "egress" && others.length === 0;
  return takesAll && redirects ? action.ifindex : undefined;
}
