import { identityOf } from "@netkit/runtime";
import { cniCodes, CniError } from "./cni-error.ts";
import type { Environment } from "./environment.ts";

/**
 * A plugin that works on the namespace that it runs in has been called by mistake.
 * @throws CniError 8
 */
export function refuseOwnNamespace({ netns, mayBeOwn }: Environment): void {
  if (netns === "" || mayBeOwn) return;
  const identity = identityOf(netns);
  if (identity !== identityOf("/proc/thread-self/ns/net")) return;
  throw new CniError(
    cniCodes.invalidNamespace,
    "plugin's netns and netns from CNI_NETNS should not be the same",
    `${netns} is the namespace that the plugin runs in`,
  );
}
