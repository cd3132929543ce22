import { isNetkitError } from "@netkit/core";
import type { Netkit, NetworkDetails, NetworkJoin } from "@netkit/engine";
import type { NetworkName } from "./docker-api.ts";
import { ifThere, isGone } from "./gone.ts";

/** Whose networks these are, for people. */
export const engine = "Docker";

/** Remembers which dockerd has them: only that one's list can say that it has forgotten one. */
export async function noteDaemon(netkit: Netkit, daemon: string, listed: readonly NetworkName[]): Promise<void> {
  const ids = new Set(listed.map(({ id }) => id));
  for (const { network, join } of await dockersJoins(netkit))
    if (ids.has(join.id) && join.daemon !== daemon)
      await netkit.networks.join(network.id, { id: join.id, engine, daemon });
}

/**
 * Takes away what Docker has removed while nobody answered it: it forgets a network whatever it is told. What was there before
 * stays, as does what somebody else is on: it is netkit's own from now on.
 * @param listed all networks that it has
 */
export async function removeForgotten(netkit: Netkit, daemon: string, listed: readonly NetworkName[]): Promise<void> {
  const ids = new Set(listed.map(({ id }) => id));
  for (const { network, join } of await dockersJoins(netkit)) {
    if (ids.has(join.id) || join.daemon !== daemon) continue;
    await netkit.networks.leave(join.id);
    if (join.id !== network.id) continue;
    await netkit.networks.remove(network.id).catch((error: unknown) => {
      if (!isGone(error) && !(isNetkitError(error) && error.code === "NETWORK_IN_USE")) throw error;
    });
  }
}

interface Joined {
  readonly network: NetworkDetails;
  readonly join: NetworkJoin;
}

/** Networks of netkit's that are Docker's as well. */
export async function dockersJoins(netkit: Netkit): Promise<Joined[]> {
  const found: Joined[] = [];
  for (const { id } of await netkit.networks.list()) {
    const network = await ifThere(netkit.networks.inspect(id));
    for (const join of network?.joins ?? [])
      if (join.engine === engine && network !== undefined) found.push({ network, join });
  }
  return found;
}
