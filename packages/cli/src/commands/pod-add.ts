import { command, type Command, type Result } from "../command.ts";
import { launch, launchOptions } from "../launch.ts";
import { processOptions } from "../process-options.ts";
import { parsePairs } from "../pairs.ts";
import { doorOf, findPod, podLabel } from "../pods.ts";

export const podAdd: Command = command({
  name: "pod add",
  summary: "Run a command in a pod",
  details: [
    "It is a sandbox of its own in the pod's namespace: it has a name, a state and a log, and ends by itself. Ports and\nnetworks are the pod's. Exit status and -d are as with 'netkit run'.",
  ],
  arguments: { POD: { summary: "Name of the pod", complete: "pod" } },
  takesCommand: true,
  failureCode: 125,
  options: {
    name: { value: "NAME", summary: "Name; without it one is made up" },
    label: { short: "l", value: "KEY=VALUE", many: true, summary: "Label" },
    ...launchOptions,
    ...processOptions,
  },
  examples: [
    { line: "netkit pod add -d --name app web -- node server.js", summary: "A member that is left running" },
    { line: "netkit pod add --rm web -- ip address", summary: "A look from within" },
  ],
  changes: true,
  async run({ open, options, arguments: { POD }, command: words, change, terminal }): Promise<Result> {
    const labels = parsePairs("--label", options.label, "");
    const netkit = await open();
    const pod = await findPod(netkit, POD);
    const request = {
      ...(options.name === undefined ? {} : { name: options.name }),
      labels: { ...labels, [podLabel]: pod.name },
      networks: [`container:${doorOf(pod)}`],
    };
    return await launch(netkit, request, words, options, { change, terminal });
  },
});
