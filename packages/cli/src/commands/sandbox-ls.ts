import type { SandboxDetails } from "@netkit/engine";
import { command, type Command } from "../command.ts";
import { filter, matchesLabel } from "../filter.ts";
import { filterBy, list, listOptions } from "../listing.ts";
import { sandboxHeaders, sandboxRow } from "../sandbox-view.ts";

export const sandboxLs: Command = command({
  name: "sandbox ls",
  summary: "List sandboxes",
  details: [
    "States: running (its process lives), exited (it has ended), idle (none was started), gone (the namespace is).",
    "Filters: id, label, name, network, state.",
  ],
  options: {
    ...listOptions,
    filter: filterBy("id=", "label=", "name=", "network=", "state=running", "state=exited", "state=idle", "state=gone"),
    all: { short: "a", summary: "Accepted for Docker's sake: all are shown anyway, those that have ended, too" },
  },
  examples: [
    { line: "netkit sandbox ls", summary: "All sandboxes" },
    {
      line: "netkit sandbox rm $(netkit sandbox ls -q --filter state=exited)",
      summary: "Remove those whose process has ended",
    },
    { line: "netkit sandbox ls --format '{{.Name}} {{.Addresses}}'", summary: "Names and addresses" },
  ],
  changes: false,
  async run({ open, options }) {
    const netkit = await open();
    const found = filter(
      await netkit.sandboxes.list(),
      options.filter,
      {
        id: (sandbox, value) => sandbox.id.startsWith(value),
        label: (sandbox, value) => matchesLabel(sandbox.labels, value),
        name: (sandbox, value) => sandbox.name.includes(value),
        network: ({ endpoints }, value) =>
          endpoints.some(({ network, networkName }) => networkName === value || network.startsWith(value)),
        state: (sandbox, value) => sandbox.state === value,
      },
      { state: ["running", "exited", "idle", "gone"] satisfies SandboxDetails["state"][] },
    );
    return list({
      data: found,
      rows: found.map((sandbox) => sandboxRow(sandbox, !options["no-trunc"])),
      headers: sandboxHeaders,
      columns: ["ID", "Name", "State", "Networks", "Addresses", "Ports"],
      quiet: options.quiet,
      format: options.format,
    });
  },
});
