import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NetkitError } from "@netkit/core";
import { pluginTypes, variableNames, type PluginType } from "@netkit/runtime-cni";
import { formatJson } from "./json.ts";
import { shellLine } from "./shell.ts";

const mark = "# Written by 'netkit cni install'; 'netkit cni uninstall' removes it.";

/**
 * The executable of a plugin. Where an agent of the root runs, it does the work: a shell around curl starts in a quarter of the
 * time that Node takes. What the agent doesn't answer, for whatever reason, is done here.
 * @param socket the agent's
 * @param command does a plugin's work by itself
 */
export function pluginScript(type: PluginType, socket: string, command: readonly string[]): string {
  const variables = variableNames.map((name) => `${name}=$${name}`).join("\n");
  return `#!/bin/sh
${mark}
socket=${shellLine([socket])}
alone() {
  exec ${shellLine(command)}
}
[ -S "$socket" ] && [ -n "$CNI_COMMAND" ] && command -v curl >/dev/null || alone
# A path that another process has no way to, and what is more than a line, are no matter of the agent's.
case $CNI_NETNS in
  /proc/self/* | /proc/thread-self/* | [!/]*) alone ;;
esac
case $${variableNames.join("$")} in
  *"
"*) alone ;;
esac
input=$(cat)
answer=$(curl -qs --noproxy '*' --max-time 60 --unix-socket "$socket" --data-binary @- \\
  http://netkit/v1/runtimes/cni-${type} <<EOF
${variables}

$input
EOF
)
case $answer in
  0) exit 0 ;;
  [01]"
"*)
    printf '%s\\n' "\${answer#?
}"
    exit "\${answer%%
*}"
    ;;
esac
alone <<EOF
$input
EOF
`;
}

export interface ListOptions {
  readonly name: string;
  readonly network: string;
}

/** `cniVersion` is what runtimes before 1.1.0 go by, `cniVersions` what later ones choose the newest of. */
export function pluginList({ name, network }: ListOptions): string {
  const wanted = ["portMappings", "ips", "mac", "bandwidth", "dns", "aliases"];
  return formatJson({
    cniVersion: "1.0.0",
    cniVersions: ["0.3.1", "0.4.0", "1.0.0", "1.1.0"],
    name,
    plugins: [
      { type: "netkit", network, capabilities: Object.fromEntries(wanted.map((capability) => [capability, true])) },
    ],
  });
}

export function listPath(confDir: string, name: string): string {
  return join(confDir, `10-netkit-${name}.conflist`);
}

/** The lists of a folder that `install` wrote. */
export function installedLists(confDir: string): string[] {
  if (!existsSync(confDir)) return [];
  const names = readdirSync(confDir).filter((name) => /^10-netkit-.+\.conflist$/.test(name));
  return names.map((name) => join(confDir, name)).filter(isOwnList);
}

/** The plugins of a folder that `install` wrote. */
export function installedPlugins(binDir: string): string[] {
  return pluginTypes.map((type) => join(binDir, type)).filter((path) => existsSync(path) && isOwnScript(path));
}

/** Writes a file at once, for runtimes may be reading it. @throws NetkitError NAME_TAKEN: it is somebody else's */
export function writeOwn(folder: string, path: string, text: string, mode: number): void {
  const isOurs = mode === 0o755 ? isOwnScript : isOwnList;
  if (existsSync(path) && !isOurs(path)) {
    throw new NetkitError("NAME_TAKEN", `${path} is there already, and isn't netkit's`, {
      hint: "Take it away, or choose another folder.",
      details: { path },
    });
  }
  mkdirSync(folder, { recursive: true });
  const made = `${path}.${process.pid}`;
  writeFileSync(made, text, { mode });
  renameSync(made, path);
}

export function removeAll(paths: readonly string[]): void {
  for (const path of paths) rmSync(path, { force: true });
}

function isOwnScript(path: string): boolean {
  return readFileSync(path, "utf8").split("\n")[1] === mark;
}

function isOwnList(path: string): boolean {
  try {
    const { plugins } = JSON.parse(readFileSync(path, "utf8")) as { plugins?: readonly { type?: unknown }[] };
    return plugins?.[0]?.type === "netkit";
  } catch {
    return false;
  }
}
