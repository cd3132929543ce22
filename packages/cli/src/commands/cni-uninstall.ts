import { resolve } from "node:path";
import { NetkitError } from "@netkit/core";
import type { Netkit } from "@netkit/engine";
import { command, type Command } from "../command.ts";
import { installedLists, installedPlugins, listPath } from "../cni-files.ts";
import { checkListName, folderOptions } from "../cni-options.ts";
import { removeAll } from "../own-files.ts";

export const cniUninstall: Command = command({
  name: "cni uninstall",
  summary: "Remove what 'cni install' wrote",
  details: ["Not while containers are attached: without the plugins their runtime couldn't detach them any more."],
  options: {
    name: { value: "NAME", summary: "This list alone, and the plugins with the last one (default: all lists)" },
    network: { value: "NETWORK", summary: "The list that 'install' called as this network", complete: "network" },
    ...folderOptions,
  },
  examples: [
    { line: "netkit cni uninstall", summary: "The plugins and all lists" },
    { line: "netkit cni uninstall --name pods", summary: "One list" },
  ],
  changes: false,
  async run({ open, options: { network, name = network, "bin-dir": binDir, "conf-dir": confDir } }) {
    const lists = installedLists(resolve(confDir));
    const wanted = name === undefined ? undefined : listPath(resolve(confDir), checkListName(name));
    const going = wanted === undefined ? lists : lists.filter((path) => path === wanted);
    const plugins = going.length === lists.length ? installedPlugins(resolve(binDir)) : [];
    const removed = [...going, ...plugins];
    // Lists that others have written need the plugins, too.
    const list = plugins.length > 0 ? undefined : name;
    if (removed.length > 0) await refuseContainers(await open(true), list);
    removeAll(removed);
    return { data: { removed }, text: removed.length === 0 ? "It is not installed." : removed.join("\n") };
  },
});

/** @throws NetkitError NETWORK_IN_USE */
async function refuseContainers(netkit: Netkit, list: string | undefined): Promise<void> {
  const { attachedContainers } = await import("@netkit/runtime-cni");
  const containers = await attachedContainers(netkit, list);
  if (containers.length === 0) return;
  throw new NetkitError(
    "NETWORK_IN_USE",
    `containers of CNI are on netkit's networks: ${containers.slice(0, 10).join(", ")}${containers.length > 10 ? ", ..." : ""}`,
    {
      hint: "Stop or remove them first, by their runtime. Those that it has forgotten: netkit sandbox rm NAME",
      details: { containers },
    },
  );
}
