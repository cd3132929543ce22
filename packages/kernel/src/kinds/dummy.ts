import type { DummyResource } from "@netkit/core";
import type { Kind } from "../kind.ts";
import { finishLink, linkFields, linkWords, newSettings, removeLinkCommands } from "../made-link.ts";
import { compare, missing } from "../reading.ts";

export const dummy: Kind<DummyResource> = {
  create(tx, resource, alias) {
    tx.makeLink(resource.ns, { kind: "dummy", ...newSettings(tx, resource) });
    finishLink(tx, resource, alias);
  },
  read(view, resource) {
    const found = view.link(resource.ns, resource.name);
    return found === undefined ? missing : compare(linkFields(view.mark, resource, found));
  },
  createCommands: (shell, resource, alias) => [
    shell.ip(resource.ns, "link", "add", ...linkWords(resource), "type", "dummy"),
    shell.ip(resource.ns, "link", "set", resource.name, "alias", alias, "up"),
  ],
  removeCommands: removeLinkCommands,
  stray: ({ name }) => ({ kind: "dummy", ns: "host", name }),
};
