import { parseCidr, subnetOf, type Cidr } from "@netkit/core";
import * as z from "zod";
import { decode, networkSchema, unreadable, type PodmanNetwork } from "./network-options.ts";
import { isPlugins } from "./plugins.ts";
import { refusal } from "./refusal.ts";
import { addressOf, checkSubnets, completeSubnet, freeIpv6Subnet, freeSubnet, type SubnetPool } from "./subnets.ts";

/** What Podman says of a network that it wants to have, and of those that it has. */
export interface NetworkWish {
  readonly network: PodmanNetwork;
  readonly used: {
    readonly interfaces: readonly string[];
    readonly names: Readonly<Record<string, string>>;
    readonly subnets: readonly string[];
  };
  readonly options: {
    readonly subnet_pools: readonly SubnetPool[];
    readonly default_interface_name?: string | undefined;
    readonly check_used_subnets: boolean;
  };
}

/** What the host has. */
export interface Surroundings {
  readonly links: readonly string[];
  /** Of netkit's networks. */
  readonly subnets: readonly Cidr[];
}

const schema: z.ZodType<NetworkWish> = z.object({
  network: networkSchema,
  used: z.object({
    interfaces: z.array(z.string()),
    names: z.record(z.string(), z.string()),
    subnets: z.array(z.string()),
  }),
  options: z.object({
    subnet_pools: z.array(z.object({ base: z.string(), size: z.int() })),
    default_interface_name: z.string().optional(),
    check_used_subnets: z.boolean(),
  }),
});

/** @throws NetkitError */
export function parseWish(input: string): NetworkWish {
  const result = schema.safeParse(decode(input));
  if (result.success) return result.data;
  throw unreadable(z.prettifyError(result.error).slice(0, 2_000));
}

/**
 * The network as Podman will have it, with all that was left open: link, subnets, gateways. Nothing is made yet.
 * @throws NetkitError
 */
export function completeNetwork(wish: NetworkWish, { links, subnets: known }: Surroundings): PodmanNetwork {
  const { network: given, used, options } = wish;
  checkNames(given, used.names);
  checkIpam(given);
  const own = given.driver === "bridge" ? bridge(given) : { network: given, isApart: false };
  const checks = own.isApart && options.check_used_subnets;
  const taken = checks ? [...used.subnets.map((each) => subnetOf(parseCidr(each))), ...known] : [];
  const made =
    given.driver === "bridge"
      ? withLink(own.network, own.isApart ? used.interfaces : [], () => freeLink(wish, links))
      : isPlugins(given)
        ? given
        : onLink(given, links);
  const addressed = given.driver === "bridge" ? withSubnets(made, options.subnet_pools, taken) : made;
  const hasDns = addressed.dns_enabled === true && addressed.ipam_options?.["driver"] !== "none";
  for (const server of addressed.network_dns_servers ?? []) addressOf(server);
  if (addressed.network_dns_servers !== undefined && !hasDns)
    throw refusal("cannot set NetworkDNSServers if DNS is not enabled for the network");
  checkSubnets(addressed.subnets ?? []);
  const hasGateway = addressed.internal !== true || hasDns;
  const subnets = addressed.subnets?.map((each) => completeSubnet(each, hasGateway, taken));
  checkRoutes(addressed);
  return {
    ...addressed,
    dns_enabled: hasDns,
    internal: addressed.internal === true,
    ipv6_enabled: addressed.ipv6_enabled === true || (subnets ?? []).some(({ subnet }) => subnet.includes(":")),
    ...(subnets === undefined ? {} : { subnets }),
    created: new Date().toISOString(),
  };
}

/** @throws NetkitError */
export function checkNames({ name, id = "", network_interface: link }: PodmanNetwork, names: object): void {
  if (name === "") throw refusal("Network name must be supplied");
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name)) {
    const words = JSON.stringify(name.slice(0, 200));
    throw refusal(`Invalid characters in network name ${words}: must match [a-zA-Z0-9][a-zA-Z0-9_.-]*`);
  }
  if (Object.hasOwn(names, name)) throw refusal(`network already exists ${name}`);
  if (id === "") throw refusal("Network id must be supplied");
  if (!/^[0-9a-fA-F]{64}$/.test(id))
    throw refusal(`Network id must be a hexadecimal string ${JSON.stringify(id.slice(0, 200))}`);
  if (link !== undefined && !/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,14}$/.test(link))
    throw refusal(`bridge name ${link.slice(0, 80)} is invalid`);
}

function checkIpam({ ipam_options: { driver = "" } = {}, subnets = [] }: PodmanNetwork): void {
  if (!["", "host-local", "dhcp", "none"].includes(driver)) throw refusal(`Unsupported ipam driver: ${driver}`);
  if (driver === "none" && subnets.length > 0) throw refusal("None ipam driver is set but subnets are given");
}

/** `isApart`: it is a bridge of its own, that no other network has. */
function bridge(network: PodmanNetwork): { readonly network: PodmanNetwork; readonly isApart: boolean } {
  const {
    "com.docker.network.driver.mtu": mtu,
    "com.docker.network.bridge.name": link,
    ...others
  } = network.options ?? {};
  const options: Readonly<Record<string, string>> = { ...others, ...(mtu === undefined ? {} : { mtu }) };
  checkOptions(
    "bridge",
    options,
    ["mode", "isolate", "no_default_route", "vrf", "outbound_addr4", "outbound_addr6"],
    ["mtu", "metric", "vlan"],
  );
  if (Number(options["vlan"] ?? 0) > 4_094) throw refusal("vlan must be between 0 and 4094");
  return {
    network: {
      ...network,
      ...(network.options === undefined ? {} : { options }),
      ...(link === undefined ? {} : { network_interface: link }),
    },
    isApart: options["vlan"] === undefined && (options["mode"] ?? "managed") === "managed",
  };
}

function checkOptions(
  driver: string,
  options: Readonly<Record<string, string>>,
  texts: readonly string[],
  numbers: readonly string[],
): void {
  for (const [name, value] of Object.entries(options)) {
    if (![...texts, ...numbers].includes(name)) throw refusal(`unsupported ${driver} network option: ${name}`);
    if (numbers.includes(name) && !/^\d{1,10}$/.test(value))
      throw refusal(`unable to parse "${name}": invalid digit found in string`);
  }
}

function withLink(network: PodmanNetwork, taken: readonly string[], choose: () => string): PodmanNetwork {
  const { network_interface: link } = network;
  if (link !== undefined && taken.includes(link)) throw refusal(`bridge name ${link} already in use`);
  return { ...network, network_interface: link ?? choose() };
}

function freeLink({ used, options }: NetworkWish, links: readonly string[]): string {
  const prefix = options.default_interface_name;
  if (prefix === undefined) throw refusal("default interface name is not set");
  const taken = new Set([...links, ...used.interfaces, ...Object.keys(used.names)]);
  for (let number = 1; ; number++) if (!taken.has(`${prefix}${number}`)) return `${prefix}${number}`;
}

function withSubnets(network: PodmanNetwork, pools: readonly SubnetPool[], taken: readonly Cidr[]): PodmanNetwork {
  const { ipam_options: ipam = {}, subnets = [], ipv6_enabled: ipv6 } = network;
  if (!["", "host-local"].includes(ipam["driver"] ?? "")) return network;
  const has = (wanted: boolean): boolean => subnets.some(({ subnet }) => subnet.includes(":") === wanted);
  const isIpv4Missing = subnets.length === 0 || (ipv6 === true && !has(false));
  return {
    ...network,
    subnets: [
      ...subnets,
      ...(isIpv4Missing ? [freeSubnet(pools, taken)] : []),
      ...(ipv6 === true && !has(true) ? [freeIpv6Subnet(taken)] : []),
    ],
    ipam_options: { ...ipam, driver: "host-local" },
  };
}

/** One that lies on a link of the host has no names. */
function onLink(network: PodmanNetwork, links: readonly string[]): PodmanNetwork {
  const { driver, network_interface: link, subnets = [], options = {}, ipam_options: ipam = {} } = network;
  if (link !== undefined && !links.includes(link)) throw refusal(`parent interface ${link} does not exist`);
  const asked = ipam["driver"] ?? "";
  const chosen = asked === "" ? (subnets.length === 0 ? "dhcp" : "host-local") : asked;
  if (chosen === "dhcp" && driver === "ipvlan") throw refusal("ipam driver dhcp is not supported with ipvlan");
  if (chosen === "dhcp" && subnets.length > 0) throw refusal("ipam driver dhcp set but subnets are set");
  if (chosen === "host-local" && subnets.length === 0) {
    throw refusal(`${driver} driver needs at least one subnet specified when the host-local ipam driver is set`);
  }
  checkOptions(driver, options, ["mode", "no_default_route"], ["mtu", "metric", "bclim"]);
  return { ...network, dns_enabled: false, ipam_options: { ...ipam, driver: chosen } };
}

function checkRoutes({ routes = [] }: PodmanNetwork): void {
  for (const { destination, gateway, route_type: type = "unicast" } of routes) {
    const parsed = destinationOf(destination);
    if (subnetOf(parsed) !== parsed) throw refusal("route destination invalid");
    if (gateway !== undefined) addressOf(gateway);
    if (type === "unicast" && gateway === undefined)
      throw refusal(`route ${parsed} requires a gateway for type unicast`);
    if (type !== "unicast" && gateway !== undefined)
      throw refusal(`route ${parsed} must not have a gateway for type ${type}`);
  }
}

function destinationOf(text: string): Cidr {
  try {
    return parseCidr(text);
  } catch {
    throw refusal(`invalid IP address syntax: ${JSON.stringify(text.slice(0, 80))}`);
  }
}
