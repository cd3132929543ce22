import { command, type Command } from "../command.ts";
import { forEach } from "../each.ts";
import { inspected, inspectOptions } from "../inspection.ts";
import { networkView } from "../network-view.ts";

export const networkInspect: Command = command({
  name: "network inspect",
  summary: "Show networks in full, in Docker's JSON shape",
  arguments: { NETWORK: { many: true, summary: "Name, id or unique prefix of an id", complete: "network" } },
  options: {
    ...inspectOptions,
    verbose: { short: "v", summary: "Accepted for Docker's sake: all is shown anyway" },
  },
  examples: [
    { line: "netkit network inspect web", summary: "One network with what is connected to it" },
    { line: "netkit network inspect -f '{{range .IPAM.Config}}{{.Subnet}}{{end}}' web", summary: "Its subnets" },
  ],
  changes: false,
  async run({ open, options, arguments: { NETWORK } }) {
    const netkit = await open();
    return inspected(
      await forEach(NETWORK, async (ref) => networkView(await netkit.networks.inspect(ref))),
      options.format,
    );
  },
});
