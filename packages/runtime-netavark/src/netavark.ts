import { readFileSync, statSync } from "node:fs";
import type { Netkit } from "@netkit/engine";
import type { Answer } from "@netkit/runtime";
import { parseCommandLine, usage, type Command, type Sources } from "./command-line.ts";
import { checkNames, completeNetwork, parseWish } from "./create.ts";
import { setupAll, teardownAll } from "./divided.ts";
import { linkNames } from "./interface.ts";
import { parseNetworkOptions, unreadable, type NetworkOptions, type PodmanNetwork } from "./network-options.ts";
import { isPlugins, Plugin, type Execute, type PluginPlace } from "./plugins.ts";
import { failureText, refusal } from "./refusal.ts";
import { update } from "./update.ts";
import { versionInfo, versionLine, type Version } from "./version.ts";

/** What Podman starts its backend with. */
export interface NetavarkCall {
  readonly args: readonly string[];
  /** What comes on stdin; read where a command needs it. */
  readonly input: () => string;
  /** netkit's, and when it was built (ISO 8601). */
  readonly version: Version;
  /** Runs plugins; absent: there are none. */
  readonly execute?: Execute;
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
      return `${JSON.stringify(await setupAll(open, command.netns, options, pluginPlace(command, call)))}\n`;
    }
    case "teardown": {
      const options = read(command, call);
      await teardownAll(open, command.netns, options, pluginPlace(command, call));
      return "";
    }
    case "update":
      await update(await open(), command.network, command.servers);
      return "";
    case "create":
      return `${JSON.stringify(await create(readText(command, call), open, pluginPlace(command, call)))}\n`;
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

/** What Podman 6 asks for a new network. A netkit network is made with the first container on it. */
async function create(input: string, open: () => Promise<Netkit>, place: PluginPlace): Promise<PodmanNetwork> {
  const wish = parseWish(input);
  if (isPlugins(wish.network)) {
    checkNames(wish.network, wish.used.names);
    const network = await new Plugin(wish.network, place).create();
    return completeNetwork({ ...wish, network }, { links: [], subnets: [] });
  }
  const networks = wish.options.check_used_subnets ? await (await open()).networks.list() : [];
  const subnets = networks.flatMap((network) => network.subnets.map(({ subnet }) => subnet));
  return completeNetwork(wish, { links: linkNames(), subnets });
}

function pluginPlace({ plugins }: Sources, { execute }: NetavarkCall): PluginPlace {
  return { folders: plugins, execute };
}

function read(command: Sources, call: NetavarkCall): NetworkOptions {
  return parseNetworkOptions(readText(command, call));
}

function readText({ file }: Sources, { input }: NetavarkCall): string {
  if (file === undefined) return input();
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw unreadable(ioError(cause));
  }
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
