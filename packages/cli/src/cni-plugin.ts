import { readFileSync, writeSync } from "node:fs";
import { parseArgs } from "node:util";
import { answerPlugin, pluginTypes } from "@netkit/runtime-cni";
import { session } from "./session.ts";

/**
 * What the executables in a folder of CNI plugins run (see cni-files.ts): one call of a container runtime, by environment and
 * stdin. The first word is the plugin's type, the others are options
 * that lead to the settings of who installed it.
 */
export async function cniPlugin([first, ...words]: readonly string[]): Promise<number> {
  const type = pluginTypes.find((known) => known === first) ?? "netkit";
  const { values } = parseArgs({
    args: words,
    options: { root: { type: "string" }, config: { type: "string" }, firewall: { type: "string" } },
  });
  const globals = { root: undefined, config: undefined, firewall: undefined, ...values };
  await using netkit = session({ ...globals, "no-color": true });
  const call = { variables: process.env, input: readInput() };
  const { status, stdout, stderr = "" } = await answerPlugin(type, call, async () => await netkit.open(false));
  write(1, stdout);
  write(2, stderr);
  return status;
}

/** A runtime may leave stdin closed where nothing is to be read there. */
function readInput(): string {
  try {
    return readFileSync(0, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "EAGAIN" || error.code === "EBADF")) return "";
    throw error;
  }
}

function write(fd: number, text: string): void {
  for (let rest = Buffer.from(text); rest.length > 0; rest = rest.subarray(writeSync(fd, rest)));
}
