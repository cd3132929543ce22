import { command, type Command } from "../command.ts";
import { filterBy, list, listOptions } from "../listing.ts";
import { filter, matchesLabel } from "../filter.ts";
import { listPods, podState, sandboxesOf, type Pod } from "../pods.ts";
import { sandboxRow } from "../sandbox-view.ts";

const headers = {
  ID: "POD ID",
  Name: "NAME",
  State: "STATE",
  Members: "MEMBERS",
  Networks: "NETWORKS",
  Addresses: "ADDRESSES",
  Ports: "PORTS",
  CreatedAt: "CREATED AT",
};

export const podLs: Command = command({
  name: "pod ls",
  summary: "List pods",
  details: [
    "States: running (a member's process lives), idle (none does), gone (the namespace is). The id is the holder's, or that\nof the oldest member once the holder is removed. Filters: label, name, state.",
  ],
  options: { ...listOptions, filter: filterBy("label=", "name=", "state=running", "state=idle", "state=gone") },
  examples: [
    { line: "netkit pod ls", summary: "All pods" },
    { line: "netkit pod ls --format '{{.Name}} {{.Members}}'", summary: "Names and members" },
  ],
  changes: false,
  async run({ open, options }) {
    const pods = filter(
      await listPods(await open()),
      options.filter,
      {
        label: (pod, value) => sandboxesOf(pod).some(({ labels }) => matchesLabel(labels, value)),
        name: (pod, value) => pod.name.includes(value),
        state: (pod, value) => podState(pod) === value,
      },
      { state: ["running", "idle", "gone"] satisfies ReturnType<typeof podState>[] },
    );
    return list({
      data: pods.map((pod) => ({ ...pod, state: podState(pod) })),
      rows: pods.flatMap((pod) => podRow(pod, !options["no-trunc"])),
      headers,
      columns: ["ID", "Name", "State", "Members", "Networks", "Addresses", "Ports"],
      quiet: options.quiet,
      format: options.format,
    });
  },
});

function podRow(pod: Pod, truncated: boolean): Record<keyof typeof headers, string>[] {
  const [first] = sandboxesOf(pod);
  if (first === undefined) return [];
  const { ID, Networks, Addresses, Ports, CreatedAt } = sandboxRow(first, truncated);
  const Members = pod.members.map(({ name }) => name).join(",");
  return [{ ID, Name: pod.name, State: podState(pod), Members, Networks, Addresses, Ports, CreatedAt }];
}
