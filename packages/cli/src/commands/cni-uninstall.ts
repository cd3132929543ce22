import { resolve } from "node:path";
import { command, type Command } from "../command.ts";
import { installedLists, installedPlugins, listPath } from "../cni-files.ts";
import { checkListName, folderOptions } from "../cni-options.ts";
import { removeAll } from "../own-files.ts";

export const cniUninstall: Command = command({
  name: "cni uninstall",
  summary: "Remove what 'cni install' wrote",
  details: ["Containers that are attached stay so; without the plugins their runtime can't detach them any more."],
  options: {
    name: { value: "NAME", summary: "This list alone, and the plugins with the last one (default: all lists)" },
    ...folderOptions,
  },
  examples: [
    { line: "netkit cni uninstall", summary: "The plugins and all lists" },
    { line: "netkit cni uninstall --name pods", summary: "One list" },
  ],
  changes: false,
  async run({ options: { name, "bin-dir": binDir, "conf-dir": confDir } }) {
    const lists = installedLists(resolve(confDir));
    const wanted = name === undefined ? undefined : listPath(resolve(confDir), checkListName(name));
    const going = wanted === undefined ? lists : lists.filter((path) => path === wanted);
    const removed = [...going, ...(going.length === lists.length ? installedPlugins(resolve(binDir)) : [])];
    removeAll(removed);
    return { data: { removed }, text: removed.length === 0 ? "It is not installed." : removed.join("\n") };
  },
});
