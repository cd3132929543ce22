import { routeProtocol, type RuleResource } from "@netkit/core";
import { delRule, newRule, type ListedRule, type Rule } from "@netkit/netlink";
import type { Kind } from "../kind.ts";
import { compare, missing } from "../reading.ts";
import { pair, type Shell } from "../shell.ts";
import { GONE } from "../transaction.ts";
import type { View } from "../view.ts";

function ruleOf({ family, priority, table, from, to }: RuleResource): Rule {
  return {
    version: family === "ipv4" ? 4 : 6,
    priority,
    table,
    protocol: routeProtocol,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  };
}

export const rule: Kind<RuleResource> = {
  create(tx, resource) {
    tx.send(resource.ns, newRule(ruleOf(resource)), { done: "created" });
  },
  change(tx, resource, previous, alias) {
    tx.changed((undo) => rule.change?.(undo, previous, resource, alias));
    // The kernel lets rules that differ in the table alone stand side by side: all of ours go.
    for (const found of matching(tx.look(), previous)) {
      if (found.protocol === routeProtocol) tx.send(resource.ns, delRule(found), { ignore: GONE });
    }
    tx.send(resource.ns, newRule(ruleOf(resource)));
    return true;
  },
  remove(tx, resource) {
    tx.send(resource.ns, delRule(ruleOf(resource)), { done: "removed", ignore: GONE });
  },
  read(view, resource) {
    const readings = matching(view, resource).map((one) =>
      compare({ table: [resource.table, one.table], protocol: [routeProtocol, one.protocol] }),
    );
    return readings.find(({ state }) => state === "same") ?? readings[0] ?? missing;
  },
  createCommands: (shell, resource) => [render(shell, "add", resource)],
  removeCommands: (shell, resource) => [render(shell, "delete", resource)],
};

function matching(view: View, { ns, family, priority, from, to }: RuleResource): ListedRule[] {
  const version = family === "ipv4" ? 4 : 6;
  return view
    .rules(ns)
    .filter((one) => one.version === version && one.priority === priority && one.from === from && one.to === to);
}

function render(shell: Shell, verb: string, { ns, family, priority, table, from, to }: RuleResource): string {
  return shell.ip(
    ns,
    [...(family === "ipv6" ? ["-6"] : []), "rule", verb, "from", from ?? "all", ...pair("to", to)],
    ["priority", priority, "table", table, "protocol", routeProtocol],
  );
}
