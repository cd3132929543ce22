import type { Netkit } from "@netkit/engine";
import type { Terminal } from "./terminal.ts";
import { warn } from "./warning.ts";

/** Says on stderr why what is shown of other hosts may be out of date. Whether it is. */
export async function warnIfOutOfTouch(netkit: Netkit, terminal: Terminal): Promise<boolean> {
  const apart = await netkit.outOfTouch();
  if (apart !== undefined) warn(apart.message, apart.hint, terminal);
  return apart !== undefined;
}
