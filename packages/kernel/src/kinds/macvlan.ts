import type { MacvlanResource } from "@netkit/core";
import type { Kind } from "../kind.ts";
import { finishLink, linkFields, makeOnParent, makeOnParentCommands, removeLinkCommands } from "../made-link.ts";
import { compare, missing } from "../reading.ts";
import { pair } from "../shell.ts";

export const macvlan: Kind<MacvlanResource> = {
  create(tx, resource, alias) {
    const { mode, mac } = resource;
    makeOnParent(tx, resource, { kind: "macvlan", mode });
    // In this mode a new link has its parent's MAC, and another one only once it is there; the parent then has it, too,
    // and its own again when the link goes.
    finishLink(tx, resource, alias, mode === "passthru" && mac !== undefined ? { mac } : {});
  },
  read(view, resource) {
    const { ns, name, parent, mode } = resource;
    if (resource.handedOver === true) return compare({});
    const found = view.link(ns, name);
    if (found === undefined) return missing;
    return compare({
      ...linkFields(view.mark, resource, found),
      mode: [mode, found.info?.kind === "macvlan" ? found.info.mode : undefined],
      parent: [parent, view.linkName("host", found.parent)],
    });
  },
  createCommands(shell, resource, alias) {
    const { ns, name, mode, mac } = resource;
    return [
      ...makeOnParentCommands(shell, resource, "mode", mode),
      shell.ip(
        ns,
        "link",
        "set",
        "dev",
        name,
        ...(mode === "passthru" ? pair("address", mac) : []),
        "alias",
        alias,
        "up",
      ),
    ];
  },
  removeCommands: removeLinkCommands,
  stray: ({ name, info }) => ({
    kind: "macvlan",
    ns: "host",
    name,
    parent: "",
    mode: info?.kind === "macvlan" && info.mode !== undefined ? info.mode : "bridge",
  }),
};
