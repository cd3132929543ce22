import { isAnotherEngines } from "@netkit/core";
import type { EndpointRequest } from "./api.ts";

/** What of an endpoint, or of a request for one, says who connects it. */
type Connected = Pick<EndpointRequest, "handedOver" | "leavesDefaultRoute" | "tunable"> & { readonly theirs?: unknown };

/** Whether it is of a container that an engine connects to netkit's networks, and disconnects: Docker, Podman, a runtime of CNI. */
export function isConnectedByEngine(endpoint: Connected): boolean {
  return isAnotherEngines(endpoint) || endpoint.theirs !== undefined || endpoint.tunable === true;
}
