import { AttributeWriter, LITTLE_ENDIAN } from "./attribute.ts";
import { formatAddress } from "./ip-bytes.ts";
import { AF_INET, AF_INET6 } from "./ip-family.ts";
import type { NetlinkMessage } from "./message.ts";
import type { NetlinkSocket } from "./socket.ts";

/** A socket with a local port, as linux/inet_diag.h tells of it. */
export interface ListedSocket {
  readonly address: string;
  readonly port: number;
}

export interface SocketFilter {
  /** The IP protocol number: 6 TCP, 17 UDP. */
  readonly protocol: number;
  /** Those that listen; connections are far more, and looking through them takes long. */
  readonly listening?: boolean;
  /** Those with local ports from `first` to `last`; the kernel chooses. */
  readonly ports?: { readonly first: number; readonly last: number };
}

const TCP = 6;
/** linux/inet_diag.h: TCP sockets of both IP versions at once. */
const TCPDIAG_GETSOCK = 18;
/** linux/sock_diag.h */
const SOCK_DIAG_BY_FAMILY = 20;
const ALL_STATES = 0xffff_ffff;
/** TCP_LISTEN, linux/tcp_states.h. */
const LISTEN = 1 << 10;
/** struct inet_diag_req_v2, and struct inet_diag_req with its states behind a struct inet_diag_sockid. */
const REQUEST = { length: 56, states: 4 };
const TCP_REQUEST = { length: 60, states: 52 };
const BYTECODE = 1;
/** Operations on the local port, INET_DIAG_BC_*. */
const AT_LEAST = 2;
const AT_MOST = 3;

/**
 * List the sockets of one protocol, of both IP versions and in every state or one. Takes a socket of NETLINK_SOCK_DIAG. TCP
 * sockets that are bound and neither listen nor are connected are listed from Linux 6.8 on. ENOENT where the kernel can't
 * tell of the protocol.
 */
export function listSockets(socket: NetlinkSocket, filter: SocketFilter): ListedSocket[] {
  // The kernel goes through whole tables, once for each request.
  const requests =
    filter.protocol === TCP ? [tcpRequest(filter)] : [AF_INET, AF_INET6].map((family) => request(family, filter));
  return requests.flatMap((message) => socket.dump(message, decode));
}

function decode(payload: Buffer): ListedSocket {
  const length = payload[0] === AF_INET ? 4 : 16;
  return { address: formatAddress(payload.subarray(8, 8 + length)), port: payload.readUInt16BE(4) };
}

function request(family: number, filter: SocketFilter): NetlinkMessage {
  const writer = new AttributeWriter(REQUEST.length);
  writer.header.setUint8(0, family);
  writer.header.setUint8(1, filter.protocol);
  writer.header.setUint32(REQUEST.states, statesOf(filter), LITTLE_ENDIAN);
  return finish(SOCK_DIAG_BY_FAMILY, writer, filter);
}

function tcpRequest(filter: SocketFilter): NetlinkMessage {
  const writer = new AttributeWriter(TCP_REQUEST.length);
  writer.header.setUint32(TCP_REQUEST.states, statesOf(filter), LITTLE_ENDIAN);
  return finish(TCPDIAG_GETSOCK, writer, filter);
}

function statesOf({ listening }: SocketFilter): number {
  return listening === true ? LISTEN : ALL_STATES;
}

function finish(type: number, writer: AttributeWriter, { protocol, ports }: SocketFilter): NetlinkMessage {
  if (ports !== undefined) writer.bytes(BYTECODE, portsBetween(ports.first, ports.last));
  return { type, flags: 0, payload: writer.finish(), op: `list sockets of protocol ${protocol}` };
}

/** Two operations of two struct inet_diag_bc_op each: on success on to what follows, else behind the end, which refuses. */
function portsBetween(first: number, last: number): Uint8Array {
  const code = new DataView(new ArrayBuffer(16));
  for (const [at, operation, port] of [
    [0, AT_LEAST, first],
    [8, AT_MOST, last],
  ] as const) {
    code.setUint8(at, operation);
    code.setUint8(at + 1, 8);
    code.setUint16(at + 2, 20 - at, LITTLE_ENDIAN);
    code.setUint16(at + 6, port, LITTLE_ENDIAN);
  }
  return new Uint8Array(code.buffer);
}
