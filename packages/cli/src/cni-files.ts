import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NetkitError } from "@netkit/core";
import { formatJson } from "./json.ts";
import { shellLine } from "./shell.ts";

/** A plugin's type is the name of its executable. */
export const pluginTypes = ["netkit"] as const;

const mark = "# Written by 'netkit cni install'; 'netkit cni uninstall' removes it.";

/** An executable that does a plugin's work by this netkit. */
export function pluginScript(command: readonly string[]): string {
  return `#!/bin/sh\n${mark}\nexec ${shellLine(command)}\n`;
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
