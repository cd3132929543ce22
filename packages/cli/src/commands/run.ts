import { command, type Command, type Result } from "../command.ts";
import { endpointOptions } from "../endpoint-request.ts";
import { launch, launchOptions } from "../launch.ts";
import { processOptions } from "../process-options.ts";
import { sandboxOptions, sandboxRequest } from "../sandbox-request.ts";

export const run: Command = command({
  name: "run",
  summary: "Run a command in a new sandbox",
  details: [
    "In the foreground, stdin, the terminal, signals and the exit status pass through. Without --rm the sandbox stays\nafterwards ('sandbox ls' shows it as exited). --ip, --alias, --publish, --rate and their like are about the first network.",
    "With -d the process is left running with no netkit process beside it; its output goes to the file 'logs/ID.log' in\nthe state directory, which goes with the sandbox, or to the file of --log, which stays.",
    "--json is about netkit's own output: in the foreground, stdout is the command's alone.",
    "Exit status: the command's own; 125 if netkit failed, 126 if the command can't be executed, 127 if it isn't found,\n128 + n if signal n ended it.",
  ],
  takesCommand: true,
  failureCode: 125,
  options: {
    ...sandboxOptions,
    ...endpointOptions,
    ...launchOptions,
    ...processOptions,
  },
  examples: [
    { line: "netkit run --rm -- ping -c 1 192.0.2.1", summary: "On the network 'bridge', gone afterwards" },
    {
      line: "netkit run -d --name web --network my-net -p 8080:80 -- python3 -m http.server 80",
      summary: "A server with a published port",
    },
    { line: "netkit run --rm --network container:web -- ip address", summary: "In the namespace of another sandbox" },
    {
      line: "netkit run --rm --network name=my-net,ip=10.7.0.9,alias=api -- sh",
      summary: "A shell with an address and a further name",
    },
    {
      line: "netkit run --rm --network a --network name=b,gw-priority=1 -- ip route",
      summary: "On two networks, out through the second",
    },
    { line: "netkit run --rm --network none -- ip link", summary: "A loopback interface alone" },
  ],
  changes: true,
  async run({ open, options, command: words, change, terminal }): Promise<Result> {
    const request = sandboxRequest(options, ["bridge"]);
    return await launch(await open(), request, words, options, { change, terminal });
  },
});
