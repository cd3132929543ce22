import { command, type Command } from "../command.ts";
import { columns } from "../table.ts";
import { versions } from "../versions.ts";

export const info: Command = command({
  name: "info",
  summary: "Show the state directory, the firewall, drivers and counts",
  examples: [{ line: "netkit info", summary: "Where state is kept and what there is" }],
  changes: false,
  async run({ open }) {
    const netkit = await open();
    const found = await netkit.info();
    const { netkit: version, node } = versions();
    const text = columns(
      [
        ["Version", `${version} (Node.js ${node}, Linux ${found.kernel})`],
        ["Root", found.instance.root],
        ["Mark", found.instance.mark],
        ["Firewall", found.firewall],
        ["Drivers", found.drivers.join(", ")],
        ["Networks", String(found.networks)],
        ["Sandboxes", String(found.sandboxes)],
        ["Endpoints", String(found.endpoints)],
      ],
      "",
    );
    return { data: { version, node, ...found }, text };
  },
});
