import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { connect, type Socket as TcpSocket } from "node:net";
import { familyOf, parseIp, type Ip } from "@netkit/core";

/** A server to forward to. */
export interface Upstream {
  readonly address: Ip;
  /** 53 if absent. */
  readonly port?: number;
}

/**
 * Where the queries of a client go. Clients that share the object share what is kept of the answers, so share it only where
 * the same sockets are opened: a sandbox can answer in the name of any server that is asked from its namespace.
 */
export interface Upstreams {
  /** The first three are asked, all at once. None: there is nothing but the client's own names. */
  readonly servers: readonly Upstream[];
  /** A UDP socket of the address's family, bound or not; by default one of this process's namespace. */
  readonly openUdp?: (server: Upstream) => UdpSocket | Promise<UdpSocket>;
  /** A TCP socket that is connecting to the server; by default from this process's namespace. */
  readonly connectTcp?: (server: Upstream) => TcpSocket | Promise<TcpSocket>;
}

/** Where Docker's resolver listens too, in each sandbox. */
export const ownAddress: Ip = parseIp("127.0.0.11");

/** MAXNS of resolv.conf(5). */
const maxServers = 3;

export function portOf(server: Upstream): number {
  return server.port ?? 53;
}

/** Those to ask: never the resolver itself, which would ask itself until a limit ends it. */
export function serversOf({ servers }: Upstreams, own: readonly Ip[]): Upstream[] {
  return servers.filter(({ address }) => !own.includes(address)).slice(0, maxServers);
}

export async function openUdp(upstreams: Upstreams, server: Upstream): Promise<UdpSocket> {
  if (upstreams.openUdp !== undefined) return await upstreams.openUdp(server);
  return createSocket(familyOf(server.address) === "ipv6" ? "udp6" : "udp4");
}

export async function connectTcp(upstreams: Upstreams, server: Upstream): Promise<TcpSocket> {
  if (upstreams.connectTcp !== undefined) return await upstreams.connectTcp(server);
  return connect(portOf(server), server.address);
}
