import type { Network } from "@netkit/core";
import { command, type Command } from "../command.ts";
import { filter, matchesLabel } from "../filter.ts";
import { parseMoment } from "../moment.ts";

export const networkPrune: Command = command({
  name: "network prune",
  summary: "Remove all networks that nothing is connected to",
  details: [
    "The predefined networks stay, and so do those that Docker has made or joined (docker network prune). There is no question first: --dry-run shows what would go.",
    "Filters: label=KEY[=VALUE], label!=KEY[=VALUE], until=TIME (made before; a date, or how long ago: 24h, 30m).",
  ],
  options: {
    filter: {
      value: "KEY=VALUE",
      many: true,
      summary: "Only networks that all filters hold for",
      complete: ["label=", "label!=", "until="],
    },
    force: { short: "f", summary: "Accepted for Docker's sake" },
  },
  examples: [
    { line: "netkit network prune --dry-run", summary: "What would be removed" },
    { line: "netkit network prune --filter until=24h", summary: "Those that are older than a day" },
  ],
  changes: true,
  async run({ open, options, change, terminal }) {
    const netkit = await open();
    const accepts = (network: Network): boolean => matches(network, options.filter);
    matches({ labels: {}, created: "" }, options.filter); // tells of an unknown filter before anything goes
    const networks = await terminal.progress("removing networks", () =>
      netkit.networks.prune({ ...change, filter: accepts }),
    );
    const names = networks.map(({ name }) => name);
    return { data: networks, text: names.length === 0 ? "" : ["Deleted Networks:", ...names].join("\n") };
  },
});

interface Prunable {
  readonly labels: Readonly<Record<string, string>>;
  readonly created: string;
}

function matches(network: Prunable, filters: readonly string[]): boolean {
  const found = filter([network], filters, {
    label: ({ labels }, value) => matchesLabel(labels, value),
    "label!": ({ labels }, value) => !matchesLabel(labels, value),
    until: ({ created }, value) => Date.parse(created) < parseMoment("--filter until", value),
  });
  return found.length > 0;
}
