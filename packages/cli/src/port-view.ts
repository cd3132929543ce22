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
  readonly hostPort: PortRange;
  readonly target: Ip;
  readonly from?: readonly Cidr[];
}

/** The bindings of an endpoint's ports, in the families that it has addresses of. */
export function bindingsOf({ addresses, ports }: Pick<Endpoint, "addresses" | "ports">): Binding[] {
  return ports.flatMap((port) =>
    (["ipv4", "ipv6"] as const).flatMap((family): Binding[] => {
      const address = addresses.find((candidate) => familyOf(candidate.address) === family);
      const hostAddress = port.hostAddress ?? ((family === "ipv4" ? "0.0.0.0" : "::") as Ip);
      const from = port.from?.filter((source) => familyOf(source) === family);
      if (address === undefined || familyOf(hostAddress) !== family || from?.length === 0) return [];
      const { protocol, hostPort } = port;
      const target = ipOf(address.address);
      return [{ protocol, port: port.port, hostAddress, hostPort, target, ...(from === undefined ? {} : { from }) }];
    }),
  );
}

/** As `docker port` shows it: `80/tcp -> 0.0.0.0:8080`; with a filter, who may. */
export function formatMapping({ protocol, port, hostAddress, hostPort, from }: Binding): string {
  return `${formatRange(port)}/${protocol} -> ${formatHost(hostAddress)}:${formatRange(hostPort)}${formatSources(from)}`;
}

/** As `docker ps` shows them: `0.0.0.0:8080->80/tcp`, those in a row as a range. */
export function formatPorts(endpoint: Pick<Endpoint, "addresses" | "ports">): string {
  return inARow(bindingsOf(endpoint)).map(formatPort).join(", ");
}

/** As `docker ps` shows it. */
export function formatPort({ protocol, port, hostAddress, hostPort, from }: Binding): string {
  return `${formatHost(hostAddress)}:${formatRange(hostPort)}->${formatRange(port)}/${protocol}${formatSources(from)}`;
}

function formatSources(from: readonly Cidr[] | undefined): string {
  return from === undefined ? "" : ` from ${from.join(",")}`;
}

/** Bindings of one address that go on where another ends, as one. */
function inARow(bindings: readonly Binding[]): Binding[] {
  const alike = Map.groupBy(bindings, ({ protocol, hostAddress, target, hostPort, port, from }) =>
    JSON.stringify([protocol, hostAddress, target, hostPort.first - port.first, from]),
  );
  return [...alike.values()].flatMap((group) => {
    const joined: Binding[] = [];
    for (const binding of group.toSorted((a, b) => a.hostPort.first - b.hostPort.first)) {
      const last = joined.at(-1);
      if (last === undefined || last.hostPort.last + 1 !== binding.hostPort.first) joined.push(binding);
      else
        joined[joined.length - 1] = {
          ...last,
          hostPort: upTo(last.hostPort, binding.hostPort),
          port: upTo(last.port, binding.port),
        };
    }
    return joined;
  });
}

function upTo({ first }: PortRange, { last }: PortRange): PortRange {
  return { first, last };
}

/** The ports of sandboxes in Docker's shape, `NetworkSettings.Ports`: a list of bindings for each port. */
export function portMap(bindings: readonly Binding[]): Record<string, Record<string, unknown>[]> {
  const map: Record<string, Record<string, unknown>[]> = {};
  for (const { protocol, port, hostAddress, hostPort, from } of bindings) {
    for (let offset = 0; offset <= port.last - port.first; offset++) {
      const key = `${port.first + offset}/${protocol}`;
      const binding = { HostIp: hostAddress, HostPort: String(hostPort.first + offset) };
      (map[key] ??= []).push(from === undefined ? binding : { ...binding, From: from });
    }
  }
  return map;
}

/** The same as it was asked for, `HostConfig.PortBindings`: once for both families, without an address if none was named. */
export function portBindings(ports: readonly PublishedPort[]): Record<string, Record<string, unknown>[]> {
  return portMap(ports.map((port) => ({ ...port, hostAddress: port.hostAddress ?? ("" as Ip), target: "" as Ip })));
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
    Host: `${formatHost(hostAddress)}:${formatRange(hostPort)}`,
    Target: `${formatHost(target)}:${formatRange(port)}`,
    From: from?.join(",") ?? "anywhere",
  };
}
