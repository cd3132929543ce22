import { disconnectInDocker, isAnotherEngines, NetkitError } from "@netkit/core";
import type { Netkit, SandboxHandle } from "@netkit/engine";
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
    force: { short: "f", summary: "Take what Docker has connected off the network behind its back" },
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
  async run({ open, options, arguments: { NETWORK, SANDBOX }, change }) {
    const netkit = await open();
    const sandbox = await findMember(netkit, SANDBOX);
    if (!options.force) await refuseDockers(netkit, sandbox, NETWORK);
    return { data: await sandbox.disconnect(NETWORK, change) };
  },
});

/** @throws NetkitError SANDBOX_IN_USE: the container would go on without, and Docker not know of it */
async function refuseDockers(netkit: Netkit, sandbox: SandboxHandle, ref: string): Promise<void> {
  const { id, name: network, joins } = await netkit.networks.inspect(ref);
  const { name, endpoints } = await sandbox.inspect();
  const endpoint = endpoints.find((each) => each.network === id);
  if (endpoint === undefined || !isAnotherEngines(endpoint)) return;
  const way = disconnectInDocker(joins, name);
  throw new NetkitError("SANDBOX_IN_USE", `Docker has connected container '${name}' to network '${network}'`, {
    hint: `Have it do that: ${way}; or use force: netkit network disconnect -f ${network} ${name}`,
    details: { sandbox: name, network },
  });
}
