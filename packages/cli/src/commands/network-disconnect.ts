import { engineOf, NetkitError } from "@netkit/core";
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
    force: { short: "f", summary: "Take what another engine has connected off the network behind its back" },
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
    if (!options.force) await refuseEngines(netkit, sandbox, NETWORK);
    return { data: await sandbox.disconnect(NETWORK, change) };
  },
});

/** @throws NetkitError SANDBOX_IN_USE: the container would go on without, and its engine not know of it */
async function refuseEngines(netkit: Netkit, sandbox: SandboxHandle, ref: string): Promise<void> {
  const { id, name: network, joins, labels } = await netkit.networks.inspect(ref);
  const found = await sandbox.inspect();
  const { name } = found;
  const endpoint = found.endpoints.find((each) => each.network === id);
  if (endpoint === undefined) return;
  const engine = engineOf(found, endpoint);
  if (engine === undefined) return;
  const way = engine.disconnect(engine.namesOf({ joins, labels, endpoints: [endpoint] }), name);
  throw new NetkitError(
    "SANDBOX_IN_USE",
    `container '${name}' was connected to network '${network}' by ${engine.name}`,
    {
      hint: `Have it do that: ${way}; or use force: netkit network disconnect -f ${network} ${name}`,
      details: { sandbox: name, network },
    },
  );
}
