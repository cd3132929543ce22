import { idsInDocker, isDockers, isNetkitError, NetkitError, shortId } from "@netkit/core";
import type { Netkit } from "@netkit/engine";
import { command, type Command } from "../command.ts";
import { removal, removed } from "../removal.ts";

export const networkRm: Command = command({
  name: "network rm",
  summary: "Remove networks that nothing is connected to",
  arguments: { NETWORK: { many: true, summary: "Name, id or unique prefix of an id", complete: "network" } },
  options: {
    force: {
      short: "f",
      summary: "No error for a network that isn't there; one that Docker has made or joined goes, too",
    },
  },
  examples: [
    { line: "netkit network rm web db", summary: "Both; goes on after a failure" },
    { line: "netkit network rm --dry-run web", summary: "What would be removed from the kernel" },
  ],
  changes: true,
  async run({ open, options, arguments: { NETWORK }, change, terminal }) {
    const netkit = await open();
    const gone = await terminal.progress("removing networks", () =>
      removal(NETWORK, async (ref) => {
        if (!options.force) await refuseDockers(netkit, ref);
        return await netkit.networks.remove(ref, change);
      }),
    );
    return removed(gone, options.force ? "NETWORK_NOT_FOUND" : undefined);
  },
});

/** @throws NetkitError NETWORK_IN_USE: Docker would go on with a network that isn't there */
async function refuseDockers(netkit: Netkit, ref: string): Promise<void> {
  // Why it isn't found is told by its removal, to which predefined networks are none.
  const network = await netkit.networks.inspect(ref).catch((error: unknown) => {
    if (!isNetkitError(error)) throw error;
  });
  if (network === undefined) return;
  const { name, joins } = network;
  const theirs = idsInDocker(network, joins);
  if (theirs.length === 0) return;
  const what = isDockers(network) ? "is Docker's" : "is one of Docker's, too";
  throw new NetkitError("NETWORK_IN_USE", `network '${name}' ${what}`, {
    hint: `Remove it there: docker network rm ${theirs.map(shortId).join(" ")}. Where Docker has it no more: netkit network rm -f ${name}`,
    details: { network: name },
  });
}
