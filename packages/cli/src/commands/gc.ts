import { command, type Command } from "../command.ts";
import { sweepLogs } from "../logs.ts";

export const gc: Command = command({
  name: "gc",
  summary: "Remove what nobody needs",
  details: [
    "Kernel objects with netkit's mark that nothing stored implies, and sandboxes that are gone or were to go with their process.",
  ],
  examples: [
    { line: "netkit gc --dry-run", summary: "What would be removed" },
    { line: "netkit gc", summary: "Remove it" },
  ],
  changes: true,
  async run({ open, change, terminal }) {
    const netkit = await open();
    const findings = await terminal.progress("collecting", () => netkit.gc(change));
    if (change.dryRun !== true) {
      await sweepLogs(netkit);
    }
    return { data: findings, text: findings.map(({ object }) => object).join("\n") };
  },
});
