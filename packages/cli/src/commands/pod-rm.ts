import { NetkitError } from "@netkit/core";
import { command, type Command } from "../command.ts";
import { removal, removed } from "../removal.ts";
import { sweepLogs } from "../logs.ts";
import { findPod, sandboxesOf } from "../pods.ts";

export const podRm: Command = command({
  name: "pod rm",
  summary: "Remove pods with all their members",
  arguments: { POD: { many: true, summary: "Name of a pod", complete: "pod" } },
  options: { force: { short: "f", summary: "Kill what still runs in it" } },
  examples: [
    { line: "netkit pod rm web", summary: "Unless a member's process runs" },
    { line: "netkit pod rm -f web", summary: "Even so" },
  ],
  changes: true,
  async run({ open, options: { force }, arguments: { POD }, change, terminal }) {
    const netkit = await open();
    const remove = async (name: string): Promise<{ name: string }> => {
      const pod = await findPod(netkit, name);
      const live = pod.members.filter(({ state }) => state === "running").map((member) => member.name);
      if (live.length > 0 && !force) {
        throw new NetkitError("SANDBOX_IN_USE", `pod '${name}' has running members: ${live.join(", ")}`, {
          hint: `End them first, or use force: netkit pod rm -f ${name}`,
          details: { pod: name, members: live },
        });
      }
      await netkit.sandboxes.removeAll(
        sandboxesOf(pod).map(({ id }) => id),
        { ...change, force },
      );
      return { name };
    };
    const gone = await terminal.progress("removing pods", () => removal(POD, remove));
    if (change.dryRun !== true) await sweepLogs(netkit);
    return removed(gone);
  },
});
