import { command, type Command } from "../command.ts";
import { filter, matchesLabel } from "../filter.ts";
import { filterBy, list, listOptions } from "../listing.ts";
import { warnIfOutOfTouch } from "../out-of-touch.ts";
import { networkHeaders, networkRow } from "../network-view.ts";

export const networkLs: Command = command({
  name: "network ls",
  summary: "List networks",
  details: [
    "Filters: driver, id, label, name, scope, type (builtin or custom), dangling (true: nothing is connected).",
  ],
  options: {
    ...listOptions,
    filter: filterBy(
      "dangling=true",
      "dangling=false",
      "driver=",
      "id=",
      "label=",
      "name=",
      "scope=local",
      "scope=global",
      "type=builtin",
      "type=custom",
    ),
  },
  examples: [
    { line: "netkit network ls", summary: "All networks" },
    {
      line: "netkit network ls -q --filter driver=bridge --filter type=custom",
      summary: "Ids of the bridge networks that were made",
    },
    { line: "netkit network ls --format 'table {{.Name}}\\t{{.Internal}}'", summary: "A table of one's own" },
  ],
  changes: false,
  async run({ open, options, terminal }) {
    const netkit = await open();
    await warnIfOutOfTouch(netkit, terminal);
    const networks = await netkit.networks.list();
    const wantsUse = options.filter.some((text) => text.startsWith("dangling="));
    const sandboxes = wantsUse ? await netkit.sandboxes.list() : [];
    const used = new Set(sandboxes.flatMap(({ endpoints }) => endpoints.map(({ network }) => network)));
    if (wantsUse) {
      for (const { id, scope } of networks)
        if (scope === "global" && (await netkit.networks.inspect(id)).remotes.length > 0) used.add(id);
    }
    const found = filter(
      networks,
      options.filter,
      {
        driver: (network, value) => network.driver === value,
        id: (network, value) => network.id.startsWith(value),
        label: (network, value) => matchesLabel(network.labels, value),
        name: (network, value) => network.name.includes(value),
        scope: (network, value) => network.scope === value,
        type: (network, value) => value === (network.predefined ? "builtin" : "custom"),
        dangling: ({ predefined, id }, value) => (!predefined && !used.has(id)) === (value === "true" || value === "1"),
      },
      // Those of dangling as Docker takes them.
      { scope: ["local", "global"], type: ["builtin", "custom"], dangling: ["true", "false", "1", "0"] },
    );
    return list({
      data: found,
      rows: found.map((network) => networkRow(network, !options["no-trunc"])),
      headers: networkHeaders,
      columns: ["ID", "Name", "Driver", "Scope"],
      quiet: options.quiet,
      format: options.format,
    });
  },
});
