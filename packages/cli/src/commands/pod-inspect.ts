import { command, type Command } from "../command.ts";
import { forEach } from "../each.ts";
import { inspected, inspectOptions } from "../inspection.ts";
import { findPod, podState } from "../pods.ts";
import { sandboxView } from "../sandbox-view.ts";

export const podInspect: Command = command({
  name: "pod inspect",
  summary: "Show pods in full: the holder and the members as 'sandbox inspect' shows them",
  arguments: { POD: { many: true, summary: "Name of a pod", complete: "pod" } },
  options: inspectOptions,
  examples: [
    { line: "netkit pod inspect web", summary: "One pod" },
    {
      line: "netkit pod inspect -f '{{range .Members}}{{.Name}} {{.State.Status}} {{end}}' web",
      summary: "Its members",
    },
  ],
  changes: false,
  async run({ open, options, arguments: { POD } }) {
    const netkit = await open();
    const found = await forEach(POD, async (name) => {
      const pod = await findPod(netkit, name);
      return {
        Name: pod.name,
        State: podState(pod),
        Holder: pod.holder === undefined ? null : sandboxView(pod.holder),
        Members: pod.members.map(sandboxView),
      };
    });
    return inspected(found, options.format);
  },
});
