import {
  commonEndpointOptions,
  everything,
  familyOf,
  ipOf,
  keyOf,
  NetkitError,
  parseInterfaceSysctls,
  parseOptions,
  prefixLengthOf,
  sendersOf,
  subnetOf,
  type AnyDriver,
  type Cidr,
  type Endpoint,
  type Family,
  type InterfaceSysctls,
  type Network,
  type Resource,
  type RouteResource,
} from "@netkit/core";
import type { EndpointRequest } from "./api.ts";
import { routesOf } from "./sandbox-routes.ts";

/** What a request says of the endpoint's interface, whatever the network's driver is. */
export interface InterfaceSettings {
  readonly ifName: string | undefined;
  readonly sysctls: InterfaceSysctls;
  readonly gatewayPriority: number;
  /** Of its default routes; 0: the kernel's. */
  readonly metric: number;
  /** Families that the interface may have addresses of. */
  readonly families: readonly Family[];
  /** The options that are left to the driver. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** @throws NetkitError ARGUMENT_INVALID, UNSUPPORTED, OPTION_UNKNOWN, OPTION_INVALID */
export function readInterface(driver: AnyDriver, network: Network, request: EndpointRequest): InterfaceSettings {
  const present = hasInterfaces(driver);
  const { gatewayPriority = 0, metric = 0 } = request;
  const {
    ifname,
    sysctls: listed = {},
    ...options
  } = parseOptions(
    present ? { ...driver.endpointOptions, ...commonEndpointOptions } : driver.endpointOptions,
    request.options ?? {},
    `an endpoint of driver '${driver.name}'`,
  ) as Partial<{ ifname: string; sysctls: InterfaceSysctls }>;
  if (ifname !== undefined && request.ifName !== undefined && ifname !== request.ifName) {
    throw new NetkitError("ARGUMENT_INVALID", `the interface would be called '${request.ifName}' and '${ifname}'`, {
      hint: "Say it once, with --ifname.",
    });
  }
  const sysctls = { ...listed, ...parseInterfaceSysctls(request.sysctls ?? {}) };
  const asked =
    Object.keys(sysctls).length > 0 || (request.linkLocal ?? []).length > 0 || gatewayPriority !== 0 || metric !== 0;
  if (!present && asked) {
    throw new NetkitError("UNSUPPORTED", `network '${network.name}' gives a sandbox no interface to set anything of`, {
      hint: "Sysctls, link-local addresses, priorities and metrics are for networks with interfaces.",
    });
  }
  if (!Number.isInteger(gatewayPriority) || Math.abs(gatewayPriority) > 0x7f_ff_ff_ff) {
    throw new NetkitError("ARGUMENT_INVALID", `the gateway priority ${gatewayPriority} is no whole number of 32 bits`, {
      hint: "Write it as --gw-priority 100; the highest wins, and 0 is the default.",
    });
  }
  if (!Number.isInteger(metric) || metric < 0 || metric > 0xff_ff_ff_ff) {
    throw new NetkitError("ARGUMENT_INVALID", `the metric ${metric} is no whole number of 32 bits`, {
      hint: "The default route with the lowest counts; leave it out for the kernel's own.",
    });
  }
  const ipv6 = sysctls["net.ipv6.conf.IFNAME.disable_ipv6"]?.trim() !== "1";
  return {
    ifName: request.ifName ?? ifname,
    sysctls,
    gatewayPriority,
    metric,
    families: ipv6 ? ["ipv4", "ipv6"] : ["ipv4"],
    options,
  };
}

export function hasInterfaces({ traits }: AnyDriver): boolean {
  return traits.namespace === "own" && !traits.exclusive;
}

/** A driver's resources with what the engine adds to an interface of any driver; a setting that was asked for comes first. */
export function withInterface(endpoint: Endpoint, network: Network, resources: readonly Resource[]): Resource[] {
  const { ifName, namespace: ns, sysctls = {}, linkLocal = [] } = endpoint;
  if (ifName === "") return [...resources];
  const asked = Object.entries(sysctls).map(([name, value]): Resource => ({
    kind: "sysctl",
    ns,
    path: name
      .split(".")
      .map((part) => (part === "IFNAME" ? ifName : part))
      .join("/"),
    value,
  }));
  const routes = routesOf(endpoint, network);
  const keys = new Set(asked.map(keyOf));
  const drivers = withMetric(endpoint, resources);
  const all = [
    ...asked,
    ...(asked.length === 0 ? drivers : drivers.filter((resource) => !keys.has(keyOf(resource)))),
    ...linkLocal.map((address): Resource => ({ kind: "address", ns, link: ifName, address })),
    ...drivers.flatMap((resource) => (resource.kind === "veth" ? sendersOf(resource, linkLocal.map(ipOf)) : [])),
    ...routes,
    ...wayBack(endpoint, routes),
  ];
  return [...ipv6Switch(endpoint, all), ...all];
}

/** No driver knows of the metric that its default routes have. */
function withMetric({ metric, namespace }: Endpoint, resources: readonly Resource[]): readonly Resource[] {
  if (metric === undefined) return resources;
  return resources.map((resource) => {
    const isDefault = resource.kind === "route" && prefixLengthOf(resource.destination) === 0;
    return isDefault && resource.ns === namespace ? { ...resource, metric } : resource;
  });
}

/** Before the rule of the main table, 32766 (ip-rule(8)). */
const wayBackPriority = 1070;

/**
 * What comes in through a published port is answered the way that it came, where the default route is another network's: a
 * host that looks at the way back (rp_filter) drops the answer otherwise. The network's own routes hold there, too.
 */
function wayBack(endpoint: Endpoint, routes: readonly RouteResource[]): Resource[] {
  const { id, ifName, namespace: ns, addresses, defaultRoute, ports } = endpoint;
  if (ports.length === 0) return [];
  const own = routes.filter((route) => !isElsewhere(route));
  const table = 0x10_00_00_00 + Number.parseInt(id.slice(0, 7), 16);
  return (["ipv4", "ipv6"] as const).flatMap((family): Resource[] => {
    // Ports lead to the first one.
    const { address, gateway } = addresses.find((each) => familyOf(each.address) === family) ?? {};
    if (address === undefined || gateway === undefined || defaultRoute.includes(family)) return [];
    const from = `${ipOf(address)}/${family === "ipv4" ? 32 : 128}` as Cidr;
    return [
      { kind: "route", ns, destination: subnetOf(address), link: ifName, table },
      { kind: "route", ns, destination: everything[family], via: gateway, link: ifName, table },
      ...own.filter(({ destination }) => familyOf(destination) === family).map((route) => ({ ...route, table })),
      { kind: "rule", ns, family, priority: wayBackPriority, table, from },
    ];
  });
}

/** It leads by another interface, whose addresses have to be there first. */
function isElsewhere({ via, link }: RouteResource): boolean {
  return via !== undefined && link === undefined;
}

/**
 * An interface without an IPv6 address has no IPv6 at all, not even a link-local address, so that nothing gets round the
 * network's rules. A driver or user that wants it otherwise says so.
 */
function ipv6Switch(
  { ifName, namespace: ns, addresses, linkLocal = [], leavesDefaultRoute }: Endpoint,
  resources: Resource[],
): Resource[] {
  const on = [...addresses.map(({ address }) => address), ...linkLocal].some((address) => familyOf(address) === "ipv6");
  const path = `net/ipv6/conf/${ifName}/disable_ipv6`;
  if (resources.some((resource) => resource.kind === "sysctl" && resource.ns === ns && resource.path === path))
    return [];
  // Another engine may have turned it off for all of a namespace, and turns it on again with an interface of its own alone.
  const loopback = leavesDefaultRoute === true ? ["net/ipv6/conf/lo/disable_ipv6"] : [];
  if (on) return [path, ...loopback].map((each) => ({ kind: "sysctl", ns, path: each, value: "0" }));
  // Behind them, so that one batch makes all of it and asks whether anything is to be done here: it rarely is.
  const first = resources
    .filter(
      (resource) =>
        resource.ns === ns && (resource.kind === "address" || (resource.kind === "route" && !isElsewhere(resource))),
    )
    .map(keyOf);
  return [{ kind: "sysctl", ns, path, value: "1", dependsOn: first }];
}
