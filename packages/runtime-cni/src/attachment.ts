import type { EndpointDetails, Netkit, SandboxDetails } from "@netkit/engine";
import { findContainer as find } from "@netkit/runtime";
import { containerLabel, listLabel, sandboxName } from "./labels.ts";

/** The sandbox of a container; a sandbox of that name that no plugin has made is none. */
export async function findContainer(netkit: Netkit, containerId: string): Promise<SandboxDetails | undefined> {
  return await find(netkit, sandboxName(containerId), containerLabel, containerId);
}

/** The endpoint that a list of plugins has made as an interface of a container. */
export function findInterface(sandbox: SandboxDetails, list: string, ifName: string): EndpointDetails | undefined {
  return sandbox.endpoints.find((endpoint) => endpoint.ifName === ifName && endpoint.labels?.[listLabel] === list);
}
