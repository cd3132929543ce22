import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SysctlResource } from "@netkit/core";
import type { Kind } from "../kind.ts";
import { compare, missing } from "../reading.ts";
import type { Transaction } from "../transaction.ts";

const pathOf = ({ path }: SysctlResource): string => join("/proc/sys", path);

/**
 * A setting of the kernel. It is never set back: others may rely on it by then, and those of a link go with the link.
 * /proc/sys/net shows the namespace of the thread that looks.
 */
export const sysctl: Kind<SysctlResource> = {
  create(tx, resource) {
    if (isSetAlready(tx, resource)) return;
    const path = pathOf(resource);
    tx.act(resource.ns, `set ${resource.path}`, () => {
      const found = readFileSync(path, "utf8");
      // Not written if it is right: /proc/sys may be read-only.
      if (plain(found) === plain(resource.value)) return undefined;
      writeFileSync(path, resource.value);
      return () => restore(path, found);
    });
  },
  read(view, resource) {
    const link = linkOfIpv6(resource);
    const disabled = link === undefined ? undefined : view.link(resource.ns, link)?.ipv6Disabled;
    if (disabled !== undefined) return compare({ value: [plain(resource.value), disabled ? "1" : "0"] });
    return view.within(resource.ns, () => {
      try {
        return compare({
          value: [plain(resource.value), plain(readFileSync(join(view.proc(), "sys", resource.path), "utf8"))],
        });
      } catch (error) {
        if (isGone(error)) return missing;
        throw error;
      }
    });
  },
  createCommands: (shell, { ns, path, value }) => [shell.run(ns, "sysctl", "-q", "-w", `${path}=${value}`)],
  removeCommands: () => [],
};

/**
 * Whether a link's IPv6 is as wanted already, as netlink tells it: opening a file of /proc/sys in a new namespace takes
 * longer than everything else that an attach does there, and the longer the more namespaces there are.
 */
function isSetAlready(tx: Transaction, resource: SysctlResource): boolean {
  const link = linkOfIpv6(resource);
  const disabled = link === undefined ? undefined : tx.findLink(resource.ns, link)?.ipv6Disabled;
  return disabled !== undefined && plain(resource.value) === (disabled ? "1" : "0");
}

/** The link whose IPv6 it turns on or off. */
function linkOfIpv6({ path }: SysctlResource): string | undefined {
  const link = /^net\/ipv6\/conf\/([^/]+)\/disable_ipv6$/.exec(path)?.[1];
  return link === "all" || link === "default" ? undefined : link;
}

/** Settings of several numbers are shown with tabs, whatever they were written with. */
function plain(value: string): string {
  return value.trim().replaceAll(/\s+/g, " ");
}

/** A link that is gone has taken its settings with it. */
function restore(path: string, value: string): void {
  try {
    writeFileSync(path, value);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
