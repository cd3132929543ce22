import type { VlanResource } from "@netkit/core";
import type { Kind } from "../kind.ts";
import { finishLink, linkFields, makeOnParent, makeOnParentCommands, removeLinkCommands } from "../made-link.ts";
import { compare, missing } from "../reading.ts";

export const vlan: Kind<VlanResource> = {
  create(tx, resource, alias) {
    makeOnParent(tx, resource, { kind: "vlan", id: resource.id });
    finishLink(tx, resource, alias);
  },
  read(view, resource) {
    const { ns, name, parent, id } = resource;
    const found = view.link(ns, name);
    if (found === undefined) return missing;
    return compare({
      ...linkFields(view.mark, resource, found),
      id: [id, found.info?.kind === "vlan" ? found.info.id : undefined],
      parent: [parent, view.linkName("host", found.parent)],
    });
  },
  createCommands: (shell, resource, alias) => [
    ...makeOnParentCommands(shell, resource, "id", resource.id),
    shell.ip(resource.ns, "link", "set", "dev", resource.name, "alias", alias, "up"),
  ],
  removeCommands: removeLinkCommands,
  stray: ({ name, info }) => ({
    kind: "vlan",
    ns: "host",
    name,
    parent: "",
    id: info?.kind === "vlan" ? info.id : 0,
  }),
};
