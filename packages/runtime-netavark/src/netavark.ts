import { statSync, readFileSync } from "node:fs";
import type { Netkit } from "@netkit/engine";
import type { Answer } from "@netkit/runtime";
import { parseCommandLine, usage, type Command } from "./command-line.ts";
import { parseNetworkOptions, unreadable, type NetworkOptions } from "./network-options.ts";
import { failureText, refusal } from "./refusal.ts";
import { setup } from "./setup.ts";
import { teardown } from "./teardown.ts";
import { update } from "./update.ts";
import { versionInfo, versionLine, type Version } from "./version.ts";

/** What Podman starts its backend with. */
export interface NetavarkCall {
  readonly args: readonly string[];
  /** What comes on stdin; read where a command needs it. */
  readonly input: () => string;
  /** netkit's, and when it was built (ISO 8601). */
  readonly version: Version;
}

/**
 * Answers one call. It doesn't throw: what goes wrong is an answer.
 * @param open opens the instance; called when the call needs it
 */
export async function answerNetavark(call: NetavarkCall, open: () => Promise<Netkit>): Promise<Answer> {
  try {
    return { status: 0, stdout: await carryOut(parseCommandLine(call.args), call, open) };
  } catch (error) {
    return { status: 1, stdout: `${JSON.stringify({ error: failureText(error) })}\n` };
  }
}

async function carryOut(command: Command, call: NetavarkCall, open: () => Promise<Netkit>): Promise<string> {
  switch (command.verb) {
    case "setup": {
      checkNamespace(command.netns);
      const options = read(command, call);
      return `${JSON.stringify(await setup(await open(), command.netns, options))}\n`;
    }
    case "teardown": {
      const options = read(command, call);
      await teardown(await open(), options);
      return "";
    }
    case "update":
      await update(await open(), command.network, command.servers);
      return "";
    case "create":
      throw refusal("create is not supported", "Podman up to 5 makes its networks itself.");
    case "firewall-reload":
      await (await open()).doctor({ repair: true });
      return "";
    case "version":
      return `${JSON.stringify(versionInfo(call.version), undefined, 2)}\n`;
    case "--version":
      return `${versionLine(call.version)}\n`;
    case "--help":
      return usage;
  }
}

function read({ file }: { readonly file?: string | undefined }, { input }: NetavarkCall): NetworkOptions {
  if (file === undefined) return parseNetworkOptions(input());
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw unreadable(ioError(cause));
  }
  return parseNetworkOptions(text);
}

/** @throws NetkitError */
function checkNamespace(path: string): void {
  try {
    statSync(path);
  } catch (cause) {
    throw refusal(`invalid namespace path: ${ioError(cause)}`);
  }
}

/** In netavark's words, as far as they are asserted by anyone. */
function ioError(cause: unknown): string {
  const isMissing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
  if (isMissing) return "IO error: No such file or directory (os error 2)";
  return `IO error: ${cause instanceof Error ? cause.message : String(cause)}`;
}
