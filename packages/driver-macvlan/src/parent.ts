import { nearest, NetkitError, type NetworkView } from "@netkit/core";
import type { MacvlanOptions } from "./options.ts";

type View = Omit<NetworkView<MacvlanOptions>, "claims" | "subnets">;

/** A host of many sandboxes has many links. */
const mostNames = 20;

/** @throws NetkitError LINK_NOT_FOUND, UNSUPPORTED, OPTION_INVALID where the link that is named can't be the parent */
export function refuseUnfit(view: View): void {
  const { name, facts, options } = view;
  const { parent } = options;
  if (parent === undefined) return;
  const found = facts.links[parent];
  if (found === undefined) throw notFound(view, parent);
  // The kernel would put the new one beside it, on the same link.
  if (found.kind === "macvlan" || found.kind === "macvtap") {
    throw new NetkitError(
      "UNSUPPORTED",
      `network '${name}' can't lie on link '${parent}': it is a ${found.kind} itself`,
      {
        hint: `Name the link that ${parent} lies on: 'ip link show ${parent}' has it behind the '@'.`,
        details: { link: found },
      },
    );
  }
  const { mtu } = options;
  if (mtu !== undefined && mtu > found.mtu) {
    throw new NetkitError(
      "OPTION_INVALID",
      `network '${name}' can't have an MTU of ${mtu}: its parent '${parent}' has ${found.mtu}`,
      {
        hint: `Set -o mtu=${found.mtu} or less, or leave it out.`,
        details: { mtu, link: found },
      },
    );
  }
}

function notFound({ name, facts: { names = [] } }: View, parent: string): NetkitError {
  const [, link, tag] = /^(.+)\.(\d{1,4})$/.exec(parent) ?? [];
  const shown = names.length > mostNames ? [...names.slice(0, mostNames), "..."] : names;
  const list = shown.length === 0 ? "This host has no links." : `This host has the links ${shown.join(", ")}.`;
  const near = nearest(parent, names);
  const vlan =
    link !== undefined && names.includes(link)
      ? `For a VLAN make it first: ip link add link ${link} name ${parent} type vlan id ${tag}`
      : undefined;
  return new NetkitError("LINK_NOT_FOUND", `network '${name}': there is no link '${parent}' to be its parent`, {
    hint: vlan ?? (near === undefined ? list : `Did you mean '${near}'? ${list}`),
    details: { parent, links: names },
  });
}
