import { writeFileSync } from "node:fs";
import { release } from "node:os";
import { findAccelerator, type Accelerator } from "./acceleration.ts";
import { makeBox, makeKey } from "./box.ts";
import { files, makeFolder } from "./files.ts";
import { makeGuest } from "./guest.ts";

/** What the Vagrantfile reads. */
interface Prepared {
  /** By name. */
  readonly box: string;
  /** Of our own. */
  readonly file?: string;
  readonly key: string;
  readonly guest: string;
  readonly accelerator: Accelerator;
}

/** Makes what the Vagrantfile needs: the box, unless VAGRANT_BOX names another one, and what the machines are to run. */
export async function prepare(): Promise<void> {
  makeFolder(files.folder);
  await makeKey();
  const theirs = process.env["VAGRANT_BOX"];
  const own = theirs === undefined ? await step("the box", makeBox) : undefined;
  const accelerator = await step("whether KVM works", () => findAccelerator(own ?? ownSystem));
  await step("packages and servers for the machines", makeGuest);
  const prepared: Prepared = {
    box: own?.name ?? theirs ?? "",
    ...(own === undefined ? {} : { file: own.file }),
    key: files.key,
    guest: files.guest,
    accelerator,
  };
  writeFileSync(files.prepared, JSON.stringify(prepared));
}

/** Of this machine: the kernel and initramfs to try when the box is somebody else's. */
const ownSystem = { kernel: `/boot/vmlinuz-${release()}`, initrd: `/boot/initrd.img-${release()}` };

/** What it gave if that is a word, and how long it took. */
export async function step<T>(name: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await work();
  const gave = typeof result === "string" ? `: ${result}` : "";
  console.error(`vm: ${name}${gave} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  return result;
}
