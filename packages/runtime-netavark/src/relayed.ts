import { formatAnswer, parseCall, Turns, type Relay } from "@netkit/runtime";
import { answerNetavark } from "./netavark.ts";
import type { Version } from "./version.ts";
import { peekContainer } from "./network-options.ts";

/**
 * Answers calls that the executable hands on, with a line `=ARGUMENT` for each argument. Work for one container goes one after
 * the other.
 */
export function relay(version: Version): Relay {
  const turns = new Turns();
  return async (netkit, text) => {
    const { head, input } = parseCall(text);
    const args = head.map((line) => line.slice(1));
    const call = { args, input: () => input, version };
    const work = async (): Promise<string> => formatAnswer(await answerNetavark(call, async () => netkit));
    const container = peekContainer(input);
    return container === "" && !args.includes("update") ? await work() : await turns.take(container, work);
  };
}
