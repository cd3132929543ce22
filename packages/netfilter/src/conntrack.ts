import {
  familyOf,
  type Change,
  type Family,
  type Ip,
  type PortRange,
  type Protocol,
  type Resource,
} from "@netkit/core";
import { flushConnections, IPS_DST_NAT, IPS_SRC_NAT, type Connection, type ConnectionFilter } from "@netkit/netlink";
import type { Home } from "./home.ts";

const protocolNumbers = { tcp: 6, udp: 17, sctp: 132 } as const;

/**
 * Makes the kernel forget connections of published ports whose translation was decided under other rules. Only UDP and
 * SCTP need it: their senders keep an entry alive by sending, where a TCP connection starts anew.
 */
export class Conntrack {
  readonly #home: Home;

  constructor(home: Home) {
    this.#home = home;
  }

  /** To be called when the changes are in force, in either direction. */
  flush(changes: readonly Change[]): void {
    const ports = changes.map(({ resource }) => portOf(resource)).filter((port) => port !== undefined);
    const tables = Map.groupBy(ports, ({ family, protocol }) => `${family} ${protocol}`);
    for (const table of tables.values()) this.#flushPorts(table);
  }

  /** Of one family and protocol: the kernel goes through all connections each time that it is asked. */
  #flushPorts(ports: readonly Port[]): void {
    const [first, second] = ports;
    if (first === undefined) return;
    const { protocol, address, range, family } = first;
    const alone = second === undefined;
    const filter: ConnectionFilter = {
      version: family === "ipv4" ? 4 : 6,
      original: {
        protocol: protocolNumbers[protocol],
        ...(alone && address !== undefined ? { destination: address } : {}),
        ...(alone && range.first === range.last ? { destinationPort: range.first } : {}),
      },
    };
    flushConnections(this.#home.socket, filter, (connection) => ports.some((port) => concerns(connection, port)));
  }
}

/** Where connections go that a resource decides of. */
interface Port {
  readonly protocol: Exclude<Protocol, "tcp">;
  readonly family: Family;
  /** Absent: any. */
  readonly address: Ip | undefined;
  readonly range: PortRange;
  /** An own address: what goes there is never masqueraded towards somebody else. */
  readonly own: boolean;
}

function portOf(resource: Resource): Port | undefined {
  if ((resource.kind !== "publish" && resource.kind !== "open") || resource.protocol === "tcp") return undefined;
  const { protocol, target } = resource;
  const family = familyOf(target);
  return resource.kind === "open"
    ? { protocol, family, address: target, range: resource.targetPort, own: true }
    : { protocol, family, address: resource.hostAddress, range: resource.hostPort, own: false };
}

/** A connection that leaves through masquerading to the same port of somebody else's address is none of ours. */
function concerns({ original, status }: Connection, { address, range, own }: Port): boolean {
  const port = original.destinationPort ?? 0;
  const outbound = (status & (IPS_SRC_NAT | IPS_DST_NAT)) === IPS_SRC_NAT;
  const there = address === undefined || original.destination === address;
  return port >= range.first && port <= range.last && there && (own || !outbound);
}
