import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { connect, createServer, type Server, type Socket as TcpSocket } from "node:net";
import {
  ipOf,
  familyOf,
  type Endpoint,
  type EndpointId,
  type Ip,
  type PortRange,
  type PublishedPort,
} from "@netkit/core";
import type { Records } from "@netkit/engine";

/** Connections of `[::1]` that are passed on at a time. */
const maxConnections = 1_024;

interface Reservation {
  close(): void;
}

/** One host port with what is behind it. */
interface Binding {
  readonly protocol: "tcp" | "udp";
  /** Absent: all addresses of both families. */
  readonly address: Ip | undefined;
  readonly port: number;
  readonly target: { readonly address: Ip; readonly port: number } | undefined;
}

/**
 * Holds the host's published ports by sockets of its own, so that no other process takes them. Traffic never gets to these
 * sockets, for the firewall has sent it on before; but for connections to `[::1]`, which no NAT can serve: those are
 * passed on from here.
 */
export class Reservations {
  readonly #records: Records;
  readonly #held = new Map<EndpointId, Map<string, Reservation>>();
  readonly #waiting = new Set<EndpointId>();
  #closed = false;

  constructor(records: Records) {
    this.#records = records;
  }

  /**
   * Gives up what these endpoints don't publish any more, and takes what they do a moment later: nobody has to wait for
   * that. Ports that can't be had are left: their holder was there before.
   */
  settle(endpoints: Iterable<EndpointId>): void {
    for (const id of endpoints) {
      const wanted = this.#wanted(id);
      for (const [key, reservation] of this.#held.get(id) ?? []) {
        if (wanted.has(key)) continue;
        reservation.close();
        this.#held.get(id)?.delete(key);
      }
      if (this.#waiting.size === 0) setImmediate(() => this.#take());
      this.#waiting.add(id);
    }
  }

  #take(): void {
    for (const id of this.#closed ? [] : this.#waiting) {
      const held = this.#held.get(id) ?? new Map<string, Reservation>();
      for (const [key, binding] of this.#wanted(id)) if (!held.has(key)) held.set(key, reserve(binding));
      if (held.size > 0) this.#held.set(id, held);
      else this.#held.delete(id);
    }
    this.#waiting.clear();
  }

  #wanted(id: EndpointId): Map<string, Binding> {
    const endpoint = this.#records.endpoints.get(id);
    return new Map(endpoint === undefined ? [] : bindingsOf(endpoint).map((binding) => [keyOf(binding), binding]));
  }

  get size(): number {
    let size = 0;
    for (const held of this.#held.values()) size += held.size;
    return size;
  }

  close(): void {
    this.#closed = true;
    for (const held of this.#held.values()) for (const reservation of held.values()) reservation.close();
    this.#held.clear();
  }
}

/** Routed networks publish nothing on the host. */
function bindingsOf(endpoint: Endpoint): Binding[] {
  return endpoint.ports.flatMap((published) => {
    const { protocol, hostAddress: address, hostPort, port, routed } = published;
    if (protocol === "sctp" || routed === true) return [];
    const to = targetOf(endpoint, published);
    return portsOf(hostPort).map((number, index) => ({
      protocol,
      address,
      port: number,
      target: to === undefined ? undefined : { address: to, port: port.first + index },
    }));
  });
}

/** What a connection to `[::1]` is for: the endpoint's IPv6 address, or its IPv4 one where there is no other. */
function targetOf({ addresses }: Endpoint, { hostAddress }: PublishedPort): Ip | undefined {
  if (hostAddress !== undefined && hostAddress !== "::" && hostAddress !== "::1") return undefined;
  const ips = addresses.map(({ address }) => ipOf(address));
  return ips.find((ip) => familyOf(ip) === "ipv6") ?? (hostAddress === undefined ? ips[0] : undefined);
}

function portsOf({ first, last }: PortRange): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

function keyOf({ protocol, address, port, target }: Binding): string {
  return `${protocol} ${address} ${port} ${target?.address} ${target?.port}`;
}

function reserve(binding: Binding): Reservation {
  return binding.protocol === "tcp" ? reserveTcp(binding) : reserveUdp(binding);
}

function reserveTcp({ address, port, target }: Binding): Reservation {
  const server: Server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (client) => {
    if (target === undefined || client.localAddress !== "::1") client.destroy();
    else passOn(client, connect({ port: target.port, host: target.address, allowHalfOpen: true }));
  });
  server.maxConnections = maxConnections;
  // It isn't there for a process that was faster, or a family that the host hasn't.
  server.on("error", () => {});
  const at = { port, backlog: 128, exclusive: true };
  if (address !== undefined) server.listen({ ...at, host: address, ipv6Only: true });
  else server.listen({ ...at, host: "::" });
  return {
    close() {
      if (server.listening) server.close();
    },
  };
}

function passOn(client: TcpSocket, service: TcpSocket): void {
  const end = (): void => {
    client.destroy();
    service.destroy();
  };
  client.on("error", end);
  service.on("error", end);
  client.on("close", end);
  service.on("close", end);
  client.pipe(service);
  service.pipe(client);
}

/** UDP of `[::1]` isn't passed on: a datagram says nothing of which address it was sent to. */
function reserveUdp({ address, port }: Binding): Reservation {
  const ipv6 = address === undefined || familyOf(address) === "ipv6";
  const socket: UdpSocket = createSocket({ type: ipv6 ? "udp6" : "udp4", ipv6Only: address !== undefined && ipv6 });
  let closed = false;
  const close = (): void => {
    if (!closed) socket.close();
    closed = true;
  };
  socket.on("error", close);
  socket.bind({ port, address: address ?? "::", exclusive: true });
  return { close };
}
