import type { Status } from "@netkit/agent";
import { command, type Command } from "../command.ts";
import { askTheAgent } from "../agent-request.ts";
import { columns } from "../table.ts";
import type { Terminal } from "../terminal.ts";

export const agentStatus: Command = command({
  name: "agent status",
  summary: "Show what the agent serves",
  examples: [{ line: "netkit agent status", summary: "Whether one runs, since when, and for what" }],
  changes: false,
  async run({ globals, terminal }) {
    const status = (await askTheAgent(globals, { method: "GET", target: "/v1/status" })) as Status;
    const text = columns(
      [
        ["Process", `${status.pid}, since ${status.started}`],
        ["Root", status.root],
        ["Ends", status.stays ? "when it is told to" : "when nothing needs it"],
        ["Docker", status.engines.includes("Docker") ? "served" : "not served"],
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
        ...(status.shares && status.peersFile === undefined ? sharingRows(status) : []),
      ],
      "",
    );
    return { data: status, text: [text, ...troubleLines(status, terminal)].join("\n") };
  },
});

function sharingRows({ holdsLease, storeAway }: Status): [string, string][] {
  return [
    ["Store", storeAway === undefined ? "there" : `away since ${storeAway.since}: ${storeAway.message}`],
    ["Lease of this host", holdsLease ? "held" : "none: other hosts know nothing of this one"],
  ];
}

function troubleLines({ troubles }: Status, terminal: Terminal): string[] {
  return troubles.flatMap(({ message, hint }) => [
    `${terminal.out("red", "trouble")}: ${message}`,
    ...(hint === undefined ? [] : [`         ${hint}`]),
  ]);
}
