import { command, type Command } from "../command.ts";

export const networkPrune: Command = command({
  name: "network prune",
  summary: "Remove all networks that nothing is connected to",
  details: ["The predefined networks stay. There is no question first: --dry-run shows what would go."],
  options: { force: { short: "f", summary: "Accepted for Docker's sake" } },
  examples: [
    { line: "netkit network prune --dry-run", summary: "What would be removed" },
    { line: "netkit network prune", summary: "Remove them" },
  ],
  changes: true,
  async run({ open, change, terminal }) {
    const netkit = await open();
    const networks = await terminal.progress("removing networks", () => netkit.networks.prune(change));
    const names = networks.map(({ name }) => name);
    return { data: networks, text: names.length === 0 ? "" : ["Deleted Networks:", ...names].join("\n") };
  },
});
