import { readFileSync } from "node:fs";
import {
  familyOf,
  formatPortSpec,
  NetkitError,
  parsePortSpec,
  parseSources,
  type Cidr,
  type Ip,
  type PortRange,
  type PortSpec,
  type PublishedPort,
} from "@netkit/core";
import type { HostPorts } from "@netkit/kernel";
import type { Host } from "./host.ts";
import type { Draft } from "./draft.ts";
import { describePort, findClash, overlap, PortTable, portTaken, publishedAlready } from "./host-ports.ts";
import type { OtherRoots } from "./other-roots.ts";

export interface PortSurroundings {
  readonly draft: Draft;
  readonly host: Host;
  readonly otherRoots: OtherRoots;
  /** Sockets of the host that have the ports are those of whoever asks for them. */
  readonly held?: boolean;
}

/**
 * The host port of each spec: the one asked for, the first free one of a range for a single port, or a free ephemeral
 * one. Sockets of the host and all endpoints on this kernel are looked at; nothing is taken yet.
 * @throws NetkitError PORT_TAKEN, PORT_INVALID, POOL_EXHAUSTED
 */
export async function resolvePorts(
  { draft, host, otherRoots, held = false }: PortSurroundings,
  specs: readonly (PortSpec | string)[],
  already: readonly PublishedPort[] = [],
  defaultAddress?: Ip,
): Promise<PublishedPort[]> {
  if (specs.length === 0) return [];
  const opened = await host.open();
  const own = new PortTable(already);
  const chosen = new PortTable([]);

  /** The endpoint has it, or this very request. */
  const twice = (port: PublishedPort): NetkitError | undefined => {
    if (own.clashes(port)) return publishedAlready(port);
    return chosen.clashes(port)
      ? new NetkitError("PORT_TAKEN", `host port ${describePort(port)} is published twice by the same sandbox`, {
          hint: "Publish one of them on another host port, or leave its host port out to get a free one.",
        })
      : undefined;
  };
  /** An endpoint of any root has one of them. */
  const published = async (ports: readonly PublishedPort[], everywhere = true): Promise<NetkitError | undefined> => {
    const clash = await findClash(draft, ports);
    if (clash !== undefined) return portTaken(clash.port, `sandbox '${clash.sandbox ?? "?"}'`);
    if (!everywhere) return undefined;
    const other = await otherRoots.findClash(opened.cookie, ports);
    return other === undefined ? undefined : portTaken(other.port, other.who);
  };
  /** Sockets of the host; all ports in one go, for each one costs a change of namespaces. */
  const bound = (ports: readonly PublishedPort[]): NetkitError | undefined => {
    const inUse = held ? undefined : opened.firstPortInUse(ports.map(socketsOf));
    if (inUse === undefined) return undefined;
    const { port, address, protocol } = inUse;
    const single = { first: port, last: port };
    return portTaken(
      { protocol, ...(address === undefined ? {} : { hostAddress: address }), hostPort: single, port: single },
      "a process of this host",
      true,
    );
  };

  const parsed = specs.map((given) => (typeof given === "string" ? parsePortSpec(given) : { ...given }));
  const resolved = new Map<PortSpec, PublishedPort>();
  const choose = (spec: PortSpec, port: PublishedPort): void => {
    resolved.set(spec, port);
    chosen.add(port);
  };
  const fixed: PublishedPort[] = [];
  // The less choice, the earlier: what may be any port takes none that another one must have.
  for (const spec of parsed.toSorted((a, b) => choiceOf(a) - choiceOf(b))) {
    const { protocol, port, hostAddress = defaultAddress } = spec;
    const from = filterOf(spec, hostAddress);
    const at = (hostPort: PortRange): PublishedPort => ({
      protocol,
      ...(hostAddress === undefined ? {} : { hostAddress }),
      hostPort,
      port,
      ...(from === undefined ? {} : { from }),
    });
    if (isFixed(spec)) {
      const wanted = at(spec.hostPort);
      const refusal = twice(wanted);
      if (refusal !== undefined) throw refusal;
      fixed.push(wanted);
      choose(spec, wanted);
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
    choose(spec, found);
  }
  // The other roots' are looked at when they can't change any more, unless it doesn't come to that.
  const refusal = fixed.length === 0 ? undefined : ((await published(fixed, draft.dryRun)) ?? bound(fixed));
  if (refusal !== undefined) throw refusal;
  return parsed.flatMap((spec) => resolved.get(spec) ?? []);
}

function choiceOf(spec: PortSpec): number {
  return isFixed(spec) ? 0 : spec.hostPort === undefined ? 2 : 1;
}

/** The host ports are the ones asked for, not some of them. */
function isFixed(spec: PortSpec): spec is PortSpec & { readonly hostPort: PortRange } {
  return spec.hostPort !== undefined && lengthOf(spec.hostPort) === lengthOf(spec.port);
}

function* candidates({ hostPort, port }: PortSpec): Generator<PortRange> {
  const length = lengthOf(port);
  const { first, last } = hostPort ?? ephemeralRange();
  const reserved = hostPort === undefined ? reservedRanges() : [];
  const count = last - first + 2 - length;
  // Ephemeral ports start anywhere, so that a port that was just given back isn't handed out again at once.
  const start = hostPort === undefined ? Math.floor(Math.random() * count) : 0;
  for (let i = 0; i < count; i++) {
    const at = first + ((start + i) % count);
    const range = { first: at, last: at + length - 1 };
    if (!reserved.some((other) => overlap(other, range))) yield range;
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

/** What the kernel keeps out of those for somebody (ip-sysctl: ip_local_reserved_ports), as `8080,9148-9150`. */
function reservedRanges(): PortRange[] {
  const text = readFileSync("/proc/sys/net/ipv4/ip_local_reserved_ports", "utf8").trim();
  if (text === "") return [];
  return text.split(",").map((part) => {
    const [first = 0, last = first] = part.split("-").map(Number);
    return { first, last };
  });
}

function lengthOf({ first, last }: PortRange): number {
  return last - first + 1;
}

function socketsOf({ protocol, hostAddress, hostPort }: PublishedPort): HostPorts {
  return { protocol, ...(hostAddress === undefined ? {} : { address: hostAddress }), ...hostPort };
}

/** Who may reach it, on the address that it turned out to be on. */
export function filterOf({ from, port, protocol }: PortSpec, hostAddress: Ip | undefined): readonly Cidr[] | undefined {
  if (from === undefined) return undefined;
  const sources = parseSources(from);
  const foreign = sources.find((source) => hostAddress !== undefined && familyOf(source) !== familyOf(hostAddress));
  if (foreign === undefined && sources.length > 0) return sources;
  const why = foreign === undefined ? "its filter lets nobody in" : `nobody from ${foreign} can reach ${hostAddress}`;
  throw new NetkitError("PORT_INVALID", `port ${port.first}/${protocol} can't be published: ${why}`, {
    hint: "Leave out sources of the other family, or name a host address of it.",
    details: { from },
  });
}

/**
 * The ports that are meant by specs when they are to go, each by its port in the sandbox and, as far as they are given,
 * its host port and host address.
 * @throws NetkitError PORT_NOT_FOUND, PORT_INVALID when there is more than one
 */
export function selectPorts(ports: readonly PublishedPort[], specs: readonly (PortSpec | string)[]): PublishedPort[] {
  return specs.map((given) => {
    const spec = typeof given === "string" ? parsePortSpec(given) : given;
    const [found, second] = matching(ports, spec);
    const wanted = shown(spec);
    if (found === undefined) {
      throw new NetkitError("PORT_NOT_FOUND", `port ${wanted} is not published`, {
        hint:
          ports.length === 0
            ? "No ports are published here."
            : `Published: ${ports.slice(0, 20).map(shown).join(", ")}.`,
        details: { spec },
      });
    }
    if (second === undefined) return found;
    throw new NetkitError("PORT_INVALID", `port ${wanted} is published more than once`, {
      hint: `Name one of them: ${matching(ports, spec).map(shown).join(", ")}.`,
      details: { spec },
    });
  });
}

/** Whether {@link selectPorts} finds something for each spec. */
export function publishes(ports: readonly PublishedPort[], specs: readonly (PortSpec | string)[]): boolean {
  return specs.every((spec) => matching(ports, typeof spec === "string" ? parsePortSpec(spec) : spec).length > 0);
}

function matching(ports: readonly PublishedPort[], spec: PortSpec): PublishedPort[] {
  const { protocol, hostAddress, hostPort, port } = spec;
  return ports.filter(
    (other) =>
      other.protocol === protocol &&
      sameRange(other.port, port) &&
      (hostAddress === undefined || hostAddress === other.hostAddress) &&
      // Of a range for one port, the one that it got.
      (hostPort === undefined ||
        (isFixed(spec) ? sameRange(other.hostPort, hostPort) : overlap(other.hostPort, hostPort))),
  );
}

function sameRange(a: PortRange, b: PortRange): boolean {
  return a.first === b.first && a.last === b.last;
}

/** In the words that it was asked for: a routed port has none of the host. */
function shown({ protocol, hostAddress, hostPort, port, routed }: PortSpec & Pick<PublishedPort, "routed">): string {
  const at = { ...(hostAddress && { hostAddress }), ...(hostPort && routed !== true && { hostPort }) };
  return formatPortSpec({ protocol, ...at, port });
}
