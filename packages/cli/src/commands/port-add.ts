import { command, type Command } from "../command.ts";
import { bindingsOf, formatMappings } from "../port-view.ts";
import { networkOption, portsArgument, sandboxArgument } from "../port-arguments.ts";

export const portAdd: Command = command({
  name: "port add",
  summary: "Publish ports of a live sandbox on the host",
  details: [
    "All of them or none. Prints what was published, host ports that netkit chose included.",
    "Without --network it is the only network of the sandbox that can publish ports: its driver can, and it isn't internal. When several can, name one.",
  ],
  arguments: { SANDBOX: sandboxArgument, PORT: portsArgument },
  options: { network: networkOption },
  examples: [
    { line: "netkit port add web 8080:80", summary: "Port 80 of web, on port 8080 of the host" },
    { line: "netkit port add web 127.0.0.1::53/udp", summary: "On a free port of the host's loopback" },
    {
      line: "netkit port add web 5432:5432,from=10.0.0.0/8,from=fd00::/8",
      summary: "For these sources alone, and the host itself",
    },
    { line: "netkit port add --dry-run web 20000-20999:20000-20999", summary: "What a range would change" },
  ],
  changes: true,
  async run({ open, options, arguments: { SANDBOX, PORT }, change }) {
    const netkit = await open();
    const sandbox = await netkit.sandboxes.get(SANDBOX);
    const endpoint = await sandbox.publish(options.network, PORT, change);
    const ports = endpoint.ports.slice(-PORT.length);
    return {
      data: endpoint,
      text: formatMappings(bindingsOf({ ...endpoint, ports })).join("\n"),
    };
  },
});
