import { constants } from "node:os";
import { NetkitError, type Family, type Ip } from "@netkit/core";
import { errnoName, syscalls, withNamespace, type NamespaceRef } from "@netkit/netlink";
import { bindSocket, IPPROTO_IPV6, newSocket, one } from "./inet-socket.ts";

const IPPROTO_IP = 0;
const IP_RECVERR = 11;
const IPV6_RECVERR = 25;
const IPV6_V6ONLY = 26;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const zero = Buffer.alloc(4);

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
  /** An IPv6 socket for IPv4 as well, or not; absent: as the host's bindv6only says. */
  readonly bothFamilies?: boolean;
  /**
   * It has the port of the UDP socket before it, on an address that is among that one's; what comes to that address is
   * its. Nobody else gets at the port by that.
   */
  readonly within?: boolean;
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
      for (const request of requests) opened.push(openSocket(request, opened.at(-1)));
      return opened;
    } catch (error) {
      for (const fd of opened) calls.close(fd);
      throw error;
    }
  };
  return namespace === undefined ? open() : withNamespace(namespace, open);
}

/**
 * Has a bound UDP socket refuse others that would share its port. Node lets them in when it is given a socket
 * (uv_udp_open sets SO_REUSEADDR).
 */
export function refuseSharing(fd: number): void {
  syscalls().setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, zero);
}

function openSocket(
  { protocol, family, at, hearsRouters, bothFamilies, within }: SocketRequest,
  before: number | undefined,
): number {
  const calls = syscalls();
  const fd = newSocket(protocol, family);
  if (fd < 0) throw refusal(-fd, `open a ${protocol} socket`);
  if (hearsRouters === true) {
    if (family === "ipv6") calls.setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, one);
    else calls.setsockopt(fd, IPPROTO_IP, IP_RECVERR, one);
  }
  if (family === "ipv6" && bothFamilies !== undefined)
    calls.setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, bothFamilies ? zero : one);
  if (at === undefined) return fd;
  // Asked of both sockets, and only while one is bound (socket(7)): who sets it later, alone, is refused.
  const sharing = within === true && before !== undefined ? [before, fd] : [];
  for (const each of sharing) calls.setsockopt(each, SOL_SOCKET, SO_REUSEADDR, one);
  const result = bindSocket(fd, protocol, at.address, at.port);
  for (const each of sharing) calls.setsockopt(each, SOL_SOCKET, SO_REUSEADDR, zero);
  if (result >= 0) return fd;
  calls.close(fd);
  throw refusal(-result, `bind ${protocol} port ${at.port} of ${at.address}`);
}

function refusal(errno: number, what: string): NetkitError {
  const code = errno === constants.errno.EADDRINUSE ? "PORT_TAKEN" : "KERNEL";
  return new NetkitError(code, `can't ${what}: ${errnoName(errno)}`, { details: { errno: errnoName(errno) } });
}
