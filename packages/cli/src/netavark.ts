import { statSync } from "node:fs";
import { answerNetavark, type Version } from "@netkit/runtime-netavark";
import { execute } from "./execute.ts";
import { answerProcess, readInput } from "./plugin-process.ts";
import { versions } from "./versions.ts";

/** The date of the command's file is that of its build. */
export function backendVersion(): Version {
  return { netkit: versions().netkit, built: statSync(process.argv[1] ?? "").mtime.toISOString() };
}

/** What Podman's network backend runs (see podman-files.ts): options, "--", and what Podman calls it with. */
export async function netavark(words: readonly string[]): Promise<number> {
  const end = words.indexOf("--");
  const call = { args: words.slice(end + 1), input: readInput, version: backendVersion(), execute };
  return await answerProcess(words.slice(0, end), async (open) => await answerNetavark(call, open));
}
