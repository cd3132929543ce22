import { readFileSync } from "node:fs";
import { NetkitError, parsePortSpec, type Ip, type PortRange, type PortSpec, type PublishedPort } from "@netkit/core";
import type { HostPort } from "@netkit/kernel";
import type { Host } from "./host.ts";
import type { Draft } from "./draft.ts";
import { describePort, findClash, portTaken, sameHost } from "./host-ports.ts";
import type { OtherRoots } from "./other-roots.ts";

export interface PortSurroundings {
  readonly draft: Draft;
  readonly host: Host;
  readonly otherRoots: OtherRoots;
}

/**
 * The host port of each spec: the one asked for, the first free one of a range for a single port, or a free ephemeral
 * one. Sockets of the host and all endpoints on this kernel are looked at; nothing is taken yet.
 * @throws NetkitError PORT_TAKEN, PORT_INVALID, POOL_EXHAUSTED
 */
export async function resolvePorts(
  { draft, host, otherRoots }: PortSurroundings,
  specs: readonly (PortSpec | string)[],
  already: readonly PublishedPort[] = [],
  defaultAddress?: Ip,
): Promise<PublishedPort[]> {
  if (specs.length === 0) return [];
  const opened = await host.open();
  const resolved: PublishedPort[] = [];

  /** This very request has it. */
  const twice = (port: PublishedPort): NetkitError | undefined =>
    [...already, ...resolved].some((other) => clash(other, port))
      ? new NetkitError("PORT_TAKEN", `host port ${describePort(port)} is published twice by the same sandbox`, {
          hint: "Publish one of them on another host port, or leave its host port out to get a free one.",
        })
      : undefined;
  /** An endpoint of any root has one of them. */
  const published = async (ports: readonly PublishedPort[], everywhere = true): Promise<NetkitError | undefined> => {
    const own = await findClash(draft, ports);
    if (own !== undefined) return portTaken(own.port, `sandbox '${own.sandbox ?? "?"}'`);
    if (!everywhere) return undefined;
    const other = await otherRoots.findClash(opened.cookie, ports);
    return other === undefined ? undefined : portTaken(other.port, other.who);
  };
  /** Sockets of the host; all ports in one go, for each one costs a change of namespaces. */
  const bound = (ports: readonly PublishedPort[]): NetkitError | undefined => {
    const [inUse] = opened.portsInUse(ports.flatMap(socketsOf));
    if (inUse === undefined) return undefined;
    const { port, address, protocol } = inUse;
    const single = { first: port, last: port };
    return portTaken(
      { protocol, ...(address === undefined ? {} : { hostAddress: address }), hostPort: single, port: single },
      "a process of this host",
      true,
    );
  };

  const fixed: PublishedPort[] = [];
  for (const given of specs) {
    const spec = typeof given === "string" ? parsePortSpec(given) : given;
    const { protocol, port, hostAddress = defaultAddress } = spec;
    const at = (hostPort: PortRange): PublishedPort => ({
      protocol,
      ...(hostAddress === undefined ? {} : { hostAddress }),
      hostPort,
      port,
    });
    if (isFixed(spec)) {
      const wanted = at(spec.hostPort);
      const refusal = twice(wanted);
      if (refusal !== undefined) throw refusal;
      fixed.push(wanted);
      resolved.push(wanted);
      continue;
    }
    let refusal: NetkitError | undefined;
    let found: PublishedPort | undefined;
    for (const hostPort of candidates(spec)) {
      const candidate = at(hostPort);
      const problem = twice(candidate) ?? (await published([candidate])) ?? bound([candidate]);
      if (problem === undefined) {
        found = candidate;
        break;
      }
      refusal ??= problem;
    }
    if (found === undefined) {
      throw new NetkitError("POOL_EXHAUSTED", `no free host port for ${port.first}/${protocol}`, {
        hint: "Name another range of host ports.",
        details: { spec },
        cause: refusal,
      });
    }
    resolved.push(found);
  }
  // The other roots' are looked at when they can't change any more, unless it doesn't come to that.
  const refusal = fixed.length === 0 ? undefined : ((await published(fixed, draft.dryRun)) ?? bound(fixed));
  if (refusal !== undefined) throw refusal;
  return resolved;
}

/** The host ports are the ones asked for, not some of them. */
function isFixed(spec: PortSpec): spec is PortSpec & { readonly hostPort: PortRange } {
  return spec.hostPort !== undefined && lengthOf(spec.hostPort) === lengthOf(spec.port);
}

function* candidates({ hostPort, port }: PortSpec): Generator<PortRange> {
  const length = lengthOf(port);
  const { first, last } = hostPort ?? ephemeralRange();
  const count = last - first + 2 - length;
  // Ephemeral ports start anywhere, so that a port that was just given back isn't handed out again at once.
  const start = hostPort === undefined ? Math.floor(Math.random() * count) : 0;
  for (let i = 0; i < count; i++) {
    const at = first + ((start + i) % count);
    yield { first: at, last: at + length - 1 };
  }
}

/** Where the kernel takes its own ephemeral ports from (ip-sysctl: ip_local_port_range). */
function ephemeralRange(): PortRange {
  const [first = 49_153, last = 65_535] = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8")
    .trim()
    .split(/\s+/)
    .map(Number);
  return { first, last };
}

function lengthOf({ first, last }: PortRange): number {
  return last - first + 1;
}

function clash(a: PublishedPort, b: PublishedPort): boolean {
  const overlap = a.hostPort.first <= b.hostPort.last && b.hostPort.first <= a.hostPort.last;
  return a.protocol === b.protocol && overlap && sameHost(a.hostAddress, b.hostAddress);
}

function socketsOf({ protocol, hostAddress, hostPort }: PublishedPort): HostPort[] {
  const address = hostAddress === undefined ? {} : { address: hostAddress };
  return Array.from({ length: lengthOf(hostPort) }, (_, index) => ({
    protocol,
    ...address,
    port: hostPort.first + index,
  }));
}

/** The specs that a set of published ports can be named by when they are to go: host port and protocol must agree. */
export function selectPorts(ports: readonly PublishedPort[], specs: readonly (PortSpec | string)[]): PublishedPort[] {
  return specs.map((given) => {
    const spec = typeof given === "string" ? parsePortSpec(given) : given;
    const wanted = spec.hostPort ?? spec.port;
    const found = ports.find(
      (port) =>
        port.protocol === spec.protocol &&
        (spec.hostAddress === undefined || spec.hostAddress === port.hostAddress) &&
        (spec.hostPort === undefined ? port.port.first === wanted.first : port.hostPort.first === wanted.first),
    );
    if (found !== undefined) return found;
    throw new NetkitError("PORT_INVALID", `port ${wanted.first}/${spec.protocol} is not published`, {
      hint: ports.length === 0 ? "No ports are published here." : `Published: ${ports.map(describePort).join(", ")}.`,
    });
  });
}
