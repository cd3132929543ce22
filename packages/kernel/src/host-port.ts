import { constants } from "node:os";
import { familyOf, type Ip, type Protocol } from "@netkit/core";
import { syscalls, withNamespace, type NamespaceRef } from "@netkit/netlink";
import {
  AF_INET,
  AF_INET6,
  one,
  socketAddress,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_SOCKET,
  SO_REUSEADDR,
} from "./socket-address.ts";

const IPPROTO_SCTP = 132;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const zero = Buffer.alloc(4);
const { EADDRINUSE } = constants.errno;

export interface HostPort {
  readonly protocol: Protocol;
  /** Absent: any address of any family. */
  readonly address?: Ip;
  readonly port: number;
}

/**
 * Those of `ports` that a socket of the host is bound to, found by trying to bind them. Connections that linger in
 * TIME_WAIT don't count for TCP. A protocol or family that the kernel doesn't have is never in use.
 */
export function portsInUse(namespace: NamespaceRef, ports: readonly HostPort[]): HostPort[] {
  return withNamespace(namespace, () => ports.filter(isInUse));
}

function isInUse({ protocol, address, port }: HostPort): boolean {
  if (address !== undefined) return bindFails(protocol, address, port, true) === true;
  // One socket for both families, which a host without IPv6 has not.
  return bindFails(protocol, "::" as Ip, port, false) ?? bindFails(protocol, "0.0.0.0" as Ip, port, false) === true;
}

/** Whether the address is in use; undefined where there are no such sockets. */
function bindFails(protocol: Protocol, address: Ip, port: number, oneFamily: boolean): boolean | undefined {
  const calls = syscalls();
  const v6 = familyOf(address) === "ipv6";
  const type = (protocol === "udp" ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC;
  const fd = calls.socket(v6 ? AF_INET6 : AF_INET, type, protocol === "sctp" ? IPPROTO_SCTP : 0);
  if (fd < 0) return undefined;
  try {
    if (protocol === "tcp") calls.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, one);
    if (v6) calls.setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, oneFamily ? one : zero);
    const result = calls.bind(fd, socketAddress(address, port));
    return result < 0 && result !== -EADDRINUSE && !oneFamily ? undefined : result === -EADDRINUSE;
  } finally {
    calls.close(fd);
  }
}
