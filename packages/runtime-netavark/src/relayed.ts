import { formatAnswer, parseCall, Turns, type Relay } from "@netkit/runtime";
import { answerNetavark } from "./netavark.ts";
import type { Version } from "./version.ts";
import { mayUsePlugins, peekContainer } from "./network-options.ts";
import { refusal } from "./refusal.ts";

/**
 * Answers calls that the executable hands on, with a line `=ARGUMENT` for each argument. Work for one container goes one after
 * the other. What plugins have a part in is the executable's, which prints what they say on stderr.
 */
export function relay(version: Version): Relay {
  const turns = new Turns();
  return async (netkit, text) => {
    const { head, input } = parseCall(text);
    if (mayUsePlugins(input)) throw refusal("a plugin is run by whom Podman has started");
    const args = head.map((line) => line.slice(1));
    const call = { args, input: () => input, version };
    const work = async (): Promise<string> => formatAnswer(await answerNetavark(call, async () => netkit));
    const container = peekContainer(input);
    return container === "" && !args.includes("update") ? await work() : await turns.take(container, work);
  };
}
