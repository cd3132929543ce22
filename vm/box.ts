import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { runLogged } from "./command.ts";
import { files, makeFolder } from "./files.ts";

const recipe = join(import.meta.dirname, "box");

export interface Box {
  /** Its name for Vagrant; another recipe, another name. */
  readonly name: string;
  readonly file: string;
  /** Its kernel and initramfs. */
  readonly kernel: string;
  readonly initrd: string;
}

/** The box of `box/`, built when its recipe has changed. Needs root and Debian. */
export async function makeBox(): Promise<Box> {
  const publicKey = await makeKey();
  const hash = createHash("sha256").update(readFileSync(publicKey));
  for (const file of readdirSync(recipe).toSorted()) hash.update(`${file}\0`).update(readFileSync(join(recipe, file)));
  const name = `netkit-${hash.digest("hex").slice(0, 12)}`;
  const folder = join(files.boxes, name);
  const box = {
    name,
    file: join(folder, "netkit.box"),
    kernel: join(folder, "vmlinuz"),
    initrd: join(folder, "initrd.img"),
  };
  if (existsSync(box.file)) return box;
  // Boxes of earlier recipes are of no use to anybody.
  rmSync(files.boxes, { recursive: true, force: true });
  rmSync(files.vagrantHome, { recursive: true, force: true });
  await runLogged("box", [join(recipe, "build.sh"), publicKey, folder]);
  return box;
}

/** The key that machines let in, made once. */
export async function makeKey(): Promise<string> {
  const publicKey = `${files.key}.pub`;
  if (!existsSync(publicKey)) {
    makeFolder(files.folder);
    await runLogged("key", ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "netkit", "-f", files.key]);
  }
  return publicKey;
}
