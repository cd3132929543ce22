import type { Netkit } from "@netkit/engine";
import type { Terminal } from "./terminal.ts";
import { warn } from "./warning.ts";

/** Says on stderr which of other people's rules drop the traffic of a sandbox that was just attached. */
export async function warnOfForeign(netkit: Netkit, sandbox: string, terminal: Terminal): Promise<void> {
  for (const { message, remedy = [] } of await netkit.foreign(sandbox))
    warn(message, remedy.length === 0 ? undefined : remedy.join("; "), terminal);
}
