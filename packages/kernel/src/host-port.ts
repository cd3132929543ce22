import { constants, endianness, networkInterfaces } from "node:os";
import { familyOf, NetkitError, type Ip, type Protocol } from "@netkit/core";
import { parseAddress, syscalls, withNamespace, type NamespaceRef } from "@netkit/netlink";

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const IPPROTO_SCTP = 132;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
const zero = Buffer.alloc(4);
const one = Buffer.from(new Uint8Array(new Uint32Array([1]).buffer));
const { EADDRINUSE, EADDRNOTAVAIL } = constants.errno;

export interface HostPort {
  readonly protocol: Protocol;
  /** Absent: any address of any family. */
  readonly address?: Ip;
  readonly port: number;
}

/**
 * Those of `ports` that a socket of the host is bound to, found by trying to bind them. Connections that linger in
 * TIME_WAIT don't count for TCP. A protocol or family that the kernel doesn't have is never in use.
 * @throws NetkitError PORT_INVALID for an address that the host hasn't
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
    if (result === -EADDRNOTAVAIL) refuseForeign(address, port);
    return result < 0 && result !== -EADDRINUSE && !oneFamily ? undefined : result === -EADDRINUSE;
  } finally {
    calls.close(fd);
  }
}

/** The host has no such address; one that is still being checked for duplicates is its own. */
function refuseForeign(address: Ip, port: number): void {
  const own = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map((one) => one.address));
  if (own.includes(address)) return;
  throw new NetkitError(
    "PORT_INVALID",
    `port ${port} can't be published on ${address}: it is no address of this host`,
    {
      hint: `Its addresses are ${own.join(", ")}; without one the port is published on all of them.`,
      details: { address, port, addresses: own },
    },
  );
}

/** struct sockaddr_in (16 bytes) or sockaddr_in6 (28 bytes), linux/in.h and linux/in6.h. */
function socketAddress(address: Ip, port: number): Buffer {
  const bytes = parseAddress(address);
  const v6 = bytes.length === 16;
  const encoded = Buffer.alloc(v6 ? 28 : 16);
  const family = v6 ? AF_INET6 : AF_INET;
  if (endianness() === "LE") encoded.writeUInt16LE(family);
  else encoded.writeUInt16BE(family);
  encoded.writeUInt16BE(port, 2);
  encoded.set(bytes, v6 ? 8 : 4);
  return encoded;
}
