import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pluginTypes, variableNames, type PluginType } from "@netkit/runtime-cni/names";
import { formatJson } from "./json.ts";
import { hasMark } from "./own-files.ts";
import { thinClient } from "./thin-client.ts";

const mark = "# Written by 'netkit cni install'; 'netkit cni uninstall' removes it.";

/**
 * The executable of a plugin. Without a verb it says what it is; a namespace's path that means another one elsewhere, and a
 * variable of several lines, are no matter of the agent's.
 * @param socket the agent's
 * @param command does the plugin's work by itself
 */
export function pluginScript(type: PluginType, socket: string, command: readonly string[]): string {
  return thinClient({
    mark,
    runtime: `cni-${type}`,
    socket,
    command,
    condition: `($ENV{CNI_COMMAND} // '') ne ''
  && ($ENV{CNI_NETNS} // '') =~ m{^(/(?!proc/(self|thread-self)/).*)?$}s
  && !grep { ($ENV{$_} // '') =~ /\\n/ } qw(${variableNames.join(" ")})`,
    head: `join '', map { "$_=" . ($ENV{$_} // '') . "\\n" } qw(${variableNames.join(" ")})`,
  });
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

export const isOwnScript: (path: string) => boolean = hasMark(mark);

export function isOwnList(path: string): boolean {
  try {
    const { plugins } = JSON.parse(readFileSync(path, "utf8")) as { plugins?: readonly { type?: unknown }[] };
    return plugins?.[0]?.type === "netkit";
  } catch {
    return false;
  }
}
