import type { Netkit } from "@netkit/engine";
import { answerPlugin, type PluginType } from "./plugins.ts";

/**
 * A plugin's call as its executable hands it to an agent: a line `NAME=VALUE` for each variable, an empty line, then what came
 * on stdin. The answer is a line with the exit status, then what is to be printed.
 */
export async function answerRelayed(type: PluginType, netkit: Netkit, call: string): Promise<string> {
  const end = call.indexOf("\n\n");
  const [head, input] = end < 0 ? [call, ""] : [call.slice(0, end), call.slice(end + 2)];
  const variables = Object.fromEntries(
    head.split("\n").map((line): [string, string] => {
      const at = line.indexOf("=");
      return at < 0 ? [line, ""] : [line.slice(0, at), line.slice(at + 1)];
    }),
  );
  const { status, stdout } = await answerPlugin(type, { variables, input }, async () => netkit);
  return `${status}\n${stdout}`;
}
