import { command, type Command } from "../command.ts";
import { findMember, guestForms } from "../guests.ts";

export const networkDisconnect: Command = command({
  name: "network disconnect",
  summary: "Disconnect a sandbox, or what runs elsewhere, from a network",
  arguments: {
    NETWORK: { summary: "Name, id or unique prefix of an id", complete: "network" },
    SANDBOX: { summary: `Name, id or unique prefix of an id; or ${guestForms}`, complete: "member" },
  },
  options: {
    force: { short: "f", summary: "Accepted for Docker's sake: whatever state the sandbox is in, it is disconnected" },
  },
  examples: [
    { line: "netkit network disconnect db web", summary: "Its interface, address and published ports go" },
    {
      line: "netkit network disconnect db docker://shop",
      summary: "What 'network connect' gave a container of Docker",
    },
    { line: "netkit network disconnect --explain db web", summary: "The commands that would do it" },
  ],
  changes: true,
  async run({ open, arguments: { NETWORK, SANDBOX }, change }) {
    const netkit = await open();
    const sandbox = await findMember(netkit, SANDBOX);
    return { data: await sandbox.disconnect(NETWORK, change) };
  },
});
