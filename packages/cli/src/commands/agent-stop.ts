import { resolve } from "node:path";
import type { Status } from "@netkit/agent";
import { isNobodyThere } from "@netkit/agent/client";
import { defaultRoot, NetkitError } from "@netkit/core";
import { bootId, processStartTime, waitForExit } from "@netkit/sandbox";
import { askTheAgent } from "../agent-request.ts";
import { command, type Command } from "../command.ts";
import { servesDocker } from "../docker-service.ts";
import { readSettings } from "../settings.ts";
import { warn } from "../warning.ts";

const endTimeoutMs = 20_000;
const startsOne = "The next command that needs an agent starts one; to have it at once: netkit doctor --repair";

export const agentStop: Command = command({
  name: "agent stop",
  summary: "End the agent, and wait until it has ended",
  details: [
    "Sandboxes go on working, without names. The next command that needs an agent starts one, as does\n'netkit doctor --repair'.",
  ],
  examples: [{ line: "netkit agent stop", summary: "Nothing happens if none runs" }],
  changes: false,
  async run({ globals, terminal }) {
    let pid: number;
    let nameServers: number;
    let stays: boolean;
    let engines: readonly string[];
    try {
      ({ pid, nameServers, stays, engines } = (await askTheAgent(globals, {
        method: "POST",
        target: "/v1/stop",
      })) as Status);
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
        hint: `${stays ? "What is wrong is told where it was started" : "Its log is agent.log in the state directory"}; to end it at once: kill -9 ${pid}`,
      });
    }
    if (nameServers > 0) {
      const where = `${nameServers} sandbox${nameServers === 1 ? "" : "es"}`;
      warn(`names aren't served in ${where} any more`, startsOne, terminal);
    }
    if (engines.includes("Docker")) {
      const root = resolve((await readSettings(globals)).root ?? defaultRoot);
      warn(
        "Docker isn't served any more: it starts no container on netkit's networks, and takes up to a minute to stop one",
        `No command of Docker's starts an agent: ${servesDocker(root) ? "netkit doctor --repair" : "netkit agent --docker"}`,
        terminal,
      );
    }
    return { data: { stopped: true, pid }, text: "" };
  },
});
