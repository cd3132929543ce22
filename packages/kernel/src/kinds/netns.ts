import { existsSync } from "node:fs";
import { join } from "node:path";
import type { NetnsResource } from "@netkit/core";
import { createNamespace, isNetlinkError, namespaceCookie, removeNamespace, setLink } from "@netkit/netlink";
import type { Kind } from "../kind.ts";
import { NAMESPACES } from "../namespaces.ts";
import { compare, missing } from "../reading.ts";
import { taken } from "../refusal.ts";
import { command } from "../shell.ts";

const pathOf = ({ name }: NetnsResource): string => join(NAMESPACES, name);

/** False for nothing, and for the empty file that is left when a process dies before it mounts the namespace. */
function isNamespace(path: string): boolean {
  try {
    namespaceCookie(path);
    return true;
  } catch (error) {
    if (isNetlinkError(error) && (error.code === "ENOENT" || error.code === "EINVAL")) return false;
    throw error;
  }
}

/** Removes a namespace, if it is there. */
function removeIfThere(path: string): boolean {
  try {
    removeNamespace(path);
    return true;
  } catch (error) {
    if (isNetlinkError(error) && error.code === "ENOENT") return false;
    throw error;
  }
}

export const netns: Kind<NetnsResource> = {
  create(tx, resource) {
    const { item } = tx;
    const path = pathOf(resource);
    tx.act("host", `create namespace ${path}`, () => {
      if (existsSync(path)) {
        if (isNamespace(path)) throw taken(item, missing);
        removeIfThere(path);
      }
      createNamespace(path);
      return undefined;
    });
    tx.journal.push({ done: "created", item });
    tx.send(resource.ns, setLink("lo", { up: true }));
  },
  remove(tx, resource) {
    const { item } = tx;
    const path = pathOf(resource);
    tx.act("host", `remove namespace ${path}`, () => {
      if (removeIfThere(path)) tx.journal.push({ done: "removed", item });
      return undefined;
    });
  },
  read(view, resource) {
    if (!isNamespace(pathOf(resource)) || !view.exists(resource.ns)) return missing;
    return compare({ loopbackUp: [true, view.link(resource.ns, "lo")?.up] });
  },
  createCommands: (shell, { ns, name }) => [
    command("ip", "netns", "add", name),
    shell.ip(ns, "link", "set", "lo", "up"),
  ],
  removeCommands: (_, { name }) => [command("ip", "netns", "delete", name)],
};
