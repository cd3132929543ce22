import { isNetkitError } from "@netkit/core";
import type { EndpointDetails, Netkit, SandboxDetails } from "@netkit/engine";
import { containerLabel, listLabel, sandboxName } from "./labels.ts";

/** The sandbox of a container; a sandbox of that name that no plugin has made is none. */
export async function findContainer(netkit: Netkit, containerId: string): Promise<SandboxDetails | undefined> {
  try {
    const found = await (await netkit.sandboxes.get(sandboxName(containerId))).inspect();
    return found.labels[containerLabel] === containerId ? found : undefined;
  } catch (error) {
    // The name may be the prefix of several ids, too: it is nobody's name then.
    if (isNetkitError(error) && (error.code === "SANDBOX_NOT_FOUND" || error.code === "ID_AMBIGUOUS")) return undefined;
    throw error;
  }
}

/** The endpoint that a list of plugins has made as an interface of a container. */
export function findInterface(sandbox: SandboxDetails, list: string, ifName: string): EndpointDetails | undefined {
  return sandbox.endpoints.find((endpoint) => endpoint.ifName === ifName && endpoint.labels?.[listLabel] === list);
}

/** Removes an endpoint, and the sandbox with its last one. What somebody else has removed meanwhile is removed. */
export async function detach(netkit: Netkit, sandbox: SandboxDetails, endpoint: EndpointDetails): Promise<void> {
  try {
    const handle = await netkit.sandboxes.get(sandbox.id);
    if (sandbox.endpoints.some(({ id }) => id !== endpoint.id)) await handle.disconnect(endpoint.network);
    const { endpoints } = await handle.inspect();
    if (endpoints.every(({ id }) => id === endpoint.id)) await netkit.sandboxes.remove(sandbox.id);
  } catch (error) {
    if (!isNetkitError(error) || !["SANDBOX_NOT_FOUND", "ENDPOINT_NOT_FOUND"].includes(error.code)) throw error;
  }
}
