import type { Netkit } from "@netkit/engine";
import { answerPlugin, type PluginType } from "./plugins.ts";
import { Turns } from "./turns.ts";

/** Answers calls of a plugin that its executable hands on: text in, text out. */
export type Relay = (netkit: Netkit, call: string) => Promise<string>;

/**
 * A call is a line `NAME=VALUE` for each variable, an empty line, then what came on stdin. The answer is a line with the exit
 * status, then what is to be printed.
 */
export function relay(type: PluginType): Relay {
  const turns = new Turns();
  return async (netkit, text) => {
    const call = parseCall(text);
    const { CNI_COMMAND: verb, CNI_CONTAINERID: container = "" } = call.variables;
    const work = async (): Promise<string> => {
      const { status, stdout } = await answerPlugin(type, call, async () => netkit);
      return `${status}\n${stdout}`;
    };
    return container === "" && verb !== "GC" ? await work() : await turns.take(container, work);
  };
}

function parseCall(text: string): { readonly variables: Readonly<Record<string, string>>; readonly input: string } {
  const end = text.indexOf("\n\n");
  const [head, input] = end < 0 ? [text, ""] : [text.slice(0, end), text.slice(end + 2)];
  const variables = Object.fromEntries(
    head.split("\n").map((line): [string, string] => {
      const at = line.indexOf("=");
      return at < 0 ? [line, ""] : [line.slice(0, at), line.slice(at + 1)];
    }),
  );
  return { variables, input };
}
