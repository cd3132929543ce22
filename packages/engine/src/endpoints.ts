import {
  familyOf,
  hasNames,
  ipOf,
  NetkitError,
  parseLinkName,
  parseMac,
  parseName,
  prefixLengthOf,
  type AnyDriver,
  type Endpoint,
  type EndpointId,
  type Family,
  type Namespace,
  type Network,
  type Owner,
  type PortSpec,
  type PublishedPort,
  type Sandbox,
} from "@netkit/core";
import { macOfAddress } from "@netkit/ipam";
import { assignAddresses, takeLinkLocal } from "./addresses.ts";
import { planAnnouncement } from "./announcements.ts";
import type { EndpointRequest } from "./api.ts";
import { chooseDefaultRoutes, type Attached } from "./default-route.ts";
import type { Draft } from "./draft.ts";
import { describePort, giveBackPorts, portTaken, takePorts } from "./host-ports.ts";
import { hasInterfaces, readInterface, withInterface } from "./interface.ts";
import { newId } from "./new-id.ts";
import { endpointsOfNamespace, findNetwork, namespaceOf, networkOf, sandboxOf } from "./lookup.ts";
import { addressKeyOf, realise } from "./networks.ts";
import type { Context } from "./operation.ts";
import { networkThatPublishes, networkToPublishOn } from "./port-network.ts";
import { resolvePorts, selectPorts } from "./ports.ts";
import { routedPorts } from "./routed-ports.ts";
import { refreshFiles } from "./sandbox-files.ts";
import { keys } from "./state.ts";
import { checkResources, viewOf } from "./view.ts";

/** Attaches a sandbox to a network. The default route goes to the endpoint that it suits best: perhaps the new one. */
export async function connect(
  context: Context,
  draft: Draft,
  sandbox: Sandbox,
  request: EndpointRequest,
): Promise<Endpoint> {
  const namespace = await ownNamespace(draft, sandbox, "connect");
  const found = await findNetwork(draft, request.network);
  if (found.configOnly !== undefined) {
    throw new NetkitError("UNSUPPORTED", `'${found.name}' holds settings for networks and is none itself`, {
      hint: `Create one from it: netkit network create --config-from ${found.name} NAME`,
    });
  }
  const driver = await context.drivers.get(found.driver);
  const others = await attachedTo(draft, namespace);
  await refuseMixture(context, sandbox, namespace, found, driver, others);
  const { ifName, families, sysctls, gatewayPriority, options } = readInterface(driver, found, request);
  const aliases = parseAliases(found, request.aliases ?? []);
  const network = found.realised ? found : await realise(context, draft, driver, found);

  const id = newId<EndpointId>();
  const { addresses, reused } = await assignAddresses(draft, network, request, id, families);
  const linkLocal = await takeLinkLocal(draft, network, request.linkLocal ?? [], id, families);
  const inside = namespace.owner === "stranger" ? (await context.host.open()).look(namespace.path) : undefined;
  const endpoint: Endpoint = {
    id,
    network: network.id,
    sandbox: sandbox.id,
    namespace: namespace.id,
    created: momentAfter(others),
    ifName: hasInterfaces(driver) ? chooseIfName(ifName, others, inside?.links ?? []) : "",
    mac:
      request.mac === undefined
        ? macOfAddress(addresses[0] === undefined ? undefined : ipOf(addresses[0].address), id)
        : parseMac(request.mac),
    addresses,
    ports: await choosePorts(context, draft, driver, network, request.publish ?? [], []),
    aliases,
    defaultRoute: [],
    ...(gatewayPriority === 0 ? {} : { gatewayPriority }),
    ...(linkLocal.length === 0 ? {} : { linkLocal }),
    ...(Object.keys(sysctls).length === 0 ? {} : { sysctls }),
    options,
  };
  await publishPorts(context, draft, endpoint.ports, endpoint.id);
  // A default route of somebody else's stays.
  const theirs = (inside?.routes ?? [])
    .filter(({ destination }) => prefixLengthOf(destination) === 0)
    .map(({ destination }) => familyOf(destination));
  const open = (["ipv4", "ipv6"] as const).filter((family) => !theirs.includes(family));
  const moved = await moveDefaultRoutes(context, draft, [...others, { endpoint, network }], open);
  const connected = moved.find((changed) => changed.id === id) ?? endpoint;
  if (connected === endpoint) plan(context, draft, driver, network, sandbox, endpoint);
  planAnnouncement(draft, network, connected, reused);
  draft.put(keys.attached(network.id, id), 1);
  draft.put(keys.member(namespace.id, id), 1);
  if (sandbox.names && hasNames(network)) draft.needsAgent = true;
  await refreshFiles(context, draft, sandbox, namespace);
  return connected;
}

/** @throws NetkitError UNSUPPORTED: as in Docker, the predefined networks have no names beside those of sandboxes */
function parseAliases({ name, predefined }: Network, aliases: readonly string[]): string[] {
  if (predefined && aliases.length > 0) {
    throw new NetkitError("UNSUPPORTED", `network '${name}' is predefined and has no aliases`, {
      hint: "Create a network of your own for that: netkit network create",
      details: { network: name, aliases },
    });
  }
  return aliases.map((alias) => parseName("alias", alias));
}

/** Detaches a sandbox from a network; a default route moves to another endpoint that can carry it. */
export async function disconnect(context: Context, draft: Draft, sandbox: Sandbox, ref: string): Promise<Endpoint> {
  const { endpoint, network } = await findEndpoint(draft, sandbox, ref);
  draft.recovery = "finish";
  await detach(draft, endpoint, network);
  const namespace = await namespaceOf(draft, sandbox.namespace);
  await moveDefaultRoutes(context, draft, await attachedTo(draft, namespace), endpoint.defaultRoute);
  await refreshFiles(context, draft, sandbox, namespace);
  return endpoint;
}

/** Takes an endpoint away, whatever its sandbox looks like afterwards. */
export async function detach(draft: Draft, endpoint: Endpoint, network: Network): Promise<void> {
  const stored = await draft.owned(endpoint.id);
  draft.want(stored?.owner ?? { type: "endpoint", id: endpoint.id, name: network.name }, []);
  draft.delete(keys.endpoint(endpoint.id));
  draft.delete(keys.attached(network.id, endpoint.id));
  draft.delete(keys.member(endpoint.namespace, endpoint.id));
  for (const address of [...endpoint.addresses.map((assigned) => assigned.address), ...(endpoint.linkLocal ?? [])])
    draft.delete(addressKeyOf(network.id, ipOf(address)));
  await giveBackPorts(draft, endpoint.ports, endpoint.id);
}

export async function publish(
  context: Context,
  draft: Draft,
  sandbox: Sandbox,
  ref: string | undefined,
  specs: readonly (PortSpec | string)[],
): Promise<Endpoint> {
  const on = ref ?? (await networkToPublishOn(context, draft, sandbox));
  const { endpoint, network } = await findEndpoint(draft, sandbox, on);
  const driver = await context.drivers.get(network.driver);
  const added = await choosePorts(context, draft, driver, network, specs, endpoint.ports);
  const changed: Endpoint = { ...endpoint, ports: [...endpoint.ports, ...added] };
  await publishPorts(context, draft, added, endpoint.id);
  plan(context, draft, driver, network, sandbox, changed);
  return changed;
}

export async function unpublish(
  context: Context,
  draft: Draft,
  sandbox: Sandbox,
  ref: string | undefined,
  specs: readonly (PortSpec | string)[],
): Promise<Endpoint> {
  const on = ref ?? (await networkThatPublishes(draft, sandbox, specs));
  const { endpoint, network } = await findEndpoint(draft, sandbox, on);
  const driver = await context.drivers.get(network.driver);
  const gone = new Set(selectPorts(endpoint.ports, specs));
  const changed: Endpoint = { ...endpoint, ports: endpoint.ports.filter((port) => !gone.has(port)) };
  plan(context, draft, driver, network, sandbox, changed);
  await giveBackPorts(draft, [...gone], endpoint.id);
  return changed;
}

/** Records the endpoint, and what its driver says that this host must hold for it. */
function plan(
  context: Context,
  draft: Draft,
  driver: AnyDriver,
  network: Network,
  sandbox: Sandbox,
  endpoint: Endpoint,
): void {
  const resources = driver.endpoint({
    network: viewOf(context.instance, network),
    id: endpoint.id,
    name: sandbox.name,
    namespace: endpoint.namespace,
    ifName: endpoint.ifName,
    mac: endpoint.mac,
    addresses: endpoint.addresses,
    ports: endpoint.ports,
    defaultRoute: endpoint.defaultRoute,
    options: endpoint.options,
  });
  const owner: Owner = { type: "endpoint", id: endpoint.id, name: `${sandbox.name}@${network.name}` };
  const all = withInterface(endpoint, checkResources(driver, resources, ["host", endpoint.namespace]));
  draft.want(owner, all);
  draft.put(keys.endpoint(endpoint.id), endpoint);
}

/** The namespace that a sandbox may attach something to: a joined one leaves that to the first member. */
async function ownNamespace(draft: Draft, sandbox: Sandbox, what: string): Promise<Namespace> {
  const namespace = await namespaceOf(draft, sandbox.namespace);
  draft.namespaces.set(namespace.id, namespace.path);
  const holder = namespace.members[0];
  if (holder !== undefined && holder !== sandbox.id) {
    const { name } = await sandboxOf(draft, holder);
    throw new NetkitError(
      "UNSUPPORTED",
      `sandbox '${sandbox.name}' shares the network of '${name}' and can't ${what} itself`,
      {
        hint: `Do it with '${name}'; both see it.`,
        details: { sandbox: sandbox.name, holder: name },
      },
    );
  }
  return namespace;
}

/** The endpoints of a namespace with their networks, in the order in which they were made. */
async function attachedTo(draft: Draft, namespace: Namespace): Promise<Attached[]> {
  const endpoints = await endpointsOfNamespace(draft, namespace.id);
  return await Promise.all(
    endpoints.map(async (endpoint) => ({ endpoint, network: await networkOf(draft, endpoint.network) })),
  );
}

async function refuseMixture(
  context: Context,
  sandbox: Sandbox,
  namespace: Namespace,
  network: Network,
  driver: AnyDriver,
  others: readonly Attached[],
): Promise<void> {
  if (others.some((other) => other.network.id === network.id)) {
    throw new NetkitError(
      "ENDPOINT_EXISTS",
      `sandbox '${sandbox.name}' is already connected to network '${network.name}'`,
      {
        hint: `Disconnect it first: netkit network disconnect ${network.name} ${sandbox.name}`,
      },
    );
  }
  if ((driver.traits.namespace === "host") !== (namespace.owner === "host")) {
    const where = namespace.owner === "host" ? "lives in the host's namespace" : "has a namespace of its own";
    throw new NetkitError(
      "UNSUPPORTED",
      `sandbox '${sandbox.name}' ${where} and can't be connected to network '${network.name}'`,
      {
        hint: "Make a new sandbox on that network.",
      },
    );
  }
  for (const { network: present } of others) {
    const alone = driver.traits.exclusive
      ? network
      : (await context.drivers.find(present.driver))?.traits.exclusive === true
        ? present
        : undefined;
    if (alone === undefined) continue;
    throw new NetkitError(
      "UNSUPPORTED",
      `sandbox '${sandbox.name}' is on network '${present.name}', and '${alone.name}' goes with no other one`,
      {
        hint: `Disconnect it first: netkit network disconnect ${present.name} ${sandbox.name}`,
      },
    );
  }
}

async function findEndpoint(
  draft: Draft,
  sandbox: Sandbox,
  ref: string,
): Promise<{ endpoint: Endpoint; network: Network }> {
  const network = await findNetwork(draft, ref);
  const namespace = await ownNamespace(draft, sandbox, "change that");
  const endpoints = await endpointsOfNamespace(draft, namespace.id);
  const endpoint = endpoints.find((candidate) => candidate.network === network.id);
  if (endpoint === undefined) {
    throw new NetkitError(
      "ENDPOINT_NOT_FOUND",
      `sandbox '${sandbox.name}' is not connected to network '${network.name}'`,
      { hint: await whereItIs(draft, endpoints) },
    );
  }
  return { endpoint, network };
}

/** Now, or a millisecond after the sandbox's latest endpoint: their order is the order in which they were made. */
function momentAfter(others: readonly Attached[]): string {
  const latest = Math.max(...others.map(({ endpoint }) => Date.parse(endpoint.created)), 0);
  return new Date(Math.max(Date.now(), latest + 1)).toISOString();
}

async function whereItIs(draft: Draft, endpoints: readonly Endpoint[]): Promise<string> {
  if (endpoints.length === 0) return "It is connected to no network.";
  const names = await Promise.all(endpoints.map(async (endpoint) => (await networkOf(draft, endpoint.network)).name));
  return `It is connected to ${names.map((name) => `'${name}'`).join(", ")}.`;
}

function chooseIfName(wanted: string | undefined, others: readonly Attached[], links: readonly string[]): string {
  const taken = new Set(["lo", ...links, ...others.map(({ endpoint }) => endpoint.ifName)]);
  if (wanted !== undefined) {
    const name = parseLinkName(wanted);
    if (!taken.has(name)) return name;
    throw new NetkitError("LINK_TAKEN", `the sandbox already has an interface '${name}'`, {
      hint: "Choose another --ifname, or leave it out.",
    });
  }
  let number = 0;
  while (taken.has(`eth${number}`)) number++;
  return `eth${number}`;
}

/**
 * Gives the default routes of a namespace to the endpoints that they suit best, and plans those for which that changes.
 * An endpoint whose driver can't be had keeps what it has.
 * @param open families whose route may be given to one of them, beside those that one of them has
 */
async function moveDefaultRoutes(
  context: Context,
  draft: Draft,
  attached: readonly Attached[],
  open: readonly Family[],
): Promise<Endpoint[]> {
  const drivers = new Map<Attached, AnyDriver>();
  for (const one of attached) {
    const driver = await context.drivers.find(one.network.driver);
    if (driver !== undefined) drivers.set(one, driver);
  }
  const kept = attached.filter((one) => !drivers.has(one)).flatMap(({ endpoint }) => endpoint.defaultRoute);
  const ours = [...open, ...attached.flatMap(({ endpoint }) => endpoint.defaultRoute)];
  const families = (["ipv4", "ipv6"] as const).filter((family) => ours.includes(family) && !kept.includes(family));
  const chosen = chooseDefaultRoutes([...drivers.keys()], families);
  const changed: Endpoint[] = [];
  for (const [{ endpoint, network }, driver] of drivers) {
    const defaultRoute = chosen.get(endpoint.id) ?? [];
    if (defaultRoute.join() === endpoint.defaultRoute.join()) continue;
    const moved: Endpoint = { ...endpoint, defaultRoute };
    plan(context, draft, driver, network, await sandboxOf(draft, endpoint.sandbox), moved);
    changed.push(moved);
  }
  return changed;
}

async function choosePorts(
  { host, otherRoots, instance, agent }: Context,
  draft: Draft,
  driver: AnyDriver,
  network: Network,
  specs: readonly (PortSpec | string)[],
  already: readonly PublishedPort[],
): Promise<PublishedPort[]> {
  if (specs.length > 0 && !driver.traits.publish) {
    throw new NetkitError(
      "UNSUPPORTED",
      `ports can't be published on network '${network.name}' (driver '${driver.name}')`,
      {
        hint:
          driver.traits.namespace === "host"
            ? "The sandbox uses the host's ports as they are."
            : "Connect it to a bridge network for that.",
      },
    );
  }
  const view = viewOf(instance, network);
  if (driver.hostPorts?.(view) === false) return routedPorts(network.name, specs, already);
  const address = driver.publishAddress?.(view);
  const ports = await resolvePorts({ draft, host, otherRoots }, specs, already, address);
  for (const port of ports) if (isPassedOn(port)) refuseUnserved(port, agent !== undefined);
  return ports;
}

/** NAT can't serve it: the agent passes on what comes to it. */
function isPassedOn({ hostAddress }: PublishedPort): boolean {
  return hostAddress === "::1";
}

/** @throws NetkitError UNSUPPORTED */
function refuseUnserved(port: PublishedPort, hasAgent: boolean): void {
  if (hasAgent && port.protocol !== "sctp") return;
  const why = hasAgent
    ? "the agent passes on TCP and UDP alone"
    : "NAT doesn't reach it, and no agent is to be started";
  throw new NetkitError("UNSUPPORTED", `port ${describePort(port)} can't be published: ${why}`, {
    hint: "Publish it on 127.0.0.1 for the host alone, or on another IPv6 address of the host.",
    details: { port },
  });
}

/** Takes ports of the host, and looks again at the other roots' when those can't change any more. */
async function publishPorts(
  { host, otherRoots }: Context,
  draft: Draft,
  published: readonly PublishedPort[],
  endpoint: EndpointId,
): Promise<void> {
  const ports = published.filter(({ routed }) => routed !== true);
  if (ports.length === 0) return;
  if (ports.some(isPassedOn)) draft.needsAgent = true;
  await takePorts(draft, ports, endpoint);
  draft.holding(async () => {
    const { cookie } = await host.open();
    const excluded = await otherRoots.exclude(cookie);
    const clash = await otherRoots.findClash(cookie, ports);
    if (clash === undefined) return excluded;
    excluded[Symbol.dispose]();
    throw portTaken(clash.port, clash.who);
  });
}
