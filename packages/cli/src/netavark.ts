import { answerNetavark } from "@netkit/runtime-netavark";
import { answerProcess, readInput } from "./plugin-process.ts";
import { versions } from "./versions.ts";

/** What Podman's network backend runs (see podman-files.ts): options, "--", and what Podman calls it with. */
export async function netavark(words: readonly string[]): Promise<number> {
  const end = words.indexOf("--");
  const call = { args: words.slice(end + 1), input: readInput, version: versions().netkit };
  return await answerProcess(words.slice(0, end), async (open) => await answerNetavark(call, open));
}
