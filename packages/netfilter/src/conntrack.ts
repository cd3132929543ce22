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
    for (const { resource } of changes) {
      if (resource.kind === "publish" && resource.protocol !== "tcp") this.#flushPort(resource);
    }
  }

  #flushPort(resource: PublishResource): void {
    const { protocol, hostAddress, hostPort, family } = resource;
    const filter: ConnectionFilter = {
      version: family === "ipv4" ? 4 : 6,
      original: {
        protocol: protocolNumbers[protocol],
        ...(hostAddress === undefined ? {} : { destination: hostAddress }),
        ...(hostPort.first === hostPort.last ? { destinationPort: hostPort.first } : {}),
      },
    };
    flushConnections(this.#home.socket, filter, (connection) => concerns(connection, resource));
  }
}

/** A connection that leaves through masquerading to the same port of somebody else's address is none of ours. */
function concerns({ original, status }: Connection, { hostPort }: PublishResource): boolean {
  const port = original.destinationPort ?? 0;
  const outbound = (status & (IPS_SRC_NAT | IPS_DST_NAT)) === IPS_SRC_NAT;
  return port >= hostPort.first && port <= hostPort.last && !outbound;
}
