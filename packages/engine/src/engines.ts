import { isAnotherEngines, type Endpoint } from "@netkit/core";

/** Whether it is of a container that an engine connects to netkit's networks, and disconnects: Docker, Podman, a runtime of CNI. */
export function isConnectedByEngine(endpoint: Endpoint): boolean {
  return isAnotherEngines(endpoint) || endpoint.theirs !== undefined || endpoint.tunable === true;
}
