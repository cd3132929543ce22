import { dirname, resolve } from "node:path";
import { NetkitError, podmansContainerLabel } from "@netkit/core";
import type { Netkit } from "@netkit/engine";
import { command, type Command } from "../command.ts";
import { removeAll, removeEmpty } from "../own-files.ts";
import { installedPrograms, installedSetting } from "../podman-files.ts";
import { folderOptions } from "../podman-options.ts";

export const podmanUninstall: Command = command({
  name: "podman uninstall",
  summary: "Remove what 'podman install' wrote: Podman has its own backend again",
  options: folderOptions,
  examples: [{ line: "netkit podman uninstall", summary: "Once no container of Podman's runs any more" }],
  changes: false,
  async run({ open, options }) {
    const setting = installedSetting(resolve(options["conf-dir"]));
    const folders = new Set([resolve(options["bin-dir"]), ...(setting === undefined ? [] : [setting.folder])]);
    const programs = [...folders].flatMap(installedPrograms);
    const removed = [...programs, ...(setting === undefined ? [] : [setting.path])];
    if (removed.length > 0) await refuseContainers(await open(true));
    removeAll(removed);
    for (const folder of new Set(programs.map((path) => dirname(path)))) removeEmpty(folder);
    return { data: { removed }, text: removed.length === 0 ? "It is not installed." : removed.join("\n") };
  },
});

/** Another backend couldn't take down what netkit has set up. @throws NetkitError NETWORK_IN_USE */
async function refuseContainers(netkit: Netkit): Promise<void> {
  const running = (await netkit.sandboxes.list()).filter(({ labels }) => labels[podmansContainerLabel] !== undefined);
  const names = running.map(({ name }) => name);
  if (names.length === 0) return;
  throw new NetkitError("NETWORK_IN_USE", `Podman's containers are on netkit's networks: ${names.join(", ")}`, {
    hint: "Stop them first: podman stop --all. Those that Podman has forgotten: netkit sandbox rm NAME",
    details: { sandboxes: names },
  });
}
