import {
  familyOf,
  formatHost,
  formatRange,
  ipOf,
  type Cidr,
  type Endpoint,
  type Ip,
  type PortRange,
  type Protocol,
  type PublishedPort,
} from "@netkit/core";
import type { EndpointDetails } from "@netkit/engine";

/** A published port in one family, as Docker tells of it: without an address it is 0.0.0.0 and ::. */
export interface Binding {
  readonly protocol: Protocol;
  readonly port: PortRange;
  readonly hostAddress: Ip;
  /** Absent of a port in a routed family, which is reached at the target itself. */
  readonly hostPort?: PortRange;
  readonly target: Ip;
  readonly from?: readonly Cidr[];
}

/** The bindings of an endpoint's ports, in the families that it has addresses of. */
export function bindingsOf({ addresses, ports }: Pick<Endpoint, "addresses" | "ports">): Binding[] {
  return ports.flatMap((port) =>
    (["ipv4", "ipv6"] as const).flatMap((family): Binding[] => {
      const hostAddress = port.hostAddress ?? ((family === "ipv4" ? "0.0.0.0" : "::") as Ip);
      // What comes to [::1] is passed on by the agent, which can change the family.
      const other = hostAddress === "::1" ? addresses[0] : undefined;
      const address = addresses.find((candidate) => familyOf(candidate.address) === family) ?? other;
      const from = port.from?.filter((source) => familyOf(source) === family);
      if (address === undefined || familyOf(hostAddress) !== family || from?.length === 0) return [];
      const isRouted = port.routed === true || port.hostFamilies?.includes(family) === false;
      const host = isRouted ? { hostAddress } : { hostAddress, hostPort: port.hostPort };
      const target = ipOf(address.address);
      return [{ protocol: port.protocol, port: port.port, ...host, target, ...(from === undefined ? {} : { from }) }];
    }),
  );
}

/** As `docker port` shows them: `80/tcp -> 0.0.0.0:8080`; with a filter, who may. */
export function formatMappings(bindings: readonly Binding[]): string[] {
  return unique(
    bindings.map(({ protocol, port, hostAddress, hostPort, from }) => {
      const host = hostPort === undefined ? "" : ` -> ${formatHost(hostAddress)}:${formatRange(hostPort)}`;
      return `${formatRange(port)}/${protocol}${host}${formatSources(from)}`;
    }),
  );
}

/** As `docker ps` shows them: `0.0.0.0:8080->80/tcp`, those in a row as a range. */
export function formatPorts(endpoint: Pick<Endpoint, "addresses" | "ports">): string {
  return unique(inARow(bindingsOf(endpoint)).map(formatPort)).join(", ");
}

/** The same, each for itself. */
export function portTexts(endpoint: Pick<Endpoint, "addresses" | "ports">): string[] {
  return unique(bindingsOf(endpoint).map(formatPort));
}

function formatPort({ protocol, port, hostAddress, hostPort, from }: Binding): string {
  const host = hostPort === undefined ? "" : `${formatHost(hostAddress)}:${formatRange(hostPort)}->`;
  return `${host}${formatRange(port)}/${protocol}${formatSources(from)}`;
}

/** Without a host's port the bindings of both families read the same. */
function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}

function formatSources(from: readonly Cidr[] | undefined): string {
  return from === undefined ? "" : ` from ${from.join(",")}`;
}

/** Bindings of one address that go on where another ends, as one. */
function inARow(bindings: readonly Binding[]): Binding[] {
  const alike = Map.groupBy(bindings, ({ protocol, hostAddress, target, hostPort, port, from }) =>
    JSON.stringify([protocol, hostAddress, target, hostPort && hostPort.first - port.first, from]),
  );
  return [...alike.values()].flatMap((group) => {
    const joined: Binding[] = [];
    for (const binding of group.toSorted((a, b) => a.port.first - b.port.first)) {
      const last = joined.at(-1);
      if (last === undefined || last.port.last + 1 !== binding.port.first) joined.push(binding);
      else joined[joined.length - 1] = upTo(last, binding);
    }
    return joined;
  });
}

function upTo(first: Binding, { port, hostPort }: Binding): Binding {
  return {
    ...first,
    port: { first: first.port.first, last: port.last },
    ...(first.hostPort && hostPort && { hostPort: { first: first.hostPort.first, last: hostPort.last } }),
  };
}

/** The ports of sandboxes in Docker's shape, `NetworkSettings.Ports`: a list of bindings for each port. */
export function portMap(bindings: readonly Binding[]): Record<string, Record<string, unknown>[]> {
  const map: Record<string, Record<string, unknown>[]> = {};
  for (const { protocol, port, hostAddress, hostPort, from } of bindings) {
    for (let offset = 0; offset <= port.last - port.first; offset++) {
      const key = `${port.first + offset}/${protocol}`;
      const binding = { HostIp: hostAddress, HostPort: hostPort === undefined ? "" : String(hostPort.first + offset) };
      (map[key] ??= []).push(from === undefined ? binding : { ...binding, From: from });
    }
  }
  return map;
}

/** The same as it was asked for, `HostConfig.PortBindings`: once for both families, without an address if none was named. */
export function portBindings(ports: readonly PublishedPort[]): Record<string, Record<string, unknown>[]> {
  return portMap(
    ports.map(({ routed, hostPort, hostAddress = "" as Ip, ...port }) => ({
      ...port,
      hostAddress,
      ...(routed === true ? {} : { hostPort }),
      target: "" as Ip,
    })),
  );
}

/** A binding with whose it is, for lists. */
export interface PublishedBinding extends Binding {
  readonly sandbox: string;
  readonly sandboxName: string;
  readonly network: string;
  readonly networkName: string;
}

export function publishedBindings(endpoints: readonly EndpointDetails[]): PublishedBinding[] {
  return endpoints.flatMap((endpoint) => {
    const { sandbox, sandboxName, network, networkName } = endpoint;
    return bindingsOf(endpoint).map((binding) => ({ sandbox, sandboxName, network, networkName, ...binding }));
  });
}

/** The fields of a published port in a list. */
export interface PortRow {
  readonly ID: string;
  readonly Sandbox: string;
  readonly Network: string;
  readonly Port: string;
  readonly Host: string;
  readonly Target: string;
  readonly From: string;
}

export const portHeaders: Readonly<Record<keyof PortRow, string>> = {
  ID: "SANDBOX ID",
  Sandbox: "SANDBOX",
  Network: "NETWORK",
  Port: "PORT",
  Host: "HOST",
  Target: "TARGET",
  From: "FROM",
};

export function portRow(binding: PublishedBinding): PortRow {
  const { sandbox, sandboxName, networkName, protocol, port, hostAddress, hostPort, target, from } = binding;
  return {
    ID: sandbox.slice(0, 12),
    Sandbox: sandboxName,
    Network: networkName,
    Port: `${formatRange(port)}/${protocol}`,
    Host: hostPort === undefined ? "none" : `${formatHost(hostAddress)}:${formatRange(hostPort)}`,
    Target: `${formatHost(target)}:${formatRange(port)}`,
    From: from?.join(",") ?? "anywhere",
  };
}
