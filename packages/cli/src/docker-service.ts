import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeDirectory } from "@netkit/store-sqlite";

function pathIn(root: string): string {
  return join(root, "docker.json");
}

/** Whether each agent of the root serves Docker, whoever starts it. */
export function servesDocker(root: string): boolean {
  return existsSync(pathIn(root));
}

export function rememberDocker(root: string): void {
  makeDirectory(root);
  writeFileSync(pathIn(root), "{}\n", { mode: 0o600 });
}

export function forgetDocker(root: string): void {
  rmSync(pathIn(root), { force: true });
}
