import { wrongAddresses, type HostDetails } from "@netkit/engine";
import { command, type Command } from "../command.ts";
import { filter } from "../filter.ts";
import { warnIfOutOfTouch } from "../out-of-touch.ts";
import { hostLabels } from "../host-labels.ts";
import { filterBy, list, listOptions } from "../listing.ts";
import { warn } from "../warning.ts";

/** The fields of a host in a list. */
interface HostRow {
  readonly ID: string;
  readonly Name: string;
  readonly State: string;
  readonly Since: string;
  readonly VTEP: string;
  readonly MTU: string;
  readonly Endpoints: string;
  readonly This: string;
}

const headers: Readonly<Record<keyof HostRow, string>> = {
  ID: "HOST ID",
  Name: "NAME",
  State: "STATE",
  Since: "SINCE",
  VTEP: "VTEP",
  MTU: "MTU",
  Endpoints: "ENDPOINTS",
  This: "THIS",
};

export const hostLs: Command = command({
  name: "host ls",
  summary: "List the hosts that share networks with this one",
  details: [
    "They share global networks by the store that 'netkit agent --store' names. A host is up as long as its agent renews its lease\nthere. One that is down is listed for a day, with when it was missed; this one is listed in any case.",
    "Of a file in place of a store, other hosts are listed, and nobody knows more of them.",
    "Filters: id, name, state (up, down or listed).",
  ],
  options: { ...listOptions, filter: filterBy("id=", "name=", "state=up", "state=down", "state=listed") },
  examples: [
    { line: "netkit host ls", summary: "All hosts, this one first, those that are down last" },
    { line: "netkit host ls --format '{{.Name}} {{.VTEP}}'", summary: "Names, and where tunnels end" },
  ],
  changes: false,
  async run({ open, options, terminal }) {
    const netkit = await open();
    await warnIfOutOfTouch(netkit, terminal);
    const hosts = await netkit.hosts();
    for (const { message, hint } of wrongAddresses(hosts.filter(({ state }) => state !== "down")))
      warn(message, hint, terminal);
    const found = filter(
      hosts,
      options.filter,
      {
        id: (host, value) => host.id.startsWith(value),
        name: (host, value) => host.name.includes(value),
        state: (host, value) => host.state === value,
      },
      { state: ["up", "down", "listed"] satisfies HostDetails["state"][] },
    );
    const labels = hostLabels(found);
    return list({
      data: found,
      rows: found.map((host) => hostRow(host, labels(host), !options["no-trunc"])),
      headers,
      columns: ["ID", "Name", "State", "Since", "VTEP", "Endpoints", "This"],
      quiet: options.quiet,
      format: options.format,
    });
  },
});

function hostRow(
  { id, state, since = "", vtep, mtu, endpoints, isThis }: HostDetails,
  name: string,
  truncated: boolean,
): HostRow {
  return {
    ID: truncated ? id.slice(0, 12) : id,
    Name: name,
    State: state,
    Since: since,
    VTEP: vtep,
    MTU: String(mtu),
    Endpoints: String(endpoints),
    This: isThis ? "*" : "",
  };
}
