import {
  commonNetworkOptions,
  familyOf,
  isNetkitError,
  NetkitError,
  parseName,
  parseOptions,
  type AnyDriver,
  type Claim,
  type Family,
  type Ip,
  type Network,
  type NetworkId,
  type NetworkRoute,
  type OptionInput,
  type OptionSet,
  type Owner,
  type Subnet,
  type SubnetRequest,
} from "@netkit/core";
import {
  addressKey,
  choosePool,
  defaultIpv4Pools,
  findOverlap,
  planSubnets,
  uniqueLocalPool,
  type SubnetRules,
} from "@netkit/ipam";
import type { NetworkRequest } from "./api.ts";
import { parseSubnet, refuseUsedSettings, settingsOf, withSettings } from "./config-network.ts";
import type { Draft } from "./draft.ts";
import { hostNameServers } from "./host-name-servers.ts";
import { hasInterfaces } from "./interface.ts";
import { newId } from "./new-id.ts";
import { endpointsOfNetwork, networkOf, sandboxOf } from "./lookup.ts";
import { parseRoutes } from "./network-routes.ts";
import type { Context } from "./operation.ts";
import { keys } from "./state.ts";
import { checkResources, viewOf } from "./view.ts";

const ownerOf = (network: Network): Owner => ({ type: "network", id: network.id, name: network.name });

/** A new network, with its kernel objects; settings for others (`configOnly`) have none. */
export async function createNetwork(context: Context, draft: Draft, request: NetworkRequest): Promise<Network> {
  const name = parseName("network", request.name);
  if (request.configOnly === true) {
    await refuseTaken(context, draft, name);
    return createSettings(draft, request);
  }
  const whole = await withSettings(draft, request);
  const driver = await context.drivers.get(whole.driver ?? "bridge");
  refuseSingletons(driver, name);
  await refuseTaken(context, draft, name);
  const subnets = (whole.subnets ?? []).map(parseSubnet);
  const options = withDefaults(driver, context.networkDefaults[driver.name] ?? {}, whole.options ?? {});
  const parse = (): NetworkRoute[] => parseRoutes(whole, subnets);
  const declared = checkTogether(
    () => declare(driver, { ...whole, options }, { subnets }),
    (made) => driver.traits.addresses === "none" || planSubnets(subnets, subnetRules(context, driver, made)),
    parse,
  );
  const routes = parse();
  const network: Network = routes.length === 0 ? declared : { ...declared, routes };
  return await realise(context, draft, driver, network, subnets, whole.ipv4);
}

function createSettings(draft: Draft, request: NetworkRequest): Network {
  const { name, labels = {}, ipv6 = false } = request;
  const network: Network = {
    id: newId<NetworkId>(),
    name,
    created: new Date().toISOString(),
    labels,
    driver: "null",
    scope: "local",
    predefined: false,
    internal: false,
    ipv6,
    configOnly: settingsOf(request),
    subnets: [],
    options: {},
    facts: { links: {} },
    claims: {},
    realised: true,
  };
  draft.put(keys.network(network.id), network);
  draft.put(keys.networkName(name), network.id);
  return network;
}

/** Options with the defaults of the configuration, where neither of an option's names was given. */
function withDefaults(driver: AnyDriver, defaults: OptionInput, given: OptionInput): OptionInput {
  const options = networkOptionsOf(driver);
  const nameOf = (key: string): string =>
    Object.keys(options).find((name) => name === key || options[name]?.aliases?.includes(key)) ?? key;
  const said = new Set(Object.keys(given).map(nameOf));
  return { ...Object.fromEntries(Object.entries(defaults).filter(([key]) => !said.has(nameOf(key)))), ...given };
}

function networkOptionsOf(driver: AnyDriver): OptionSet {
  return hasInterfaces(driver) ? { ...driver.options, ...commonNetworkOptions } : driver.options;
}

/** Refuses with all that is wrong, so that it can be corrected in one go. */
function checkTogether<T>(make: () => T, ...checks: ((made: T | undefined) => unknown)[]): T {
  const errors: NetkitError[] = [];
  const attempt = <R>(work: () => R): R | undefined => {
    try {
      return work();
    } catch (error) {
      if (!isNetkitError(error)) throw error;
      errors.push(error);
      return undefined;
    }
  };
  const made = attempt(make);
  for (const check of checks) attempt(() => check(made));
  const [first] = errors;
  if (first === undefined) return made as T;
  if (errors.length === 1) throw first;
  throw new NetkitError(first.code, errors.map(({ message }) => message).join("; "), {
    hint: errors.flatMap(({ hint }) => hint ?? []).join(" "),
    details: { failures: errors.map((error) => error.toJSON()) },
  });
}

/** The record of a network that has no kernel objects and no subnets yet. */
export function declare(
  driver: AnyDriver,
  request: Omit<NetworkRequest, "subnets">,
  { subnets = [], predefined = false }: { subnets?: readonly SubnetRequest[]; predefined?: boolean } = {},
): Network {
  if (request.internal === true && !driver.traits.internal) {
    throw new NetkitError("UNSUPPORTED", `driver '${driver.name}' has no internal networks`);
  }
  return {
    id: newId<NetworkId>(),
    name: request.name,
    created: new Date().toISOString(),
    labels: request.labels ?? {},
    driver: driver.name,
    scope: driver.scope,
    predefined,
    internal: request.internal ?? false,
    ...(request.configFrom === undefined ? {} : { configFrom: request.configFrom }),
    ipv6: (request.ipv6 ?? false) || subnets.some(({ subnet }) => subnet !== undefined && familyOf(subnet) === "ipv6"),
    subnets: [],
    options: parseOptions(networkOptionsOf(driver), request.options ?? {}, `driver '${driver.name}'`),
    facts: { links: {} },
    claims: {},
    realised: false,
  };
}

/** Gives a declared network its subnets, claims and kernel objects. */
export async function realise(
  context: Context,
  draft: Draft,
  driver: AnyDriver,
  declared: Network,
  requests: readonly SubnetRequest[] = [],
  ipv4 = true,
): Promise<Network> {
  const { instance } = context;
  const host = await context.host.open();
  const queries = driver.facts?.(viewOf(instance, declared)) ?? [];
  const facts = queries.length === 0 ? declared.facts : host.facts(queries);
  const ownLinks = driver.traits.subnetOfLink ? Object.keys(facts.links) : [];
  const subnets = await chooseSubnets(context, draft, driver, declared, requests, ipv4, ownLinks);
  const planned: Network = { ...declared, facts, subnets };
  const claims: Record<string, string> = {};
  for (const claim of driver.claims?.(viewOf(instance, planned)) ?? []) {
    const value = await takeClaim(draft, claim, planned);
    claims[claim.name] = value;
  }
  const network: Network = { ...planned, claims, realised: true };
  draft.want(ownerOf(network), checkResources(driver, driver.network(viewOf(instance, network)), ["host"]));
  draft.put(keys.network(network.id), network);
  draft.put(keys.networkName(network.name), network.id);
  return network;
}

/** @throws NetkitError NETWORK_PREDEFINED, NETWORK_IN_USE with the names of who uses it */
export async function removeNetwork(draft: Draft, network: Network): Promise<Network> {
  if (network.predefined) {
    throw new NetkitError("NETWORK_PREDEFINED", `network '${network.name}' is predefined and can't be removed`, {
      hint: "These can be removed: netkit network ls --filter type=custom",
    });
  }
  const endpoints = await endpointsOfNetwork(draft, network.id);
  if (endpoints.length > 0) {
    const names = await Promise.all(endpoints.map(async ({ sandbox }) => (await sandboxOf(draft, sandbox)).name));
    throw new NetkitError("NETWORK_IN_USE", `network '${network.name}' is in use by ${list(names)}`, {
      hint: howToFree(network, names),
      details: { network: network.name, sandboxes: names },
    });
  }
  await refuseUsedSettings(draft, network);
  draft.recovery = "finish";
  draft.want(ownerOf(network), []);
  draft.delete(keys.network(network.id));
  draft.delete(keys.networkName(network.name));
  for (const { subnet } of network.subnets) draft.delete(keys.cursor(network.id, subnet));
  if (Object.keys(network.claims).length > 0) {
    for (const { key, value } of await draft.range<NetworkId>("claim/")) if (value === network.id) draft.delete(key);
  }
  return network;
}

function howToFree({ name }: Network, users: readonly string[]): string {
  const [first = "", ...others] = users;
  const disconnect = `netkit network disconnect ${name} ${first}`;
  if (others.length === 0) return `Disconnect or remove first: ${disconnect}`;
  const all =
    users.length > 5
      ? `see which: netkit sandbox ls --filter network=${name}`
      : `all at once: netkit sandbox rm ${users.join(" ")}`;
  return `Disconnect each (${disconnect}) or remove them first; ${all}`;
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, 5).map((name) => `'${name}'`);
  return names.length > 5 ? `${shown.join(", ")} and ${names.length - 5} more` : shown.join(", ");
}

function refuseSingletons(driver: AnyDriver, name: string): void {
  if (driver.traits.namespace === "own" && !driver.traits.exclusive) return;
  throw new NetkitError(
    "UNSUPPORTED",
    `there is one network of driver '${driver.name}' only; '${name}' can't be another`,
    {
      hint:
        driver.traits.namespace === "joined"
          ? `Join a sandbox with --network ${driver.name}:SANDBOX.`
          : "Use the predefined one: 'netkit network ls' lists it.",
    },
  );
}

async function refuseTaken(context: Context, draft: Draft, name: string): Promise<void> {
  const id = await draft.get<NetworkId>(keys.networkName(name));
  if (id === undefined) return;
  const existing = await draft.get<Network>(keys.network(id));
  if (existing?.predefined === true) {
    throw new NetkitError("NETWORK_PREDEFINED", `'${name}' is a predefined network and can't be created`);
  }
  throw new NetkitError("NAME_TAKEN", `network '${name}' exists already`, {
    hint: `Choose another name, or remove it first: netkit network rm ${name}`,
    details: { name, id, root: context.instance.root },
  });
}

async function takeClaim(draft: Draft, claim: Claim, network: Network): Promise<string> {
  const isFree = async (value: string): Promise<boolean> => !(await draft.has(keys.claim(claim.space, value)));
  let value: string | undefined;
  if (claim.value !== undefined) {
    if (await isFree(claim.value)) value = claim.value;
  } else if (claim.range !== undefined) {
    for (let candidate = claim.range.first; candidate <= claim.range.last && value === undefined; candidate++) {
      if (await isFree(String(candidate))) value = String(candidate);
    }
  }
  if (value === undefined) {
    throw await claimTaken(draft, claim, network);
  }
  draft.put(keys.claim(claim.space, value), network.id);
  return value;
}

async function claimTaken(draft: Draft, claim: Claim, { name }: Network): Promise<NetkitError> {
  const { space, value, range } = claim;
  const details = { claim, network: name };
  const holder = value === undefined ? undefined : await draft.get<NetworkId>(keys.claim(space, value));
  if (holder === undefined) {
    const all = `${range?.first}-${range?.last}`;
    return new NetkitError("RESOURCE_CONFLICT", `each ${space} of ${all} is in use by another network`, {
      hint: "Remove networks that aren't needed: netkit network prune",
      details,
    });
  }
  const other = await networkOf(draft, holder);
  return new NetkitError("RESOURCE_CONFLICT", `${space} ${value} is in use by network '${other.name}'`, {
    hint: `Choose another one, or remove that network first: netkit network rm ${other.name}`,
    details: { ...details, holder: other.name },
  });
}

async function chooseSubnets(
  context: Context,
  draft: Draft,
  driver: AnyDriver,
  network: Network,
  requests: readonly SubnetRequest[],
  ipv4: boolean,
  ownLinks: readonly string[],
): Promise<readonly Subnet[]> {
  const { traits } = driver;
  if (traits.addresses === "none") {
    if (requests.length > 0) throw new NetkitError("UNSUPPORTED", `driver '${driver.name}' has no subnets`);
    return [];
  }
  const rules = subnetRules(context, driver, network);
  const asked = planSubnets(requests, rules);
  const families = wantedFamilies(driver, network, ipv4);
  const missing = families.filter((family) => !asked.some(({ subnet }) => familyOf(subnet) === family));

  const others = (await draft.range<Network>("network/")).map(({ value }) => value);
  const taken = others.flatMap(({ name, subnets }) =>
    subnets.map(({ subnet }) => ({ cidr: subnet, name: `network '${name}'` })),
  );
  const routes = (await context.host.open())
    .routes()
    .filter(({ link }) => !ownLinks.includes(link))
    .map(({ destination, link }) => ({
      cidr: destination,
      name: `the host's route ${destination}${link === "" ? "" : ` on ${link}`}`,
    }));
  for (const { subnet } of asked) {
    const overlap = findOverlap(subnet, taken) ?? findOverlap(subnet, routes);
    if (overlap === undefined) continue;
    throw new NetkitError("SUBNET_OVERLAP", `subnet ${subnet} overlaps ${overlap}`, {
      hint: "Choose another subnet, or leave it out to get a free one.",
      details: { subnet, overlaps: overlap },
    });
  }
  const nameServers = missing.length > 0 ? hostNameServers() : [];
  const chosen: SubnetRequest[] = missing.map((family) => ({
    subnet: choosePool({
      pools: family === "ipv4" ? defaultIpv4Pools : [uniqueLocalPool(context.instance.root + network.id)],
      taken: [...taken.map(({ cidr }) => cidr), ...asked.map(({ subnet }) => subnet)],
      // Behind a network of ours nobody would reach them any more.
      routes: [...routes.map(({ cidr }) => cidr), ...nameServers],
    }),
  }));
  return [...asked, ...planSubnets(chosen, rules)];
}

/** Without a network, its options being wrong, each family has gateways: most do. */
function subnetRules({ instance }: Context, driver: AnyDriver, network: Network | undefined): SubnetRules {
  const { families } = driver.traits;
  const gateways = network === undefined ? undefined : driver.gateways?.(viewOf(instance, network));
  return { families, gateways: gateways ?? families };
}

function wantedFamilies(driver: AnyDriver, network: Network, ipv4: boolean): Family[] {
  const wanted: Family[] = [...(ipv4 ? ["ipv4" as const] : []), ...(network.ipv6 ? ["ipv6" as const] : [])];
  if (wanted.length === 0) {
    throw new NetkitError("ARGUMENT_INVALID", `network '${network.name}' would have neither IPv4 nor IPv6`);
  }
  for (const family of wanted) {
    if (driver.traits.families.includes(family)) continue;
    throw new NetkitError(
      "UNSUPPORTED",
      `driver '${driver.name}' doesn't carry ${family === "ipv4" ? "IPv4" : "IPv6"}`,
    );
  }
  return wanted;
}

/** The key of an address in use. Families sort apart, so that a range over one sees nothing of the other. */
export function addressKeyOf(network: NetworkId, ip: Ip): string {
  return keys.address(network, `${familyOf(ip)}/${addressKey(ip)}`);
}
