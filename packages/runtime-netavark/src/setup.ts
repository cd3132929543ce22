import { isNetkitError, NetkitError, resolverAddress, type Endpoint, type Network, type PortSpec } from "@netkit/core";
import type { EndpointRequest, Netkit, SandboxDetails } from "@netkit/engine";
import {
  connectFurther,
  findNetwork,
  madeInterface,
  placeOf,
  placePorts,
  refuseOtherNamespace,
  refuseSecond,
  refuseWithoutInterfaces,
  removeUnused,
} from "@netkit/runtime";
import { containerNamed, sandboxNames } from "./container.ts";
import { raiseLoopback } from "./interface.ts";
import { endpointLabels, sandboxLabels, tellsServer, withoutServer } from "./labels.ts";
import { isOwn, openNetwork, servesNames } from "./network.ts";
import type { NetworkOptions } from "./network-options.ts";
import { statusBlock, type StatusBlock } from "./status.ts";
import { publishedOf, wishesOf, type Wish } from "./wishes.ts";

/** Connects a container to its networks: all of them or none. What Podman is told, by what it calls the networks. */
export async function setup(
  netkit: Netkit,
  netns: string,
  options: NetworkOptions,
): Promise<Record<string, StatusBlock>> {
  const wishes = wishesOf(options);
  const publish = publishedOf(options);
  raiseLoopback(netns);
  // Whoever has flushed the host's rules has containers connected anew (podman network reload).
  await netkit.restoreFirewall();
  for (;;) {
    const found: Network[] = [];
    try {
      for (const { network } of wishes) found.push(await openNetwork(netkit, network));
      for (const network of found) await refuseWithoutInterfaces(netkit, network);
      refusePortsWithoutAddresses(found, publish);
      return await connect(netkit, netns, options, { wishes, found, publish });
    } catch (error) {
      // With the last container of another call a network has gone: it is made anew.
      if (isNetkitError(error) && error.code === "NETWORK_NOT_FOUND" && (await isGone(netkit, found))) continue;
      for (const network of found) if (isOwn(network)) await removeUnused(netkit, network);
      throw isNetkitError(error) && error.code === "ADDRESS_TAKEN" ? addressTaken(error, options) : error;
    }
  }
}

/** Podman may have chosen the address itself. What it had a live container connected to, it goes on believing in. */
function addressTaken(error: NetkitError, { container_name: name = "it" }: NetworkOptions): NetkitError {
  const hint = `Podman, which chose it unless it was asked for, knows nothing of netkit's: disconnect who has it, or name another one for '${name}': --ip ADDRESS. After 'podman network connect' first: podman network disconnect NETWORK ${name}`;
  return new NetkitError("ADDRESS_TAKEN", error.message, { hint, details: error.details, cause: error });
}

/**
 * One of Podman's without addresses may have been meant for a netkit network that isn't there any more.
 * @throws NetkitError UNSUPPORTED
 */
function refusePortsWithoutAddresses(found: readonly Network[], publish: readonly PortSpec[]): void {
  // Of a container that is on the wire itself Podman takes none anyway.
  const bare = found.find((network) => isOwn(network) && network.driver === "bridge" && network.subnets.length === 0);
  if (publish.length === 0 || bare === undefined || bare.options["unmanaged"] === true) return;
  if (found.some((network) => placeOf(network).families.length > 0)) return;
  const { name } = bare;
  throw new NetkitError("UNSUPPORTED", `a container on Podman's network '${name}' has no address to publish ports of`, {
    hint: `If netkit is to hand out addresses there, it has no network of that name any more: netkit network create ${name}`,
    details: { network: name },
  });
}

async function isGone(netkit: Netkit, found: readonly Network[]): Promise<boolean> {
  for (const network of found) if (isOwn(network) && (await findNetwork(netkit, network.id)) === undefined) return true;
  return false;
}

interface Asked {
  readonly wishes: readonly Wish[];
  readonly found: readonly Network[];
  readonly publish: readonly PortSpec[];
}

async function connect(
  netkit: Netkit,
  netns: string,
  options: NetworkOptions,
  { wishes, found, publish }: Asked,
): Promise<Record<string, StatusBlock>> {
  const teller = wishes.findIndex((wish, index) => isNamed(wish, found[index]));
  const requests = wishes.map((wish, index) => requestFor(wish, found[index], index === teller));
  const attached = await attach(netkit, netns, options, withPorts(requests, found, publish));
  return Object.fromEntries(
    wishes.map(({ network: podmans, request }) => {
      const endpoint = madeInterface(attached.endpoints, request.ifName ?? "");
      const servers = serversToTell(endpoint, attached, options);
      return [podmans.name, statusBlock(netns, { podmans, endpoint, servers })];
    }),
  );
}

function isNamed({ network: podmans }: Wish, found: Network | undefined): boolean {
  return found !== undefined && servesNames(podmans, found);
}

/** Podman writes down what it is told with each interface: netkit's name server is told of with one of them alone. */
function serversToTell(
  endpoint: Endpoint,
  { names, isTold }: Attached,
  { dns_servers: own = [] }: NetworkOptions,
): readonly string[] {
  if (tellsServer(endpoint)) return names ? [resolverAddress] : own;
  return isTold && names ? [] : own;
}

function requestFor(wish: Wish, found: Network | undefined, tells: boolean): EndpointRequest {
  const { aliases, ...others } = wish.request;
  return {
    ...others,
    ...(aliases !== undefined && isNamed(wish, found) ? { aliases } : {}),
    labels: endpointLabels(wish.network.name, tells),
    network: found?.id ?? "",
  };
}

function withPorts(
  requests: readonly EndpointRequest[],
  found: readonly Network[],
  specs: readonly PortSpec[],
): EndpointRequest[] {
  const placed = placePorts(
    specs,
    found.map((network) => placeOf(network)),
  );
  return requests.map((request, index) => {
    const { publish = [] } = placed[index] ?? {};
    return publish.length > 0 ? { ...request, publish } : request;
  });
}

interface Attached {
  readonly endpoints: readonly Endpoint[];
  readonly names: boolean;
  /** Podman has been told of netkit's name server, by now. */
  readonly isTold: boolean;
}

async function attach(
  netkit: Netkit,
  netns: string,
  options: NetworkOptions,
  networks: readonly EndpointRequest[],
): Promise<Attached> {
  const { container_id: id, dns_servers: given = [], network_info: known } = options;
  // Who names it before others asks netkit's name server, which asks those.
  const own = given.filter((server) => server !== resolverAddress);
  const servers = own.length > 0 ? own : networkServers(options, known);
  const labels = sandboxLabels(id, own.length > 0);
  const open = async (name: string): Promise<Attached> => {
    const opened = await netkit.sandboxes.open({ name, netns, networks, labels, dns: { servers } });
    const { endpoints, names } = await opened.inspect();
    return { endpoints, names, isTold: endpoints.some(tellsServer) };
  };
  const [name, other] = sandboxNames(options);
  try {
    return await open(name);
  } catch (error) {
    if (!isNetkitError(error) || (error.code !== "NAME_TAKEN" && error.code !== "NAMESPACE_ADOPTED")) throw error;
    const sandbox = await containerNamed(netkit, options);
    if (sandbox === undefined && error.code === "NAME_TAKEN") return await open(other);
    if (sandbox === undefined) throw error;
    if (sandbox.state !== "gone") return await join(netkit, netns, options, sandbox, networks);
    // Podman, or the host, has died without a teardown; the container is started anew.
    await netkit.sandboxes.remove(sandbox.id);
    return await attach(netkit, netns, options, networks);
  }
}

/** Those of its networks, each once. */
function networkServers({ networks }: NetworkOptions, known: NetworkOptions["network_info"]): string[] {
  return [...new Set(networks.flatMap(([name]) => known[name]?.network_dns_servers ?? []))];
}

/** Connects a container that is on other networks already. */
async function join(
  netkit: Netkit,
  netns: string,
  options: NetworkOptions,
  sandbox: SandboxDetails,
  networks: readonly EndpointRequest[],
): Promise<Attached> {
  refuseOtherNamespace(sandbox, netns, "teardown");
  for (const { ifName = "" } of networks) refuseSecond(sandbox, ifName, "teardown");
  const isTold = sandbox.endpoints.some(tellsServer);
  const requests = networks.map(({ gatewayPriority = 0, labels = {}, ...request }) => ({
    ...request,
    labels: isTold ? withoutServer(labels) : labels,
    // Behind those that it has with the same metric.
    gatewayPriority: gatewayPriority - sandbox.endpoints.length,
  }));
  const connected = await connectFurther(netkit, sandbox, requests, publishedOf(options));
  return { endpoints: connected, names: sandbox.names, isTold: isTold || connected.some(tellsServer) };
}
