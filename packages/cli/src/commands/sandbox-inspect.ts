import { command, type Command } from "../command.ts";
import { forEach } from "../each.ts";
import { inspected, inspectOptions } from "../inspection.ts";
import { sandboxView } from "../sandbox-view.ts";

export const sandboxInspect: Command = command({
  name: "sandbox inspect",
  summary: "Show sandboxes in full, in the shape of 'docker inspect'",
  arguments: { SANDBOX: { many: true, summary: "Name, id or unique prefix of an id", complete: "sandbox" } },
  options: inspectOptions,
  examples: [
    { line: "netkit sandbox inspect web", summary: "One sandbox with its networks" },
    {
      line: "netkit sandbox inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' web",
      summary: "Its addresses",
    },
  ],
  changes: false,
  async run({ open, options, arguments: { SANDBOX } }) {
    const netkit = await open();
    const found = await forEach(SANDBOX, async (ref) => {
      const sandbox = await netkit.sandboxes.get(ref);
      return sandboxView(await sandbox.inspect());
    });
    return inspected(found, options.format);
  },
});
