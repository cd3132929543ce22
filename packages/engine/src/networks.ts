import {
  commonNetworkOptions,
  familyOf,
  isNetkitError,
  NetkitError,
  parseName,
  parseOptions,
  shortId,
  type AnyDriver,
  type Ip,
  type Network,
  type NetworkId,
  type NetworkRoute,
  type OptionInput,
  type OptionSet,
  type Owner,
  type SubnetRequest,
} from "@netkit/core";
import { addressKey, planSubnets } from "@netkit/ipam";
import type { NetworkRequest } from "./api.ts";
import { takeClaim } from "./claims.ts";
import { parseSubnet, settingsOf, withSettings } from "./config-network.ts";
import type { Draft } from "./draft.ts";
import { hasInterfaces } from "./interface.ts";
import { refuseJoined } from "./network-joins.ts";
import { chosenId, newId } from "./new-id.ts";
import { parseRoutes } from "./network-routes.ts";
import type { Context } from "./operation.ts";
import { takePeerIn } from "./outside/peers.ts";
import { looksOutside, refuseSubnets, takePlace, type OutsideDriver } from "./outside/place.ts";
import { createGlobal } from "./shared/global-networks.ts";
import { keys } from "./state.ts";
import { chooseSubnets, subnetRules } from "./subnets.ts";
import { asked, resourcesOf, viewOf } from "./view.ts";

export function ownerOf({ id, name }: Network): Owner {
  return { type: "network", id, name };
}

/** Stores a network, and plans what this host has of it by its record. */
export function planNetwork(context: Context, draft: Draft, driver: AnyDriver, network: Network): void {
  const view = viewOf(context.instance, network);
  draft.want(
    ownerOf(network),
    resourcesOf(driver, () => driver.network(view), ["host"]),
  );
  draft.put(keys.network(network.id), network);
}

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
  const id = await chosenId<NetworkId>(draft, "a network", request.id, keys.network);
  await refuseJoined(draft, id);
  const subnets = (whole.subnets ?? []).map(parseSubnet);
  const options = withDefaults(driver, context.networkDefaults[driver.name] ?? {}, whole.options ?? {});
  const parse = (): NetworkRoute[] => parseRoutes(whole, subnets);
  const declared = checkTogether(
    () => declare(driver, { ...whole, options }, { subnets, id }),
    (made) => driver.traits.addresses === "none" || planSubnets(subnets, subnetRules(context, driver, made)),
    parse,
  );
  const routes = parse();
  const network: Network = routes.length === 0 ? declared : { ...declared, routes };
  const ipv4 = checkFamilies(driver, network, whole);
  const make = driver.scope === "global" ? createGlobal : realise;
  return await make(context, draft, driver, network, subnets, ipv4);
}

/**
 * Whether the network has IPv4.
 * @throws NetkitError ARGUMENT_INVALID, UNSUPPORTED where it would have no family and hasn't asked for that, or can't do without
 */
function checkFamilies(
  { traits, scope, outside, name: driver }: AnyDriver,
  { name, ipv6 }: Network,
  { addresses = true, ipv4 = true, subnets = [] }: NetworkRequest,
): boolean {
  if (!addresses) {
    if (ipv6 || subnets.length > 0) {
      throw new NetkitError("ARGUMENT_INVALID", `network '${name}' is to be without addresses, and to have subnets`, {
        hint: "Leave out one of them.",
      });
    }
    if (scope !== "global" && outside === undefined) return false;
    throw new NetkitError("UNSUPPORTED", `a network of driver '${driver}' can't be without addresses`, {
      hint: "Hosts find each other's sandboxes by them: give it a subnet.",
    });
  }
  if (!ipv4 && !ipv6 && traits.addresses !== "none") {
    throw new NetkitError("ARGUMENT_INVALID", `network '${name}' would have neither IPv4 nor IPv6`, {
      hint: "Turn one of them on: --ipv6 beside --ipv4=false.",
      details: { network: name },
    });
  }
  return ipv4;
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
  {
    subnets = [],
    predefined = false,
    id = newId<NetworkId>(),
  }: { subnets?: readonly SubnetRequest[]; predefined?: boolean; id?: NetworkId } = {},
): Network {
  if (request.internal === true && !driver.traits.internal) {
    throw new NetkitError("UNSUPPORTED", `driver '${driver.name}' has no internal networks`);
  }
  return {
    id,
    name: request.name,
    created: new Date().toISOString(),
    labels: request.labels ?? {},
    driver: driver.name,
    scope: driver.scope,
    predefined,
    internal: request.internal ?? false,
    ...(driver.traits.besideHost === true ? { besideHost: true } : {}),
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
  const queries = asked(driver, () => driver.facts?.(viewOf(instance, declared))) ?? [];
  const found = queries.length === 0 ? declared.facts : host.facts(queries);
  asked(driver, () => driver.check?.({ ...viewOf(instance, declared), facts: found }));
  // Which links there are was for the driver's errors: tomorrow there are others.
  const { names: _, ...facts } = found;
  const byLink = driver.defaultByLink?.(viewOf(instance, declared)) === true;
  const known: Network = { ...declared, facts, ...(byLink ? { defaultByLink: true } : {}) };
  const network = looksOutside(driver)
    ? await withPlace(context, draft, driver, known, requests, ipv4)
    : await withSubnets(context, draft, driver, known, requests, ipv4);
  planNetwork(context, draft, driver, network);
  draft.put(keys.networkName(network.name), network.id);
  return network;
}

async function withSubnets(
  context: Context,
  draft: Draft,
  driver: AnyDriver,
  known: Network,
  requests: readonly SubnetRequest[],
  ipv4: boolean,
): Promise<Network> {
  const ownLinks = driver.traits.subnetOfLink ? Object.keys(known.facts.links) : [];
  const subnets = await chooseSubnets(context, draft, driver, known, requests, ipv4, ownLinks);
  return await withClaims(context, draft, driver, { ...known, subnets });
}

/** Its claims come first: two of one host may not want one place. */
async function withPlace(
  context: Context,
  draft: Draft,
  driver: OutsideDriver,
  known: Network,
  requests: readonly SubnetRequest[],
  ipv4: boolean,
): Promise<Network> {
  refuseSubnets(driver, requests);
  const claimed = await withClaims(context, draft, driver, known);
  const { facts, subnets, peers } = await takePlace(context, draft, driver, claimed, ipv4);
  const ipv6 = subnets.some((subnet) => familyOf(subnet) === "ipv6");
  const placed: Network = { ...claimed, ipv6, facts: { ...claimed.facts, place: facts } };
  const wanted = subnets.map((subnet) => ({ subnet }));
  const network = { ...placed, subnets: await chooseSubnets(context, draft, driver, placed, wanted, true, []) };
  for (const [name, peer] of Object.entries(peers)) await takePeerIn(context, draft, driver, network, name, peer);
  draft.needsAgent = true;
  return network;
}

async function withClaims(context: Context, draft: Draft, driver: AnyDriver, network: Network): Promise<Network> {
  const claims: Record<string, string> = {};
  for (const claim of asked(driver, () => driver.claims?.(viewOf(context.instance, network))) ?? [])
    claims[claim.name] = await takeClaim(draft, claim, network);
  return { ...network, claims, realised: true };
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

/** @throws NetkitError NAME_TAKEN, NETWORK_PREDEFINED */
export async function refuseTaken(context: Context, draft: Draft, name: string): Promise<void> {
  const id = await draft.get<NetworkId>(keys.networkName(name));
  if (id === undefined) return;
  const existing = await draft.get<Network>(keys.network(id));
  if (existing?.predefined === true) {
    throw new NetkitError("NETWORK_PREDEFINED", `'${name}' is a predefined network and can't be created`, {
      hint: `It is there from the start: --network ${name}. Choose another name for one of your own.`,
      details: { name, id },
    });
  }
  const isTheirs = await draft.has(keys.joined(id));
  throw new NetkitError("NAME_TAKEN", `network '${name}' exists already`, {
    hint: `Choose another name, or remove it first: ${isTheirs ? `docker network rm ${shortId(id)}` : `netkit network rm ${name}`}`,
    details: { name, id, root: context.instance.root },
  });
}

/** The key of an address in use. Families sort apart, so that a range over one sees nothing of the other. */
export function addressKeyOf(network: NetworkId, ip: Ip): string {
  return keys.address(network, `${familyOf(ip)}/${addressKey(ip)}`);
}
