import { answerPlugin, pluginTypes } from "@netkit/runtime-cni";
import { answerProcess, readInput } from "./plugin-process.ts";

/**
 * What the executables in a folder of CNI plugins run (see cni-files.ts): one call of a container runtime, by environment and
 * stdin. The first word is the plugin's type, the others are options.
 */
export async function cniPlugin([first, ...words]: readonly string[]): Promise<number> {
  const type = pluginTypes.find((known) => known === first) ?? "netkit";
  const call = { variables: process.env, input: readInput() };
  return await answerProcess(words, async (open) => await answerPlugin(type, call, open));
}
