import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  hasNames,
  familyOf,
  ipOf,
  resolverAddress,
  type DnsConfig,
  type Endpoint,
  type FileResource,
  type Instance,
  type Ip,
  type Namespace,
  type NetnsResource,
  type Owner,
  type Resource,
  type Sandbox,
} from "@netkit/core";
import {
  parseResolvConf,
  readHostResolvConf,
  renderHostname,
  renderHosts,
  renderResolvConf,
  renderServedResolvConf,
} from "@netkit/sandbox";
import type { Draft } from "./draft.ts";
import { endpointsOfNamespace, networkOf, sandboxOf } from "./lookup.ts";
import type { Context } from "./operation.ts";

/** The owner of a namespace's own resources: its members come and go. */
export function ownerOfNamespace(namespace: Namespace, holder: Sandbox): Owner {
  return { type: "sandbox", id: namespace.id, name: holder.name };
}

/**
 * Where a namespace's resolv.conf, hosts and hostname are: where `ip netns exec` looks for them when the namespace is
 * netkit's own, below the root otherwise. A sandbox in the host's namespace has files only if it asks for other ones.
 */
export function filesDirectory(instance: Instance, namespace: Namespace): string {
  return namespace.name === undefined
    ? join(instance.root, "files", namespace.id.slice(0, 12))
    : join("/etc/netns", namespace.name);
}

/** Plans a namespace with its files as they are at first. */
export function wantNamespace(context: Context, draft: Draft, namespace: Namespace, holder: Sandbox): void {
  const resources: Resource[] = [];
  if (namespace.name !== undefined) {
    resources.push({ kind: "netns", ns: namespace.id, name: namespace.name } satisfies NetnsResource);
    // Interfaces have IPv6 when an endpoint says so: see ipv6Switch.
    const sysctls = { "net.ipv6.conf.default.disable_ipv6": "1", ...holder.sysctls };
    for (const [name, value] of Object.entries(sysctls))
      resources.push({ kind: "sysctl", ns: namespace.id, path: name.replaceAll(".", "/"), value });
  }
  const own = namespace.owner !== "host";
  if (own || asksForFiles(holder)) {
    const directory = filesDirectory(context.instance, namespace);
    resources.push(file(directory, "resolv.conf", "keep", resolvConfOf(holder, own)));
    resources.push(
      file(directory, "hosts", "merge", own ? hostsOf(context, holder, []) : readHostsFile() + renderExtra(holder)),
    );
    if (own) resources.push(file(directory, "hostname", "keep", renderHostname(holder.hostname)));
  }
  draft.want(ownerOfNamespace(namespace, holder), resources);
}

/** Brings hosts and resolv.conf up to date after an endpoint came or went. */
export async function refreshFiles(
  context: Context,
  draft: Draft,
  sandbox: Sandbox,
  namespace: Namespace,
): Promise<void> {
  if (namespace.owner === "host") return;
  const holder =
    namespace.members[0] === undefined || namespace.members[0] === sandbox.id
      ? sandbox
      : await sandboxOf(draft, namespace.members[0]);
  const owned = await draft.owned(namespace.id);
  if (owned === undefined) return;
  const endpoints = await endpointsOfNamespace(draft, namespace.id);
  const directory = filesDirectory(context.instance, namespace);
  const files = [
    file(directory, "hosts", "merge", hostsOf(context, holder, endpoints, await behindHost(draft, endpoints))),
  ];
  if (holder.names) {
    const resolvConf = resolvConfOf(holder, true, await served(draft, endpoints));
    files.push(file(directory, "resolv.conf", "keep", resolvConf));
  }
  draft.want(
    owned.owner,
    owned.resources.map(
      (resource) => files.find(({ path }) => resource.kind === "file" && resource.path === path) ?? resource,
    ),
  );
}

/** Those whose gateways are the host's addresses. */
async function behindHost(draft: Draft, endpoints: readonly Endpoint[]): Promise<readonly Endpoint[]> {
  const networks = await Promise.all(endpoints.map(async ({ network }) => await networkOf(draft, network)));
  return endpoints.filter((_, index) => networks[index]?.besideHost !== true);
}

async function served(draft: Draft, endpoints: readonly Endpoint[]): Promise<boolean> {
  for (const { network } of endpoints) if (hasNames(await networkOf(draft, network))) return true;
  return false;
}

/** In the host's namespace its servers on loopback can be reached as well. */
function resolvConfOf({ dns }: Sandbox, own: boolean, served = false): string {
  const host = readHostResolvConf();
  const note = "# Made by netkit after the host's. Once it is edited, netkit leaves it as it is.\n";
  if (served) return note + renderServedResolvConf(resolverAddress, dns, host);
  if (own || dns.servers.length > 0) return note + renderResolvConf(dns, host);
  return note + renderResolvConf({ ...dns, servers: parseResolvConf(host).servers as Ip[] }, host);
}

function hostsOf(
  context: Context,
  holder: Sandbox,
  endpoints: readonly Endpoint[],
  behind: readonly Endpoint[] = endpoints,
): string {
  const { hostname, domainname, name, hosts } = holder;
  const addresses = endpoints.flatMap((endpoint) => endpoint.addresses.map(({ address }) => ipOf(address)));
  const hostGateway = context.hostGateway.length > 0 ? context.hostGateway : gatewaysOf(behind);
  return renderHosts({ hostname, domainname, aliases: [name], addresses, hosts, hostGateway });
}

/** The host's addresses as a sandbox reaches them: the gateways of its default routes, or else of its first network. */
function gatewaysOf(endpoints: readonly Endpoint[]): Ip[] {
  return (["ipv4", "ipv6"] as const).flatMap((family) => {
    const leading = endpoints.toSorted(
      (a, b) => Number(b.defaultRoute.includes(family)) - Number(a.defaultRoute.includes(family)),
    );
    const gateways = leading.flatMap(({ addresses }) => addresses.flatMap(({ gateway }) => gateway ?? []));
    return gateways.find((gateway) => familyOf(gateway) === family) ?? [];
  });
}

/** In the host's namespace the host is on loopback. */
function renderExtra({ hosts }: Sandbox): string {
  return hosts
    .flatMap(({ address, name }) =>
      (address === "host-gateway" ? ["127.0.0.1", "::1"] : [address]).map((one) => `${one}\t${name}\n`),
    )
    .join("");
}

function asksForFiles({ dns, hosts }: { readonly dns: DnsConfig; readonly hosts: Sandbox["hosts"] }): boolean {
  return dns.servers.length + dns.search.length + dns.options.length + hosts.length > 0;
}

function file(
  directory: string,
  name: string,
  edits: NonNullable<FileResource["edits"]>,
  content: string,
): FileResource {
  return { kind: "file", ns: "host", path: join(directory, name), content, edits };
}

function readHostsFile(): string {
  return existsSync("/etc/hosts") ? readFileSync("/etc/hosts", "utf8") : "";
}
