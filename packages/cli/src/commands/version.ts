import { command, type Command } from "../command.ts";
import { versions } from "../versions.ts";

export const version: Command = command({
  name: "version",
  summary: "Show the version",
  examples: [{ line: "netkit version --json", summary: "With those of Node.js and the kernel, as JSON" }],
  changes: false,
  async run() {
    const found = versions();
    return { data: found, text: `netkit ${found.netkit} (Node.js ${found.node}, Linux ${found.kernel})` };
  },
});
