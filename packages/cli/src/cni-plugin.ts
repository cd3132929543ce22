import { readFileSync, writeSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Netkit } from "@netkit/engine";
import { answerPlugin, pluginTypes } from "@netkit/runtime-cni";
import type { Session } from "./session.ts";

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
  let opened: Session | undefined;
  const open = async (): Promise<Netkit> => {
    // Not for what needs no state: VERSION, and what is refused before.
    const { session } = await import("./session.ts");
    opened ??= session({ ...globals, "no-color": true });
    return await opened.open(false);
  };
  const call = { variables: process.env, input: readInput() };
  const { status, stdout, stderr = "" } = await answerPlugin(type, call, open);
  await opened?.[Symbol.asyncDispose]();
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
