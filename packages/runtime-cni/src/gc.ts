import type { Netkit } from "@netkit/engine";
import { detach, forAll } from "@netkit/runtime";
import type { Configuration } from "./configuration.ts";
import { containerLabel } from "./labels.ts";
import { staleness } from "./valid-attachments.ts";

/** Removes what this list of plugins has attached and the runtime knows no more. One that can't be removed keeps none of the others. */
export async function collect(netkit: Netkit, configuration: Configuration): Promise<void> {
  const isStale = staleness(configuration);
  const stale = (await netkit.sandboxes.list()).flatMap((sandbox) => {
    const containerId = sandbox.labels[containerLabel];
    if (containerId === undefined) return [];
    return sandbox.endpoints
      .filter(({ labels, ifName }) => isStale(labels, containerId, ifName))
      .map((endpoint) => ({ sandbox, endpoint }));
  });
  // One sandbox may have lost several interfaces: what is left of it is looked up each time.
  await forAll(stale, async ({ sandbox, endpoint }) => await detach(netkit, sandbox, [endpoint]));
}
