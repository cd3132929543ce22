import { shortId } from "./ids.ts";
import type { Endpoint, Labels, Network } from "./model.ts";

/** Whether an endpoint is another engine's: one that takes its interface, or whose namespace it is in, and that removes it. */
export function isAnotherEngines(endpoint: {
  readonly handedOver?: boolean;
  readonly leavesDefaultRoute?: boolean;
}): boolean {
  return endpoint.handedOver === true || endpoint.leavesDefaultRoute === true;
}

const dockersLabel = "com.docker.network.id";

/** Says of a network which one of Docker's it is: its id there, and here. */
export function dockersLabels(id: string): Readonly<Record<string, string>> {
  return { [dockersLabel]: id };
}

/** Whether Docker has made the network, and goes on listing it when it is gone. */
export function isDockers({ id, labels }: Pick<Network, "id" | "labels">): boolean {
  return labels[dockersLabel] === id;
}

/** What of an endpoint, or of a request for one, says who connects it. */
interface Connected {
  readonly handedOver?: boolean;
  readonly leavesDefaultRoute?: boolean;
  readonly tunable?: boolean;
  readonly theirs?: unknown;
}

/** Whether it is of a container that an engine connects to netkit's networks, and disconnects: Docker, Podman, a runtime of CNI. */
export function isConnectedByEngine(endpoint: Connected): boolean {
  return isAnotherEngines(endpoint) || endpoint.theirs !== undefined || endpoint.tunable === true;
}

/** Of a sandbox: the id of the container that it is in Podman, and in a runtime of CNI. */
export const podmansContainerLabel = "netavark.container";
export const cniContainerLabel = "cni.container";
/** Of an endpoint: what Podman, and what a list of CNI plugins, call its network; also of a network that was made for Podman. */
export const podmansNetworkLabel = "netavark.network";
export const cniListLabel = "cni.network";

/** Who connects containers to netkit's networks and isn't told what others do to them: what users of it have to do there. */
export interface OtherEngine {
  readonly name: string;
  /** The names that a network has there. */
  readonly namesOf: (network: KnownThere) => readonly string[];
  /** @param networks the names that the network has there, of which some may be known */
  readonly connect: (networks: readonly string[], container: string, network: string) => string;
  readonly disconnect: (networks: readonly string[], container: string) => string;
  readonly remove: (containers: readonly string[]) => string;
}

/** Of a network and its endpoints what says how others call it. */
export interface KnownThere {
  readonly joins: readonly { readonly id: string }[];
  readonly labels: Labels;
  readonly endpoints: readonly Pick<Endpoint, "labels">[];
}

const docker: OtherEngine = {
  name: "Docker",
  namesOf: ({ joins, labels: { [dockersLabel]: own } }) => {
    const ids = joins.map(({ id }) => id);
    return [...new Set(own === undefined ? ids : [own, ...ids])].map(shortId);
  },
  ...commandsOf("docker", "-o netkit.network"),
};

const podman: OtherEngine = {
  name: "Podman",
  namesOf: (network) => labelled(network, podmansNetworkLabel),
  ...commandsOf("podman", "--ipam-driver none --label netkit.network"),
};

const cni: OtherEngine = {
  name: "a runtime of CNI",
  namesOf: (network) => labelled(network, cniListLabel),
  connect: () => "a further list of plugins when the container starts, or 'podman network connect' if that is Podman",
  disconnect: (networks, container) =>
    `${podman.disconnect(networks, container)}, if that is Podman; others do so when the container ends`,
  remove: (containers) => `what started ${containers.join(", ")} (podman, ctr, crictl) removes it`,
};

/** @param made the options that a network which is one of netkit's is made with, but for that one's name */
function commandsOf(command: string, made: string): Pick<OtherEngine, "connect" | "disconnect" | "remove"> {
  return {
    connect: ([known], container, network) =>
      known === undefined
        ? `'${command} network connect' to a network made with ${made}=${network}`
        : `${command} network connect ${known} ${container}`,
    disconnect: (networks, container) =>
      forEach(networks, (name) => `${command} network disconnect ${name} ${container}`),
    remove: (containers) => `${command} rm -f ${containers.join(" ")}`,
  };
}

/** The engine that has connected an endpoint of a sandbox; undefined: netkit has. */
export function engineOf({ labels }: { readonly labels: Labels }, endpoint: Connected): OtherEngine | undefined {
  if (!isConnectedByEngine(endpoint)) return undefined;
  if (isAnotherEngines(endpoint)) return docker;
  return labels[podmansContainerLabel] === undefined ? cni : podman;
}

function labelled({ labels, endpoints }: KnownThere, label: string): string[] {
  return [...new Set([labels[label], ...endpoints.map((each) => each.labels?.[label])].flatMap((name) => name ?? []))];
}

function forEach(networks: readonly string[], command: (network: string) => string): string {
  return (networks.length === 0 ? ["NETWORK"] : networks).map(command).join(", or ");
}
