import { nearest, NetkitError } from "@netkit/core";
import type { Command } from "./command.ts";
import { agent } from "./commands/agent.ts";
import { agentInstall } from "./commands/agent-install.ts";
import { agentStatus } from "./commands/agent-status.ts";
import { agentStop } from "./commands/agent-stop.ts";
import { agentUninstall } from "./commands/agent-uninstall.ts";
import { cniConfig } from "./commands/cni-config.ts";
import { cniInstall } from "./commands/cni-install.ts";
import { cniUninstall } from "./commands/cni-uninstall.ts";
import { completion } from "./commands/completion.ts";
import { conformance } from "./commands/conformance.ts";
import { dockerInstall } from "./commands/docker-install.ts";
import { dockerUninstall } from "./commands/docker-uninstall.ts";
import { doctor } from "./commands/doctor.ts";
import { events } from "./commands/events.ts";
import { exec } from "./commands/exec.ts";
import { gc } from "./commands/gc.ts";
import { help } from "./commands/help.ts";
import { hostLs } from "./commands/host-ls.ts";
import { info } from "./commands/info.ts";
import { networkConnect } from "./commands/network-connect.ts";
import { networkCreate } from "./commands/network-create.ts";
import { networkDisconnect } from "./commands/network-disconnect.ts";
import { networkInspect } from "./commands/network-inspect.ts";
import { networkLs } from "./commands/network-ls.ts";
import { networkPrune } from "./commands/network-prune.ts";
import { networkRm } from "./commands/network-rm.ts";
import { overlayCheck } from "./commands/overlay-check.ts";
import { podAdd } from "./commands/pod-add.ts";
import { podCreate } from "./commands/pod-create.ts";
import { podInspect } from "./commands/pod-inspect.ts";
import { podLs } from "./commands/pod-ls.ts";
import { podRm } from "./commands/pod-rm.ts";
import { podmanInstall } from "./commands/podman-install.ts";
import { podmanUninstall } from "./commands/podman-uninstall.ts";
import { portAdd } from "./commands/port-add.ts";
import { portLs } from "./commands/port-ls.ts";
import { portRm } from "./commands/port-rm.ts";
import { run } from "./commands/run.ts";
import { sandboxCreate } from "./commands/sandbox-create.ts";
import { sandboxInspect } from "./commands/sandbox-inspect.ts";
import { sandboxLs } from "./commands/sandbox-ls.ts";
import { sandboxRm } from "./commands/sandbox-rm.ts";
import { version } from "./commands/version.ts";
import { dockerHint } from "./docker-words.ts";

/** Every command in the order of help. */
const commands: readonly Command[] = [
  networkCreate,
  networkLs,
  networkInspect,
  networkRm,
  networkPrune,
  networkConnect,
  networkDisconnect,
  sandboxCreate,
  sandboxLs,
  sandboxInspect,
  sandboxRm,
  podCreate,
  podAdd,
  podLs,
  podInspect,
  podRm,
  portLs,
  portAdd,
  portRm,
  run,
  exec,
  events,
  doctor,
  gc,
  agent,
  agentStatus,
  agentStop,
  agentInstall,
  agentUninstall,
  dockerInstall,
  dockerUninstall,
  podmanInstall,
  podmanUninstall,
  hostLs,
  overlayCheck,
  cniInstall,
  cniUninstall,
  cniConfig,
  info,
  version,
  conformance,
  completion,
  help,
];

/** What the groups of commands are about. */
export const groups: Readonly<Record<string, string>> = {
  network: "Networks: create, list, inspect, remove, connect",
  sandbox: "Sandboxes: create, list, inspect, remove",
  pod: "Pods: several commands in one namespace",
  port: "Published ports: list, add, remove",
  agent: "The long-running agent: run, status, stop, install",
  docker: "Docker's containers on netkit's networks: install, uninstall",
  podman: "Podman's containers on netkit's networks: install, uninstall",
  host: "Hosts that share networks: list",
  overlay: "Networks across hosts: check",
  cni: "Networks for containers of other runtimes: install, uninstall, config",
};

/** Docker's other spellings of a verb. */
const synonyms: Readonly<Record<string, string>> = { list: "ls", remove: "rm" };

/** The commands of a group; all of them for "". */
export function commandsOf(group: string): Command[] {
  return commands.filter(({ name }) => group === "" || name === group || name.startsWith(`${group} `));
}

/** What words name, and how many of them it took: a command, or a group of commands ("": all). */
export type Found =
  | { readonly command: Command; readonly count: number }
  | { readonly command?: never; readonly group: string };

/**
 * The command or group that the first words name.
 * @throws NetkitError ARGUMENT_INVALID with the nearest command, or what stands for Docker's
 */
export function findCommand(words: readonly string[]): Found {
  const [first = "", second] = words;
  if (first === "") return { group: "" };
  const own = commands.find(({ name }) => name === first);
  if (!Object.hasOwn(groups, first)) {
    if (own !== undefined) return { command: own, count: 1 };
    throw unknown(first, dockerHint(words) ?? nearestOf(first, ""));
  }
  if (second === undefined || second.startsWith("-")) {
    return own === undefined ? { group: first } : { command: own, count: 1 };
  }
  const verb = Object.hasOwn(synonyms, second) ? synonyms[second] : second;
  const found = commands.find(({ name }) => name === `${first} ${verb}`);
  if (found !== undefined) return { command: found, count: 2 };
  throw unknown(`${first} ${second}`, nearestOf(second, first));
}

/** By the verb alone: beside a long group, every short verb is near to every other. */
function nearestOf(word: string, group: string): string {
  const found = nearest(word, nextWords(group).keys());
  if (found !== undefined) return `Did you mean '${`${group} ${found}`.trim()}'?`;
  const help = `See 'netkit ${`${group} --help`.trim()}'.`;
  return group === "" ? help : (dockerHint([group, word]) ?? help);
}

function unknown(words: string, hint: string): NetkitError {
  return new NetkitError("ARGUMENT_INVALID", `netkit has no command '${words.slice(0, 80)}'`, { hint });
}

/** The words that may follow: commands and groups, or a group's verbs. */
export function nextWords(group: string): Map<string, string> {
  const words = new Map<string, string>();
  for (const { name, summary } of commandsOf(group)) {
    const [word = "", verb] = name.slice(group === "" ? 0 : group.length + 1).split(" ");
    if (word !== "") words.set(word, verb === undefined ? summary : (groups[word] ?? ""));
  }
  return words;
}
