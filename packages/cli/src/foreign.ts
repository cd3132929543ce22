import type { Finding, Netkit } from "@netkit/engine";
import type { Terminal } from "./terminal.ts";

/** Says on stderr which of other people's rules drop the traffic of a sandbox that was just attached. */
export async function warnOfForeign(netkit: Netkit, sandbox: string, terminal: Terminal): Promise<void> {
  for (const finding of await netkit.foreign(sandbox)) process.stderr.write(`${warning(finding, terminal)}\n`);
}

function warning({ message, remedy = [] }: Finding, terminal: Terminal): string {
  return [
    `${terminal.err(["bold", "yellow"], "warning:")} ${message}`,
    ...(remedy.length === 0 ? [] : [`${terminal.err("cyan", "hint:")}    ${remedy.join("; ")}`]),
  ].join("\n");
}
