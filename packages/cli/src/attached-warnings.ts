import type { Netkit } from "@netkit/engine";
import { hostLabels } from "./host-labels.ts";
import type { Terminal } from "./terminal.ts";
import { warn } from "./warning.ts";

/**
 * Says on stderr what may surprise of a sandbox that was just attached: which of other people's rules drop its traffic, and who
 * on other hosts goes by its name.
 */
export async function warnOfSurroundings(netkit: Netkit, sandbox: string, terminal: Terminal): Promise<void> {
  for (const { message, hint, remedy = [] } of await netkit.foreign(sandbox)) {
    const parts = [...(remedy.length === 0 ? [] : [remedy.join("; ")]), ...(hint === undefined ? [] : [hint])];
    warn(message, parts.length === 0 ? undefined : parts.join(". "), terminal);
  }
  const namesakes = await netkit.namesakes(sandbox);
  const labels = hostLabels(namesakes.map(({ host }) => host));
  for (const { network, host } of namesakes) {
    const message = `host ${labels(host)} has a sandbox of this name on network '${network}', too: the name leads to both`;
    warn(message, "Give one of them another name, or call it by an alias of its own (--alias).", terminal);
  }
}
