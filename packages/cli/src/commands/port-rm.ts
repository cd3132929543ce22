import { command, type Command } from "../command.ts";
import { networkOption, publishedArgument, sandboxArgument } from "../port-arguments.ts";

export const portRm: Command = command({
  name: "port rm",
  summary: "Withdraw published ports of a live sandbox",
  details: [
    "A port is named by its number in the sandbox, and by host port and host address where that is not enough.",
    "Without --network it is the only network on which the sandbox publishes ports, or the only one with these.",
  ],
  arguments: { SANDBOX: sandboxArgument, PORT: publishedArgument },
  options: { network: networkOption },
  examples: [
    { line: "netkit port rm web 8080:80", summary: "The port that was published so" },
    { line: "netkit port rm web 80 53/udp", summary: "Two ports, whatever their host ports" },
    { line: "netkit port rm --explain web 80", summary: "The commands that would do it" },
  ],
  changes: true,
  async run({ open, options, arguments: { SANDBOX, PORT }, change }) {
    const netkit = await open();
    const sandbox = await netkit.sandboxes.get(SANDBOX);
    return { data: await sandbox.unpublish(options.network, PORT, change) };
  },
});
