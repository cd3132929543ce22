import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packages, root } from "./workspace.ts";
import type { Package } from "./workspace.ts";

export const published: readonly Package[] = packages().filter(({ manifest }) => !manifest.private);

/** The name under which pnpm packs a package. */
export function tarballName({ manifest }: Package): string {
  return `${manifest.name.replace("@", "").replace("/", "-")}-${manifest.version}.tgz`;
}

/** Builds every published package and packs it as it would be published. Returns the tarballs' paths. */
export function packAll(folder: string): string[] {
  run(root, "turbo", "run", "build", "--output-logs=errors-only");
  const which = ["--filter", "./packages/*", "--filter", "!@netkit/testing", "--filter", "!@netkit/fuzzing"];
  run(root, "pnpm", "--recursive", ...which, "pack", "--pack-destination", folder);
  return published.map((one) => join(folder, tarballName(one)));
}

/** Makes the folder a project that has these packages and nothing else of ours. */
export function installPacked(folder: string, tarballs: readonly string[]): void {
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  run(folder, "npm", "install", "--prefer-offline", "--no-audit", "--no-fund", ...tarballs);
}

/** Runs to a good end and returns what was printed; throws with all of the output otherwise. */
export function run(cwd: string, program: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} failed:\n${stdout}${stderr}`, { cause: error });
  return stdout;
}
