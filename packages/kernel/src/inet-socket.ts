import { endianness } from "node:os";
import type { Family, Ip, Protocol } from "@netkit/core";
import { parseAddress, syscalls } from "@netkit/netlink";

// Of sys/socket.h and linux/in.h, as the calls take them.
export const AF_INET = 2;
export const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const IPPROTO_SCTP = 132;
/** The level of IPv6's options, for setsockopt(2). */
export const IPPROTO_IPV6 = 41;
/** An int of 1, for setsockopt(2). */
export const one: Buffer = Buffer.from(new Uint8Array(new Uint32Array([1]).buffer));

/** A socket in the thread's namespace, closed on exec. @returns its descriptor, or -errno */
export function newSocket(protocol: Protocol, family: Family): number {
  const type = (protocol === "udp" ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC;
  return syscalls().socket(family === "ipv6" ? AF_INET6 : AF_INET, type, protocol === "sctp" ? IPPROTO_SCTP : 0);
}

/** Binds a socket, for TCP also while connections of the last listener linger in TIME_WAIT. @returns 0, or -errno */
export function bindSocket(fd: number, protocol: Protocol, address: Ip, port: number): number {
  if (protocol === "tcp") syscalls().setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, one);
  return syscalls().bind(fd, socketAddress(address, port));
}

/** struct sockaddr_in (16 bytes) or sockaddr_in6 (28 bytes), linux/in.h and linux/in6.h. */
export function socketAddress(address: Ip, port: number): Buffer {
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
