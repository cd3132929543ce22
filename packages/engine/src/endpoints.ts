import {
  familyOf,
  hasNames,
  ipOf,
  keyOf,
  NetkitError,
  parseIp,
  parseLinkName,
  parseMac,
  parseName,
  parseOptions,
  prefixLengthOf,
  type AnyDriver,
  type Cidr,
  type Endpoint,
  type EndpointAddress,
  type EndpointId,
  type Family,
  type Ip,
  type Namespace,
  type Network,
  type Owner,
  type PortSpec,
  type PublishedPort,
  type Resource,
  type Sandbox,
} from "@netkit/core";
import { allocateAddress, checkStaticAddress, macOfAddress } from "@netkit/ipam";
import type { EndpointRequest } from "./api.ts";
import type { Draft } from "./draft.ts";
import { giveBackPorts, portTaken, takePorts } from "./host-ports.ts";
import { newId } from "./new-id.ts";
import { endpointsOfNamespace, findNetwork, namespaceOf, networkOf, sandboxOf } from "./lookup.ts";
import { addressKeyOf, realise } from "./networks.ts";
import type { Context } from "./operation.ts";
import { resolvePorts, selectPorts } from "./ports.ts";
import { refreshFiles } from "./sandbox-files.ts";
import { keys, type AddressHolder } from "./state.ts";
import { checkResources, viewOf } from "./view.ts";

/** Attaches a sandbox to a network. */
export async function connect(
  context: Context,
  draft: Draft,
  sandbox: Sandbox,
  request: EndpointRequest,
): Promise<Endpoint> {
  const namespace = await ownNamespace(draft, sandbox, "connect");
  const found = await findNetwork(draft, request.network);
  const driver = await context.drivers.get(found.driver);
  const others = await endpointsOfNamespace(draft, namespace.id);
  await refuseMixture(context, draft, sandbox, namespace, found, driver, others);
  const network = found.realised ? found : await realise(context, draft, driver, found);

  const id = newId<EndpointId>();
  const addresses = await assignAddresses(draft, network, request, id);
  const inside = namespace.owner === "stranger" ? (await context.host.open()).look(namespace.path) : undefined;
  const endpoint: Endpoint = {
    id,
    network: network.id,
    sandbox: sandbox.id,
    namespace: namespace.id,
    created: new Date().toISOString(),
    ifName:
      driver.traits.namespace === "own" && !driver.traits.exclusive
        ? chooseIfName(request.ifName, others, inside?.links ?? [])
        : "",
    mac:
      request.mac === undefined
        ? macOfAddress(addresses[0] === undefined ? undefined : ipOf(addresses[0].address), id)
        : parseMac(request.mac),
    addresses,
    ports: await choosePorts(context, draft, driver, network, request.publish ?? [], []),
    aliases: (request.aliases ?? []).map((alias) => parseName("alias", alias)),
    defaultRoute: defaultRoutes(network, addresses, others, inside?.routes.map(({ destination }) => destination) ?? []),
    options: parseOptions(driver.endpointOptions, request.options ?? {}, `an endpoint of driver '${driver.name}'`),
  };
  await publishPorts(context, draft, endpoint.ports, endpoint.id);
  plan(context, draft, driver, network, sandbox, endpoint);
  draft.put(keys.attached(network.id, id), 1);
  draft.put(keys.member(namespace.id, id), 1);
  if (sandbox.names && hasNames(network)) draft.needsAgent = true;
  await refreshFiles(context, draft, sandbox, namespace);
  return endpoint;
}

/** Detaches a sandbox from a network; a default route moves to another endpoint that can carry it. */
export async function disconnect(context: Context, draft: Draft, sandbox: Sandbox, ref: string): Promise<Endpoint> {
  const { endpoint, network } = await findEndpoint(draft, sandbox, ref);
  draft.recovery = "finish";
  await detach(draft, endpoint, network);
  await passOnDefaultRoute(context, draft, endpoint);
  await refreshFiles(context, draft, sandbox, await namespaceOf(draft, sandbox.namespace));
  return endpoint;
}

/** Takes an endpoint away, whatever its sandbox looks like afterwards. */
export async function detach(draft: Draft, endpoint: Endpoint, network: Network): Promise<void> {
  const stored = await draft.owned(endpoint.id);
  draft.want(stored?.owner ?? { type: "endpoint", id: endpoint.id, name: network.name }, []);
  draft.delete(keys.endpoint(endpoint.id));
  draft.delete(keys.attached(network.id, endpoint.id));
  draft.delete(keys.member(endpoint.namespace, endpoint.id));
  for (const address of endpoint.addresses) draft.delete(addressKeyOf(network.id, ipOf(address.address)));
  await giveBackPorts(draft, endpoint.ports, endpoint.id);
}

export async function publish(
  context: Context,
  draft: Draft,
  sandbox: Sandbox,
  ref: string,
  specs: readonly (PortSpec | string)[],
): Promise<Endpoint> {
  const { endpoint, network } = await findEndpoint(draft, sandbox, ref);
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
  ref: string,
  specs: readonly (PortSpec | string)[],
): Promise<Endpoint> {
  const { endpoint, network } = await findEndpoint(draft, sandbox, ref);
  const driver = await context.drivers.get(network.driver);
  const gone = selectPorts(endpoint.ports, specs);
  const changed: Endpoint = { ...endpoint, ports: endpoint.ports.filter((port) => !gone.includes(port)) };
  plan(context, draft, driver, network, sandbox, changed);
  await giveBackPorts(draft, gone, endpoint.id);
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
  const all = [...ipv6Switch(endpoint, resources), ...resources];
  draft.want(owner, checkResources(driver, all, ["host", endpoint.namespace]));
  draft.put(keys.endpoint(endpoint.id), endpoint);
}

/**
 * An interface without an IPv6 address has no IPv6 at all, not even a link-local address, so that nothing gets round the
 * network's rules. A driver that wants it otherwise says so itself.
 */
function ipv6Switch({ ifName, namespace: ns, addresses }: Endpoint, resources: readonly Resource[]): Resource[] {
  if (ifName === "") return [];
  const on = addresses.some(({ address }) => familyOf(address) === "ipv6");
  const path = `net/ipv6/conf/${ifName}/disable_ipv6`;
  if (resources.some((resource) => resource.kind === "sysctl" && resource.ns === ns && resource.path === path))
    return [];
  if (on) return [{ kind: "sysctl", ns, path, value: "0" }];
  // Behind them, so that one batch makes all of it and asks whether anything is to be done here: it rarely is.
  const first = resources
    .filter(({ kind, ns: at }) => at === ns && (kind === "address" || kind === "route"))
    .map(keyOf);
  return [{ kind: "sysctl", ns, path, value: "1", dependsOn: first }];
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

async function refuseMixture(
  context: Context,
  draft: Draft,
  sandbox: Sandbox,
  namespace: Namespace,
  network: Network,
  driver: AnyDriver,
  others: readonly Endpoint[],
): Promise<void> {
  if (others.some((other) => other.network === network.id)) {
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
  for (const other of others) {
    const present = await networkOf(draft, other.network);
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

async function whereItIs(draft: Draft, endpoints: readonly Endpoint[]): Promise<string> {
  if (endpoints.length === 0) return "It is connected to no network.";
  const names = await Promise.all(endpoints.map(async (endpoint) => (await networkOf(draft, endpoint.network)).name));
  return `It is connected to ${names.map((name) => `'${name}'`).join(", ")}.`;
}

async function assignAddresses(
  draft: Draft,
  network: Network,
  request: EndpointRequest,
  id: EndpointId,
): Promise<EndpointAddress[]> {
  const wanted: Partial<Record<Family, Ip>> = {};
  for (const [family, text] of [
    ["ipv4", request.ip],
    ["ipv6", request.ip6],
  ] as const) {
    if (text === undefined) continue;
    const ip = parseIp(text);
    if (familyOf(ip) !== family) {
      throw new NetkitError("ADDRESS_INVALID", `${ip} is not an ${family === "ipv4" ? "IPv4" : "IPv6"} address`, {
        hint: `Give it with --${family === "ipv4" ? "ip6" : "ip"}.`,
      });
    }
    if (!network.subnets.some(({ subnet }) => familyOf(subnet) === family)) {
      throw new NetkitError(
        "ADDRESS_OUTSIDE",
        `network '${network.name}' has no ${family === "ipv4" ? "IPv4" : "IPv6"} subnet for ${ip}`,
      );
    }
    wanted[family] = ip;
  }
  const assigned: EndpointAddress[] = [];
  for (const family of ["ipv4", "ipv6"] as const) {
    const subnets = network.subnets.filter(({ subnet }) => familyOf(subnet) === family);
    if (subnets.length === 0) continue;
    const fixed = wanted[family];
    const { ip, subnet } =
      fixed === undefined
        ? await nextAddress(draft, network, subnets)
        : await staticAddress(draft, network, subnets, fixed);
    const { gateway } = subnet;
    assigned.push({
      address: `${ip}/${prefixLengthOf(subnet.subnet)}` as Cidr,
      ...(gateway === undefined ? {} : { gateway }),
    });
    draft.put(addressKeyOf(network.id, ip), { endpoint: id, ip } satisfies AddressHolder);
  }
  return assigned;
}

type Assigned = { ip: Ip; subnet: Network["subnets"][number] };

async function staticAddress(draft: Draft, network: Network, subnets: Network["subnets"], ip: Ip): Promise<Assigned> {
  const subnet = checkStaticAddress(subnets, ip);
  const holder = await draft.get<AddressHolder>(addressKeyOf(network.id, ip));
  if (holder === undefined) return { ip, subnet };
  const endpoint = await draft.get<Endpoint>(keys.endpoint(holder.endpoint));
  const name =
    endpoint === undefined ? "another endpoint" : `sandbox '${(await sandboxOf(draft, endpoint.sandbox)).name}'`;
  throw new NetkitError("ADDRESS_TAKEN", `address ${ip} is in use by ${name}`, {
    hint: "Choose another one, or leave it out to get a free one.",
    details: { address: ip, network: network.name },
  });
}

async function nextAddress(draft: Draft, network: Network, subnets: Network["subnets"]): Promise<Assigned> {
  let full: unknown;
  for (const subnet of subnets) {
    const prefix = keys.address(network.id, `${familyOf(subnet.subnet)}/`);
    const cursorKey = keys.cursor(network.id, subnet.subnet);
    try {
      const ip = await allocateAddress({
        subnet,
        cursor: await draft.get<Ip>(cursorKey),
        taken: async (from, limit) =>
          (await draft.range(prefix, { from: prefix + from, limit })).map(({ key }) => key.slice(prefix.length)),
      });
      draft.put(cursorKey, ip);
      return { ip, subnet };
    } catch (error) {
      full = error;
    }
  }
  throw full;
}

function chooseIfName(wanted: string | undefined, others: readonly Endpoint[], links: readonly string[]): string {
  const taken = new Set(["lo", ...links, ...others.map(({ ifName }) => ifName)]);
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

/** The families whose default route this endpoint gets: those that no other one has, where there is a way out. */
function defaultRoutes(
  network: Network,
  addresses: readonly EndpointAddress[],
  others: readonly Pick<Endpoint, "defaultRoute">[],
  present: readonly Cidr[],
): Family[] {
  if (network.internal) return [];
  const taken = new Set(others.flatMap(({ defaultRoute }) => defaultRoute));
  if (present.includes("0.0.0.0/0" as Cidr)) taken.add("ipv4");
  if (present.includes("::/0" as Cidr)) taken.add("ipv6");
  return addresses
    .filter(({ gateway }) => gateway !== undefined)
    .map(({ address }) => familyOf(address))
    .filter((family) => !taken.has(family));
}

async function passOnDefaultRoute(context: Context, draft: Draft, gone: Endpoint): Promise<void> {
  if (gone.defaultRoute.length === 0) return;
  let missing: readonly Family[] = gone.defaultRoute;
  for (const heir of await endpointsOfNamespace(draft, gone.namespace)) {
    const network = await networkOf(draft, heir.network);
    const gained = defaultRoutes(network, heir.addresses, [heir], []).filter((family) => missing.includes(family));
    if (gained.length === 0) continue;
    const driver = await context.drivers.find(network.driver);
    if (driver === undefined) continue;
    const sandbox = await sandboxOf(draft, heir.sandbox);
    plan(context, draft, driver, network, sandbox, { ...heir, defaultRoute: [...heir.defaultRoute, ...gained] });
    missing = missing.filter((family) => !gained.includes(family));
  }
}

async function choosePorts(
  { host, otherRoots, instance }: Context,
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
  const address = driver.publishAddress?.(viewOf(instance, network));
  return await resolvePorts({ draft, host, otherRoots }, specs, already, address);
}

/** Takes host ports, and looks again at the other roots' when those can't change any more. */
async function publishPorts(
  { host, otherRoots }: Context,
  draft: Draft,
  ports: readonly PublishedPort[],
  endpoint: EndpointId,
): Promise<void> {
  if (ports.length === 0) return;
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
