import type { IpvlanResource } from "@netkit/core";
import type { Kind } from "../kind.ts";
import { finishLink, linkFields, makeOnParent, makeOnParentCommands, removeLinkCommands } from "../made-link.ts";
import { compare, missing } from "../reading.ts";

export const ipvlan: Kind<IpvlanResource> = {
  create(tx, resource, alias) {
    const { mode, flag } = resource;
    makeOnParent(tx, resource, { kind: "ipvlan", mode, flag });
    finishLink(tx, resource, alias);
  },
  read(view, resource) {
    const { ns, name, parent, mode, flag } = resource;
    if (resource.handedOver === true) return compare({});
    const found = view.link(ns, name);
    if (found === undefined) return missing;
    const info = found.info?.kind === "ipvlan" ? found.info : undefined;
    return compare({
      ...linkFields(view.mark, resource, found),
      mode: [mode, info?.mode],
      flag: [flag, info?.flag],
      parent: [parent, view.linkName("host", found.parent)],
    });
  },
  createCommands(shell, resource, alias) {
    const { ns, name, mode, flag } = resource;
    return [
      ...makeOnParentCommands(shell, resource, "mode", mode, flag),
      shell.ip(ns, "link", "set", "dev", name, "alias", alias, "up"),
    ];
  },
  removeCommands: removeLinkCommands,
  stray: ({ name, info }) => ({
    kind: "ipvlan",
    ns: "host",
    name,
    parent: "",
    mode: (info?.kind === "ipvlan" ? info.mode : undefined) ?? "l3",
    flag: (info?.kind === "ipvlan" ? info.flag : undefined) ?? "bridge",
  }),
};
