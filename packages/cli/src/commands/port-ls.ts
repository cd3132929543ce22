import type { Protocol } from "@netkit/core";
import { command, type Command } from "../command.ts";
import { filter } from "../filter.ts";
import { filterBy, list, listOptions } from "../listing.ts";
import { formatMappings, portHeaders, portRow, publishedBindings } from "../port-view.ts";

export const portLs: Command = command({
  name: "port ls",
  summary: "List published ports",
  details: [
    "Of one sandbox as 'docker port' shows them, of all of them as a table. A port without a host address is one of 0.0.0.0 and one of [::], in the families that the sandbox has; one on a routed network has no host port.",
    "Filters: network, port (in the sandbox, such as 80/tcp), protocol, sandbox.",
  ],
  arguments: { SANDBOX: { optional: true, summary: "Name, id or unique prefix of an id", complete: "sandbox" } },
  options: {
    filter: filterBy("network=", "port=", "protocol=tcp", "protocol=udp", "protocol=sctp", "sandbox="),
    format: listOptions.format,
  },
  examples: [
    { line: "netkit port ls", summary: "All published ports" },
    { line: "netkit port ls web", summary: "Those of the sandbox web" },
    { line: "netkit port ls --format '{{.Host}} {{.From}}' web", summary: "Host ports, and who may reach them" },
  ],
  changes: false,
  async run({ open, options, arguments: { SANDBOX } }) {
    const netkit = await open();
    const sandboxes =
      SANDBOX === undefined ? await netkit.sandboxes.list() : [await (await netkit.sandboxes.get(SANDBOX)).inspect()];
    // Sandboxes that share a namespace have its endpoints in common.
    const endpoints = new Map(
      sandboxes.flatMap((sandbox) => sandbox.endpoints.map((endpoint) => [endpoint.id, endpoint])),
    );
    const found = filter(
      publishedBindings([...endpoints.values()]),
      options.filter,
      {
        network: ({ network, networkName }, value) => networkName === value || network.startsWith(value),
        port: (binding, value) => portRow(binding).Port === value,
        protocol: ({ protocol }, value) => protocol === value,
        sandbox: ({ sandbox, sandboxName }, value) => sandboxName === value || sandbox.startsWith(value),
      },
      { protocol: ["tcp", "udp", "sctp"] satisfies Protocol[] },
    );
    if (SANDBOX !== undefined && options.format === undefined)
      return { data: found, text: formatMappings(found).join("\n") };
    return list({
      data: found,
      rows: found.map(portRow),
      headers: portHeaders,
      columns: ["Sandbox", "Network", "Port", "Host", "From"],
      quiet: false,
      format: options.format,
    });
  },
});
