import { readFileSync, writeSync } from "node:fs";
import { parseArgs } from "node:util";
import { answer } from "@netkit/runtime-cni";
import { session } from "./session.ts";

/**
 * What the executables in a folder of CNI plugins run (see cni-files.ts): one call of a container runtime, by environment and
 * stdin. The words are options that lead to the settings of who installed them.
 */
export async function cniPlugin(words: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...words],
    options: { root: { type: "string" }, config: { type: "string" }, firewall: { type: "string" } },
  });
  const globals = { root: undefined, config: undefined, firewall: undefined, ...values };
  await using netkit = session({ ...globals, "no-color": true });
  const call = { variables: process.env, input: readInput() };
  const { status, stdout, stderr = "" } = await answer(call, async () => await netkit.open(false));
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
