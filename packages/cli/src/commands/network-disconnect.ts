import { command, type Command } from "../command.ts";

export const networkDisconnect: Command = command({
  name: "network disconnect",
  summary: "Disconnect a sandbox from a network",
  arguments: {
    NETWORK: { summary: "Name, id or unique prefix of an id", complete: "network" },
    SANDBOX: { summary: "Name, id or unique prefix of an id", complete: "sandbox" },
  },
  options: {
    force: { short: "f", summary: "Accepted for Docker's sake: whatever state the sandbox is in, it is disconnected" },
  },
  examples: [
    { line: "netkit network disconnect db web", summary: "Its interface, address and published ports go" },
    { line: "netkit network disconnect --explain db web", summary: "The commands that would do it" },
  ],
  changes: true,
  async run({ open, arguments: { NETWORK, SANDBOX }, change }) {
    const netkit = await open();
    const sandbox = await netkit.sandboxes.get(SANDBOX);
    return { data: await sandbox.disconnect(NETWORK, change) };
  },
});
