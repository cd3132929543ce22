import { join, resolve } from "node:path";
import { agentSocket } from "@netkit/agent/client";
import { defaultRoot, isNetkitError } from "@netkit/core";
import { sameSettings } from "../agent-process.ts";
import { command, type Command } from "../command.ts";
import { refuseWithoutInterfaces } from "@netkit/runtime";
import { pluginTypes } from "@netkit/runtime-cni/names";
import { isOwnList, isOwnScript, listPath, pluginList, pluginScript } from "../cni-files.ts";
import { folderOptions, listOptions, readList } from "../cni-options.ts";
import { writeOwn } from "../own-files.ts";
import { readSettings } from "../settings.ts";
import { warn } from "../warning.ts";

export const cniInstall: Command = command({
  name: "cni install",
  summary: "Have container runtimes attach their containers to a network, by CNI",
  details: [
    "Writes the plugins, and a list of plugins for the network. Runtimes that read the folder use it from then on: containerd,\nctr and cri-o the first list by name, Podman (with its CNI backend) and cnitool the one that they are told.",
  ],
  options: { ...listOptions, ...folderOptions },
  examples: [
    { line: "netkit cni install --network my-net", summary: "Containers on my-net" },
    {
      line: "netkit cni install --network my-net --name pods --bin-dir /usr/lib/cni",
      summary: "Under another name, for a runtime that looks for plugins elsewhere",
    },
  ],
  changes: false,
  async run({ globals, options, open, terminal }) {
    const list = readList(options);
    const root = resolve((await readSettings(globals)).root ?? defaultRoot);
    await open(true)
      .then(async (netkit) => await refuseWithoutInterfaces(netkit, await netkit.networks.get(list.network)))
      .catch((error: unknown) => {
        if (!isNetkitError(error) || error.code !== "NETWORK_NOT_FOUND") throw error;
        warn(`${error.message} yet`, `Make it: netkit network create ${list.network}`, terminal);
      });
    const [binDir, confDir] = [resolve(options["bin-dir"]), resolve(options["conf-dir"])];
    const netkit = [process.execPath, "--", process.argv[1] ?? "", "__cni"];
    const plugins = pluginTypes.map((type) => {
      const path = join(binDir, type);
      const script = pluginScript(type, agentSocket(root), [...netkit, type, ...sameSettings(root, globals)]);
      writeOwn({ path, text: script, mode: 0o755, isOwn: isOwnScript });
      return path;
    });
    const conflist = listPath(confDir, list.name);
    writeOwn({ path: conflist, text: `${pluginList(list)}\n`, mode: 0o644, isOwn: isOwnList });
    return { data: { plugins, list: conflist }, text: [...plugins, conflist].join("\n") };
  },
});
