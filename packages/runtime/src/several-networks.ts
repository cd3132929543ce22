import { isNetkitError, type Endpoint, type PortSpec } from "@netkit/core";
import type { ChangeOptions, EndpointDetails, EndpointRequest, Netkit, SandboxDetails } from "@netkit/engine";
import { detach } from "./containers.ts";
import { arrangePorts } from "./port-places.ts";

/** Connects a container that is on other networks already, and has its ports published on all of them: everything or nothing. */
export async function connectFurther(
  netkit: Netkit,
  { id, endpoints }: SandboxDetails,
  requests: readonly EndpointRequest[],
  specs: readonly PortSpec[],
  options: ChangeOptions = {},
): Promise<Endpoint[]> {
  const handle = await netkit.sandboxes.get(id);
  const connected: Endpoint[] = [];
  try {
    for (const request of requests) connected.push(await handle.connect({ ...request, publish: [] }, options));
    await arrangePorts(netkit, handle, [...endpoints, ...connected], specs);
  } catch (error) {
    for (const { network } of connected) await handle.disconnect(network);
    throw error;
  }
  return connected;
}

/** Takes a container off some of its networks, and has its ports published on those where it stays. */
export async function leave(
  netkit: Netkit,
  sandbox: SandboxDetails,
  going: readonly EndpointDetails[],
  specs: readonly PortSpec[],
): Promise<void> {
  await detach(netkit, sandbox, going);
  const staying = sandbox.endpoints.filter((endpoint) => !going.includes(endpoint));
  if (staying.length === 0) return;
  try {
    await arrangePorts(netkit, await netkit.sandboxes.get(sandbox.id), staying, specs);
  } catch (error) {
    // It has ended meanwhile.
    const codes = ["SANDBOX_NOT_FOUND", "ENDPOINT_NOT_FOUND", "NETWORK_NOT_FOUND"];
    if (!isNetkitError(error) || !codes.includes(error.code)) throw error;
  }
}
