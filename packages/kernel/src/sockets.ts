import { constants } from "node:os";
import { NetkitError, type Family, type Ip } from "@netkit/core";
import { errnoName, syscalls, withNamespace, type NamespaceRef } from "@netkit/netlink";
import { bindSocket, IPPROTO_IPV6, newSocket, one } from "./inet-socket.ts";

const IPPROTO_IP = 0;
const IP_RECVERR = 11;
const IPV6_RECVERR = 25;

export interface SocketRequest {
  readonly protocol: "tcp" | "udp";
  readonly family: Family;
  /** Where to bind it; absent: it is left unbound. */
  readonly at?: { readonly address: Ip; readonly port: number };
  /**
   * Have the socket fail at once when a router says that it can't deliver (IP_RECVERR, ip(7)); without, a connected UDP
   * socket hears of closed ports only.
   */
  readonly hearsRouters?: boolean;
}

/**
 * Opens sockets inside a namespace, or the thread's own, all or none, and returns their file descriptors. A socket works in its namespace
 * whoever has it, and keeps the namespace alive.
 * @throws NetkitError KERNEL, PORT_TAKEN
 */
export function openSockets(namespace: NamespaceRef | undefined, requests: readonly SocketRequest[]): number[] {
  const calls = syscalls();
  const open = (): number[] => {
    const opened: number[] = [];
    try {
      for (const request of requests) opened.push(openSocket(request));
      return opened;
    } catch (error) {
      for (const fd of opened) calls.close(fd);
      throw error;
    }
  };
  return namespace === undefined ? open() : withNamespace(namespace, open);
}

function openSocket({ protocol, family, at, hearsRouters }: SocketRequest): number {
  const calls = syscalls();
  const fd = newSocket(protocol, family);
  if (fd < 0) throw refusal(-fd, `open a ${protocol} socket`);
  if (hearsRouters === true) {
    if (family === "ipv6") calls.setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, one);
    else calls.setsockopt(fd, IPPROTO_IP, IP_RECVERR, one);
  }
  if (at === undefined) return fd;
  const result = bindSocket(fd, protocol, at.address, at.port);
  if (result >= 0) return fd;
  calls.close(fd);
  throw refusal(-result, `bind ${protocol} port ${at.port} of ${at.address}`);
}

function refusal(errno: number, what: string): NetkitError {
  const code = errno === constants.errno.EADDRINUSE ? "PORT_TAKEN" : "KERNEL";
  return new NetkitError(code, `can't ${what}: ${errnoName(errno)}`, { details: { errno: errnoName(errno) } });
}
