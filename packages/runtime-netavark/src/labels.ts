import type { Labels } from "@netkit/core";

/** By these a sandbox, an endpoint and a network are known as Podman's. */
export const containerLabel = "netavark.container";
/** Of an endpoint, and of a network that was made for Podman: what Podman calls the network. */
export const networkLabel = "netavark.network";
/** Of a sandbox whose container has name servers of its own: those of its networks are no matter to it. */
const ownServersLabel = "netavark.own-dns";

/** Of a Podman network: the netkit network that its containers are on. */
export const joinLabel = "netkit.network";

export function sandboxLabels(containerId: string, hasOwnServers: boolean): Labels {
  return { [containerLabel]: containerId, ...(hasOwnServers ? { [ownServersLabel]: "true" } : {}) };
}

export function hasOwnServers(labels: Labels): boolean {
  return labels[ownServersLabel] !== undefined;
}
