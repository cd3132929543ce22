import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { root } from "../.ci/workspace.ts";

/** Everything that the machines need on this one; `node_modules` aside, nothing of the clone is written elsewhere. */
const folder = join(root, ".tools/vm");

export const files = {
  folder,
  /** What the Vagrantfile reads. */
  prepared: join(folder, "prepared.json"),
  /** Lets into the machines; this clone's own. */
  key: join(folder, "key"),
  /** One folder per recipe. */
  boxes: join(folder, "boxes"),
  /** What is copied into the machines. */
  guest: join(folder, "guest"),
  /** What a private libvirt keeps: {@link openLibvirt}. */
  libvirt: join(folder, "libvirt"),
  /** Vagrant's boxes, and what it knows of its machines. */
  vagrantHome: join(folder, "vagrant"),
  vagrantState: join(folder, "machines"),
  /** ssh's configuration and the sockets of its connections. */
  ssh: join(folder, "ssh"),
  /** Who has the machines: {@link Running}. */
  running: join(folder, "running.json"),
  log: join(folder, "log"),
} as const;

export function makeFolder(path: string): string {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  return path;
}
