import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { hasMark, type OwnFile } from "./own-files.ts";
import { thinClient } from "./thin-client.ts";

const mark = "# Written by 'netkit podman install'; 'netkit podman uninstall' removes it.";
const isOwn: OwnFile["isOwn"] = hasMark(mark);

/** Where Podman looks for its helpers by itself: it finds all others there as before. */
const helperFolders = ["/usr/local/libexec/podman", "/usr/local/lib/podman", "/usr/libexec/podman", "/usr/lib/podman"];

/**
 * Podman's network backend. A namespace's path that means another one elsewhere, a file that has no whole path, and an
 * argument of several lines are no matter of the agent's.
 * @param socket the agent's
 * @param command does the work by itself
 */
export function backend(folder: string, socket: string, command: readonly string[]): OwnFile {
  const text = thinClient({
    mark,
    runtime: "netavark",
    socket,
    command,
    condition: `!grep { m{\\n|^/proc/(self|thread-self)/|^-f|^--file} } @ARGV`,
    head: `join '', map { "=$_\\n" } @ARGV`,
  });
  // Podman knows it by this name alone.
  return { path: join(folder, "netavark"), text, mode: 0o755, isOwn };
}

/** Podman warns that no container has names where it finds no program of this name, which netavark alone starts. */
export function nameServer(folder: string): OwnFile {
  const text = `#!/bin/sh
${mark}
echo "netkit's agent serves the names of Podman's containers." >&2
exit 1
`;
  return { path: join(folder, "aardvark-dns"), text, mode: 0o755, isOwn };
}

/** Has Podman find them before its own, wherever that is. */
export function dropIn(confDir: string, folder: string): OwnFile {
  const folders = [folder, ...helperFolders].map((each) => JSON.stringify(each)).join(", ");
  const text = `${mark}
[network]
network_backend = "netavark"

[engine]
helper_binaries_dir = [${folders}]
`;
  return { path: dropInPath(confDir), text, mode: 0o644, isOwn };
}

function dropInPath(confDir: string): string {
  return join(confDir, "50-netkit.conf");
}

/** Settings that Podman reads after that one, and that have it use another backend, or look for it elsewhere first. */
export function contradicting(confDir: string, folder: string): string[] {
  return readdirSync(confDir)
    .filter((name) => name.endsWith(".conf") && join(confDir, name) > dropInPath(confDir))
    .map((name) => join(confDir, name))
    .filter((path) => {
      const text = readFileSync(path, "utf8");
      const [, chosen = "netavark"] = /^\s*network_backend\s*=\s*["']([^"']*)/m.exec(text) ?? [];
      const [, first = folder] = /^\s*helper_binaries_dir\s*=\s*\[\s*["']([^"']*)/m.exec(text) ?? [];
      return chosen !== "netavark" || first !== folder;
    });
}

/** What `install` wrote into a folder. */
export function installedPrograms(folder: string): string[] {
  return ["netavark", "aardvark-dns"]
    .map((name) => join(folder, name))
    .filter((path) => existsSync(path) && isOwn(path));
}

/** The setting that `install` wrote, and the folder that it names; undefined: there is none. */
export function installedSetting(confDir: string): { readonly path: string; readonly folder: string } | undefined {
  const path = dropInPath(confDir);
  if (!existsSync(path) || !isOwn(path)) return undefined;
  const [, folder = '""'] = /^helper_binaries_dir = \[("[^"]*")/m.exec(readFileSync(path, "utf8")) ?? [];
  return { path, folder: JSON.parse(folder) as string };
}

/** Bridges as Podman calls them with CNI that nothing is connected to, as sysfs has them. */
export function leftBridges(): string[] {
  const links = "/sys/class/net";
  return readdirSync(links).filter((name) => {
    const ports = join(links, name, "brif");
    return /^cni-podman\d+$/.test(name) && existsSync(ports) && readdirSync(ports).length === 0;
  });
}
