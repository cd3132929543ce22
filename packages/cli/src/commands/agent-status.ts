import type { Status } from "@netkit/agent";
import { command, type Command } from "../command.ts";
import { askTheAgent } from "../agent-request.ts";
import { columns } from "../table.ts";

export const agentStatus: Command = command({
  name: "agent status",
  summary: "Show what the agent serves",
  examples: [{ line: "netkit agent status", summary: "Whether one runs, since when, and for what" }],
  changes: false,
  async run({ globals }) {
    const status = (await askTheAgent(globals, { method: "GET", target: "/v1/status" })) as Status;
    const text = columns(
      [
        ["Process", `${status.pid}, since ${status.started}`],
        ["Root", status.root],
        ["Ends", status.stays ? "when it is told to" : "when nothing needs it"],
        ["Names served in", `${status.nameServers} sandbox${status.nameServers === 1 ? "" : "es"}`],
        ["Ports held", String(status.reservedPorts)],
        ["Processes watched", String(status.watchedProcesses)],
        ["Listeners", String(status.listeners)],
        ...(status.peersFile === undefined
          ? []
          : [
              ["Hosts' file", status.peersFile.path] as const,
              ...status.peersFile.troubles.map((trouble) => ["Trouble", trouble] as const),
            ]),
        ...(status.shares && status.peersFile === undefined
          ? [["Lease of this host", status.holdsLease ? "held" : "none"] as const]
          : []),
      ],
      "",
    );
    return { data: status, text };
  },
});
