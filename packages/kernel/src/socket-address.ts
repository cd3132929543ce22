import { endianness } from "node:os";
import type { Ip } from "@netkit/core";
import { parseAddress } from "@netkit/netlink";

/** Of sys/socket.h and linux/in.h, as the calls take them. */
export const AF_INET = 2;
/** See {@link AF_INET}. */
export const AF_INET6 = 10;
/** See {@link AF_INET}. */
export const SOCK_STREAM = 1;
/** See {@link AF_INET}. */
export const SOCK_DGRAM = 2;
/** See {@link AF_INET}. */
export const SOCK_CLOEXEC = 0o2000000;
/** See {@link AF_INET}. */
export const SOL_SOCKET = 1;
/** See {@link AF_INET}. */
export const SO_REUSEADDR = 2;
/** An int of 1, for setsockopt(2). */
export const one: Buffer = Buffer.from(new Uint8Array(new Uint32Array([1]).buffer));

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
