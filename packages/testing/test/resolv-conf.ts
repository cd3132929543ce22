import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Gives the host another resolv.conf until it is disposed of. */
export function withResolvConf(content: string): Disposable {
  const folder = mkdtempSync(join(tmpdir(), "netkit-resolv-"));
  writeFileSync(join(folder, "resolv.conf"), content);
  execFileSync("mount", ["--bind", join(folder, "resolv.conf"), "/etc/resolv.conf"]);
  return {
    [Symbol.dispose]() {
      execFileSync("umount", ["/etc/resolv.conf"]);
      rmSync(folder, { recursive: true });
    },
  };
}
