import { command, type Command } from "../command.ts";
import { removal, removed } from "../removal.ts";

export const networkRm: Command = command({
  name: "network rm",
  summary: "Remove networks that nothing is connected to",
  arguments: { NETWORK: { many: true, summary: "Name, id or unique prefix of an id", complete: "network" } },
  options: { force: { short: "f", summary: "No error for a network that isn't there" } },
  examples: [
    { line: "netkit network rm web db", summary: "Both; goes on after a failure" },
    { line: "netkit network rm --dry-run web", summary: "What would be removed from the kernel" },
  ],
  changes: true,
  async run({ open, options, arguments: { NETWORK }, change, terminal }) {
    const netkit = await open();
    const gone = await terminal.progress("removing networks", () =>
      removal(NETWORK, (ref) => netkit.networks.remove(ref, change)),
    );
    return removed(gone, options.force ? "NETWORK_NOT_FOUND" : undefined);
  },
});
