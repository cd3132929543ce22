import { command, type Command } from "../command.ts";
import { removal, removed } from "../removal.ts";
import { sweepLogs } from "../logs.ts";

export const sandboxRm: Command = command({
  name: "sandbox rm",
  summary: "Disconnect and remove sandboxes",
  details: ["A namespace goes with its last sandbox, unless it was adopted."],
  arguments: { SANDBOX: { many: true, summary: "Name, id or unique prefix of an id", complete: "sandbox" } },
  options: {
    force: { short: "f", summary: "Kill what still runs in it; take another engine's container off its networks" },
  },
  examples: [
    { line: "netkit sandbox rm web db", summary: "Both; goes on after a failure" },
    { line: "netkit sandbox rm -f web", summary: "Even while its process runs" },
  ],
  changes: true,
  async run({ open, options, arguments: { SANDBOX }, change, terminal }) {
    const netkit = await open();
    const gone = await terminal.progress("removing sandboxes", () =>
      removal(SANDBOX, (ref) => netkit.sandboxes.remove(ref, { ...change, force: options.force })),
    );
    if (change.dryRun !== true) {
      await sweepLogs(netkit);
    }
    return removed(gone);
  },
});
