import { readFileSync, writeSync } from "node:fs";
import { parseArgs } from "node:util";
import { exitCodes } from "@netkit/core";
import type { Netkit } from "@netkit/engine";
import type { Answer } from "@netkit/runtime";
import type { Globals } from "./globals.ts";
import type { Session } from "./session.ts";

/**
 * One call of another engine that starts a process for it: opened, answered, printed. The exit status.
 * @param words options that lead to the settings of who installed it
 */
export async function answerProcess(
  words: readonly string[],
  answer: (open: () => Promise<Netkit>) => Promise<Answer>,
): Promise<number> {
  const globals = globalsOf(words);
  if (typeof globals === "string") {
    write(
      2,
      `netkit: ${globals}\n        Container runtimes call this program: 'netkit cni --help', 'netkit podman --help'.\n`,
    );
    return exitCodes.invalid;
  }
  let opened: Session | undefined;
  const open = async (): Promise<Netkit> => {
    // Not for what needs no state: versions, and what is refused before.
    const { session } = await import("./session.ts");
    opened ??= session({ ...globals, "no-color": true });
    return await opened.open(false);
  };
  const { status, stdout, stderr = "" } = await answer(open);
  await opened?.[Symbol.asyncDispose]();
  write(1, stdout);
  write(2, stderr);
  return status;
}

/** What the words say, or what is wrong with them. */
function globalsOf(words: readonly string[]): Pick<Globals, "root" | "config" | "firewall"> | string {
  try {
    const { values } = parseArgs({
      args: [...words],
      options: { root: { type: "string" }, config: { type: "string" }, firewall: { type: "string" } },
    });
    return { root: undefined, config: undefined, firewall: undefined, ...values };
  } catch (error) {
    if (error instanceof TypeError) return error.message;
    throw error;
  }
}

/** What is on stdin, which may be left closed where nothing is to be read there. */
export function readInput(): string {
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
