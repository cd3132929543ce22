import type { Netkit } from "@netkit/engine";
import { detach, staleAttachments } from "./attachment.ts";
import type { Configuration } from "./configuration.ts";

/** Removes what this list of plugins has attached and the runtime knows no more. One that can't be removed keeps none of the others. */
export async function collect(netkit: Netkit, configuration: Configuration): Promise<void> {
  const valid = configuration["cni.dev/valid-attachments"] ?? configuration["cni.dev/attachments"] ?? [];
  let failure: unknown;
  for (const { sandbox, endpoint } of await staleAttachments(netkit, configuration.name, valid)) {
    // One sandbox may have lost several interfaces: what is left of it is looked up each time.
    await detach(netkit, sandbox, endpoint).catch((error: unknown) => (failure ??= error));
  }
  if (failure !== undefined) throw failure;
}
