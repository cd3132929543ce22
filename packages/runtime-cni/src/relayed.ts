import { formatAnswer, parseCall, Turns, type Relay } from "@netkit/runtime";
import type { PluginType } from "./names.ts";
import { answerPlugin } from "./plugins.ts";

/** Answers calls of a plugin that its executable hands on, with a line `NAME=VALUE` for each variable. */
export function relay(type: PluginType): Relay {
  const turns = new Turns();
  return async (netkit, text) => {
    const { head, input } = parseCall(text);
    const variables = Object.fromEntries(head.map(assignment));
    const { CNI_COMMAND: verb, CNI_CONTAINERID: container = "" } = variables;
    const work = async (): Promise<string> =>
      formatAnswer(await answerPlugin(type, { variables, input }, async () => netkit));
    return container === "" && verb !== "GC" ? await work() : await turns.take(container, work);
  };
}

function assignment(line: string): [string, string] {
  const at = line.indexOf("=");
  return at < 0 ? [line, ""] : [line.slice(0, at), line.slice(at + 1)];
}
