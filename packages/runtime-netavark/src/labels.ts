import {
  podmansContainerLabel as containerLabel,
  podmansNetworkLabel as networkLabel,
  type Labels,
} from "@netkit/core";

/** By these a sandbox, an endpoint and a network are known as Podman's. */
export { containerLabel, networkLabel };

/** Of a sandbox whose container has name servers of its own: those of its networks are no matter to it. */
const ownServersLabel = "netavark.own-dns";
/** Of the endpoint that Podman was told with where names are served: once for a container, for it writes all that it is told. */
const serverLabel = "netavark.dns";

/** Of a Podman network: the netkit network that its containers are on. */
export const joinLabel = "netkit.network";

export function sandboxLabels(containerId: string, hasOwnServers: boolean): Labels {
  return { [containerLabel]: containerId, ...(hasOwnServers ? { [ownServersLabel]: "true" } : {}) };
}

export function endpointLabels(network: string, tells = false): Labels {
  return { [networkLabel]: network, ...(tells ? { [serverLabel]: "true" } : {}) };
}

export function tellsServer({ labels = {} }: { readonly labels?: Labels | undefined }): boolean {
  return labels[serverLabel] !== undefined;
}

export function withoutServer(labels: Labels): Labels {
  return Object.fromEntries(Object.entries(labels).filter(([key]) => key !== serverLabel));
}

export function hasOwnServers(labels: Labels): boolean {
  return labels[ownServersLabel] !== undefined;
}
