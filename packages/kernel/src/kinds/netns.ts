import { existsSync } from "node:fs";
import { join } from "node:path";
import type { NetnsResource } from "@netkit/core";
import {
  attachNamespace,
  createNamespace,
  isNetlinkError,
  namespaceCookie,
  removeNamespace,
  setLink,
} from "@netkit/netlink";
import type { Kind } from "../kind.ts";
import { NAMESPACES } from "../namespaces.ts";
import { compare, missing } from "../reading.ts";
import { taken } from "../refusal.ts";
import { command } from "../shell.ts";
import type { View } from "../view.ts";

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

/** What opens the namespace when its own path doesn't: somebody deleted its name, and a process lives in it. */
function elsewhere(known: Pick<View, "path">, resource: NetnsResource): string | undefined {
  const path = known.path(resource.ns);
  return path === pathOf(resource) ? undefined : path;
}

export const netns: Kind<NetnsResource> = {
  create(tx, resource) {
    const { item } = tx;
    const path = pathOf(resource);
    const source = elsewhere(tx, resource);
    tx.act("host", `create namespace ${path}`, () => {
      if (existsSync(path)) {
        if (isNamespace(path)) throw taken(item, missing);
        removeIfThere(path);
      }
      if (source === undefined) createNamespace(path);
      else attachNamespace(path, source);
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
    if (elsewhere(view, resource) !== undefined) return missing;
    if (!view.exists(resource.ns)) return missing;
    return compare({ loopbackUp: [true, view.link(resource.ns, "lo")?.up] });
  },
  createCommands(shell, resource) {
    const source = elsewhere(shell, resource);
    const path = pathOf(resource);
    const named =
      source === undefined
        ? [command("ip", "netns", "add", resource.name)]
        : [command("touch", path), command("mount", "--bind", source, path)];
    return [...named, shell.ip(resource.ns, "link", "set", "lo", "up")];
  },
  removeCommands: (_, { name }) => [command("ip", "netns", "delete", name)],
};
