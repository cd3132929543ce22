import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { connect, createServer, type Server, type Socket as TcpSocket } from "node:net";
import { familyOf, type Ip } from "@netkit/core";
import { openSockets, refuseSharing, type SocketRequest } from "@netkit/kernel";
import { UdpRelay } from "./udp-relay.ts";

/** Connections of `[::1]` that are passed on at a time. */
const maxConnections = 1_024;
const loopback = "::1" as Ip;

/** One host port with what is behind it. */
export interface Binding {
  readonly protocol: "tcp" | "udp";
  /** Absent: all addresses of both families. */
  readonly address: Ip | undefined;
  readonly port: number;
  /** Where what comes to `[::1]` is passed on to; absent if that isn't among the addresses. */
  readonly target: { readonly address: Ip; readonly port: number } | undefined;
}

export interface HeldPort {
  close(): void;
}

/** Whether it is of no use without a process that passes on what comes: NAT serves the other addresses. */
export function isServed({ address }: Binding): boolean {
  return address === loopback;
}

/**
 * Takes the port, and passes on what comes to `[::1]`.
 * @throws NetkitError PORT_TAKEN; KERNEL for an address or a family that the host hasn't
 */
export function hold(binding: Binding): HeldPort {
  return binding.protocol === "tcp" ? holdTcp(binding) : holdUdp(binding);
}

function requestFor({ protocol, address, port }: Binding): SocketRequest {
  const at = { address: address ?? ("::" as Ip), port };
  return { protocol, family: familyOf(at.address), at, bothFamilies: address === undefined };
}

function holdTcp(binding: Binding): HeldPort {
  const { target } = binding;
  const [fd = -1] = openSockets(undefined, [requestFor(binding)]);
  const server: Server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (client) => {
    if (target === undefined || client.localAddress !== loopback) client.destroy();
    else passOn(client, connect({ port: target.port, host: target.address, allowHalfOpen: true }));
  });
  server.maxConnections = maxConnections;
  // A connection that can't be accepted, for want of descriptors, is lost; the next one may not be.
  server.on("error", () => {});
  server.listen({ fd, backlog: 128 });
  return { close: () => void server.close() };
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

/** A datagram says nothing of which address it was sent to: `[::1]` has a socket of its own, so that it answers, too. */
function holdUdp(binding: Binding): HeldPort {
  const { address, port, target } = binding;
  const own = requestFor(binding);
  if (target === undefined) return udpSocket(own.family, openSockets(undefined, [own])[0]);
  if (address === loopback) return new UdpRelay(udpSocket("ipv6", openSockets(undefined, [own])[0]), target);
  const within = { protocol: "udp", family: "ipv6", at: { address: loopback, port }, within: true } as const;
  const [all, inner] = socketsOf([own, within]);
  const holder = udpSocket(own.family, all);
  const relay = inner === undefined ? undefined : new UdpRelay(udpSocket("ipv6", inner), target);
  return {
    close() {
      relay?.close();
      holder.close();
    },
  };
}

/** The first one alone where the host's loopback interface has no IPv6. */
function socketsOf(requests: readonly SocketRequest[]): number[] {
  try {
    return openSockets(undefined, requests);
  } catch {
    return openSockets(undefined, requests.slice(0, 1));
  }
}

function udpSocket(family: "ipv4" | "ipv6", fd = -1): UdpSocket {
  const socket = createSocket(family === "ipv6" ? "udp6" : "udp4").bind({ fd });
  refuseSharing(fd);
  // Of a datagram that came in vain.
  return socket.on("error", () => {});
}
