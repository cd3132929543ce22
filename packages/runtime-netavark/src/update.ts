import { isNetkitError } from "@netkit/core";
import type { Netkit } from "@netkit/engine";
import { forAll } from "@netkit/runtime";
import { hasOwnServers, networkLabel } from "./labels.ts";

/** Has the containers on a network ask other name servers for what nobody on it is called; none: those of the host. */
export async function update(netkit: Netkit, network: string, servers: readonly string[]): Promise<void> {
  const asking = (await netkit.sandboxes.list()).filter(
    ({ labels, endpoints }) =>
      !hasOwnServers(labels) && endpoints.some((endpoint) => endpoint.labels?.[networkLabel] === network),
  );
  await forAll(asking, async ({ id }) => {
    try {
      await (await netkit.sandboxes.get(id)).setNameServers(servers);
    } catch (error) {
      // It has ended meanwhile.
      if (!isNetkitError(error) || error.code !== "SANDBOX_NOT_FOUND") throw error;
    }
  });
}
