import { resolve } from "node:path";
import { command, type Command } from "../command.ts";
import { removeAll } from "../own-files.ts";
import { installed } from "../podman-files.ts";
import { folderOptions } from "../podman-options.ts";

export const podmanUninstall: Command = command({
  name: "podman uninstall",
  summary: "Remove what 'podman install' wrote: Podman has its own backend again",
  details: ["Podman has to have no running containers then: its own backend can't take down what netkit has set up."],
  options: folderOptions,
  examples: [{ line: "netkit podman uninstall", summary: "The backend and the setting" }],
  changes: false,
  async run({ options }) {
    const removed = installed(resolve(options["bin-dir"]), resolve(options["conf-dir"]));
    removeAll(removed);
    return { data: { removed }, text: removed.length === 0 ? "It is not installed." : removed.join("\n") };
  },
});
