import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { peersFolder } from "./sid.ts";
import { versionIn } from "./run.ts";

/** The version of a Debian package whose programs don't say theirs. */
export function packageVersion(name: string): string {
  const list = `${peersFolder}/versions`;
  const listed = existsSync(list) ? readFileSync(list, "utf8") : "";
  const line = listed.split("\n").find((entry) => entry.startsWith(`${name} `));
  if (line !== undefined) return versionIn(line);
  const { stdout } = spawnSync("dpkg-query", ["--show", "--showformat=${Version}", name], { encoding: "utf8" });
  return stdout === "" || stdout === null ? "of unknown version" : versionIn(stdout);
}
