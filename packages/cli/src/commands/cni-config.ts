import { command, type Command } from "../command.ts";
import { pluginList } from "../cni-files.ts";
import { listOptions, readList } from "../cni-options.ts";

export const cniConfig: Command = command({
  name: "cni config",
  summary: "Print the list of CNI plugins that 'cni install' writes",
  options: listOptions,
  examples: [{ line: "netkit cni config --network my-net", summary: "Containers on my-net" }],
  changes: false,
  async run({ options }) {
    const list = pluginList(readList(options));
    return { data: JSON.parse(list) as unknown, text: list };
  },
});
