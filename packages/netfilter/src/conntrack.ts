import type { Change, PublishResource } from "@netkit/core";
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
    const ports = changes
      .map(({ resource }) => resource)
      .filter((resource) => resource.kind === "publish" && resource.protocol !== "tcp") as PublishResource[];
    const tables = Map.groupBy(ports, ({ family, protocol }) => `${family} ${protocol}`);
    for (const table of tables.values()) this.#flushPorts(table);
  }

  /** Of one family and protocol: the kernel goes through all connections each time that it is asked. */
  #flushPorts(resources: readonly PublishResource[]): void {
    const [first, second] = resources;
    if (first === undefined) return;
    const { protocol, hostAddress, hostPort, family } = first;
    const alone = second === undefined;
    const filter: ConnectionFilter = {
      version: family === "ipv4" ? 4 : 6,
      original: {
        protocol: protocolNumbers[protocol],
        ...(alone && hostAddress !== undefined ? { destination: hostAddress } : {}),
        ...(alone && hostPort.first === hostPort.last ? { destinationPort: hostPort.first } : {}),
      },
    };
    flushConnections(this.#home.socket, filter, (connection) =>
      resources.some((resource) => concerns(connection, resource)),
    );
  }
}

/** A connection that leaves through masquerading to the same port of somebody else's address is none of ours. */
function concerns({ original, status }: Connection, { hostAddress, hostPort }: PublishResource): boolean {
  const port = original.destinationPort ?? 0;
  const outbound = (status & (IPS_SRC_NAT | IPS_DST_NAT)) === IPS_SRC_NAT;
  const there = hostAddress === undefined || original.destination === hostAddress;
  return port >= hostPort.first && port <= hostPort.last && there && !outbound;
}
