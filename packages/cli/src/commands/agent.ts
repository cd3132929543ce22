import { closeSync, writeSync } from "node:fs";
import { NetkitError } from "@netkit/core";
import { command, type Command } from "../command.ts";
import { formatFailure } from "../failure.ts";
import { durationMs } from "../moment.ts";
import { tellSystemd } from "../systemd.ts";
import { engineOptions } from "../session.ts";
import { readSettings } from "../settings.ts";
import { versions } from "../versions.ts";

export const agent: Command = command({
  name: "agent",
  summary: "Serve names in sandboxes, hold ports, watch processes, tell what happens",
  details: [
    "One agent runs for each state directory. Commands start one by themselves when a network with names or 'run -d --rm'\nneeds it, and such a one ends when nothing does; 'netkit agent install' has systemd run one for good. Sandboxes go on\nworking without it, but for names.",
  ],
  options: {
    linger: { value: "DURATION", summary: "End once nothing has needed it for so long (5s, 1m30s; default: stay)" },
    "ready-fd": { value: "FD", summary: "Write a line to this file descriptor once it serves, and close it" },
  },
  examples: [
    { line: "netkit agent", summary: "In the foreground, until Ctrl-C" },
    { line: "netkit agent status", summary: "What it serves" },
    { line: "netkit agent install", summary: "As a service of systemd" },
  ],
  changes: false,
  abortable: true,
  async help() {
    const { commandsOf } = await import("../catalog.ts");
    const rows = commandsOf("agent").map(({ name, summary }) => [name, summary] as const);
    return [{ title: "Commands", rows: rows.slice(1) }];
  },
  async run({ globals, options, terminal, change: { signal } }) {
    const settings = await readSettings(globals);
    const lingerMs = options.linger === undefined ? undefined : durationMs(options.linger);
    if (lingerMs === undefined && options.linger !== undefined) throw invalid("linger", options.linger, "5s or 1m30s");
    const fd = options["ready-fd"] === undefined ? undefined : Number(options["ready-fd"]);
    if (fd !== undefined && !(Number.isInteger(fd) && fd > 2)) {
      throw invalid("ready-fd", options["ready-fd"] ?? "", "3 or more");
    }
    // The log may be on a disk that is full; names are served all the same.
    process.stderr.on("error", () => {});
    const { nameAgentProcess, startAgent } = await import("@netkit/agent");
    nameAgentProcess();
    await using running = await startAgent({
      ...engineOptions(settings),
      version: versions().netkit,
      ...(lingerMs === undefined ? {} : { lingerMs }),
      onError: (error) => process.stderr.write(`${new Date().toISOString()} ${formatFailure(error, terminal)}\n`),
    });
    if (fd !== undefined) {
      writeSync(fd, "ready\n");
      closeSync(fd);
    }
    await tellSystemd("--ready");
    signal?.addEventListener("abort", () => void running.close());
    if (signal?.aborted) await running.close();
    await running.ended;
    await tellSystemd("--stopping");
    return {};
  },
});

function invalid(option: string, text: string, example: string): NetkitError {
  return new NetkitError("ARGUMENT_INVALID", `--${option} ${JSON.stringify(text)} is not understood`, {
    hint: `Write ${example}.`,
  });
}
