import { NetkitError, parseName } from "@netkit/core";
import { command, type Command } from "../command.ts";
import { endpointOptions } from "../endpoint-request.ts";
import { listPods, podLabel } from "../pods.ts";
import { sandboxOptions, sandboxRequest } from "../sandbox-request.ts";

const { name: _, ...podOptions } = sandboxOptions;

export const podCreate: Command = command({
  name: "pod create",
  summary: "Create a pod and print the id of the sandbox that holds it",
  details: [
    "A pod is a network namespace that several commands share, as in Kubernetes: its addresses, ports, names and\nhostname are those of a sandbox without a process, the holder.",
  ],
  arguments: { NAME: { summary: "Name of the pod and of its holder" } },
  options: { ...podOptions, ...endpointOptions },
  examples: [
    { line: "netkit pod create --network my-net -p 8080:80 web", summary: "A pod with a published port" },
    { line: "netkit pod add -d web -- python3 -m http.server 80", summary: "Its server" },
    { line: "netkit pod add --rm web -- curl http://127.0.0.1/", summary: "Whoever is in it reaches that on loopback" },
  ],
  changes: true,
  async run({ open, options, arguments: { NAME }, change }) {
    parseName("pod", NAME);
    const request = sandboxRequest({ ...options, name: NAME }, ["bridge"]);
    const netkit = await open();
    if ((await listPods(netkit)).some((pod) => pod.name === NAME)) {
      throw new NetkitError("NAME_TAKEN", `pod '${NAME}' exists already`, {
        hint: `Choose another name, or remove it first, its processes included: netkit pod rm -f ${NAME}`,
      });
    }
    const labels = { ...request.labels, [podLabel]: NAME };
    const { id, name, netns } = await netkit.sandboxes.open({ ...request, labels }, change);
    return { data: { id, name, netns: netns ?? null }, text: id };
  },
});
