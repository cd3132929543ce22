import { execFileSync } from "node:child_process";

/** A file system of its own under a directory, of 1 MB. */
export class Disk implements Disposable {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1024k", "netkit-test", path]);
  }

  /** Takes all space that is left. */
  fill(): void {
    execFileSync("sh", ["-c", `dd if=/dev/zero of=${this.#path}/ballast bs=4k 2>/dev/null || true`]);
  }

  remount(option: string): void {
    execFileSync("mount", ["-o", `remount,${option}`, this.#path]);
  }

  [Symbol.dispose](): void {
    execFileSync("umount", ["--lazy", this.#path]);
  }
}
