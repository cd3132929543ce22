import type { Labels } from "@netkit/core";
import type { EndpointDetails, Netkit, SandboxDetails } from "@netkit/engine";
import { findContainer as find } from "@netkit/runtime";
import { containerLabel, listLabel, sandboxNames } from "./labels.ts";

/** The sandbox of a container; a sandbox of that name that no plugin has made is none. */
export async function findContainer(netkit: Netkit, containerId: string): Promise<SandboxDetails | undefined> {
  return await find(netkit, sandboxNames(containerId), containerLabel, containerId);
}

/**
 * The ids of containers that have interfaces, or addresses, by plugins of netkit's, each once.
 * @param list those of this list alone
 */
export async function attachedContainers(netkit: Netkit, list?: string): Promise<string[]> {
  const isMeant = ({ labels }: { readonly labels?: Labels }): boolean =>
    labels?.[listLabel] !== undefined && (list === undefined || labels[listLabel] === list);
  const sandboxes = (await netkit.sandboxes.list()).filter(
    ({ labels, endpoints, state }) =>
      labels[containerLabel] !== undefined && state !== "gone" && endpoints.some(isMeant),
  );
  const networks = await Promise.all(
    (await netkit.networks.list()).map(async ({ id }) => await netkit.networks.inspect(id)),
  );
  const loans = networks.flatMap((network) => network.loans).filter(isMeant);
  return [...new Set([...sandboxes, ...loans].flatMap(({ labels }) => labels[containerLabel] ?? []))];
}

/** The endpoint that a list of plugins has made as an interface of a container. */
export function findInterface(sandbox: SandboxDetails, list: string, ifName: string): EndpointDetails | undefined {
  return sandbox.endpoints.find((endpoint) => endpoint.ifName === ifName && endpoint.labels?.[listLabel] === list);
}
