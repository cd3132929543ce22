import type { Status } from "@netkit/agent";
import { isNobodyThere } from "@netkit/agent/client";
import { NetkitError } from "@netkit/core";
import { bootId, processStartTime, waitForExit } from "@netkit/sandbox";
import { askTheAgent } from "../agent-request.ts";
import { command, type Command } from "../command.ts";

const endTimeoutMs = 20_000;

export const agentStop: Command = command({
  name: "agent stop",
  summary: "End the agent, and wait until it has ended",
  details: ["Sandboxes go on working, without names. The next command that needs an agent starts one."],
  examples: [{ line: "netkit agent stop", summary: "Nothing happens if none runs" }],
  changes: false,
  async run({ globals }) {
    let pid: number;
    try {
      ({ pid } = (await askTheAgent(globals, { method: "POST", target: "/v1/stop" })) as Status);
    } catch (error) {
      if (isNobodyThere(error)) return { data: { stopped: false }, text: "No agent runs." };
      throw error;
    }
    // Whose child it is may take a while to notice that it has ended.
    const startTime = processStartTime(pid);
    const ended =
      startTime === undefined || (await waitForExit({ pid, startTime, boot: bootId() }, { timeoutMs: endTimeoutMs }));
    if (!ended) {
      throw new NetkitError("AGENT_UNAVAILABLE", `the agent (pid ${pid}) has not ended within 20 s`, {
        hint: `Its log is agent.log in the state directory; to end it at once: kill -9 ${pid}`,
      });
    }
    return { data: { stopped: true, pid }, text: "" };
  },
});
