import { Attributes, AttributeWriter } from "./attribute.ts";
import { withoutUndefined } from "./decoded.ts";
import { isNetlinkError, malformed } from "./errors.ts";
import { familyOf, familyOfVersion } from "./ip-family.ts";
import type { IpVersion } from "./ip-family.ts";
import { formatAddress, parseAddress } from "./ip-bytes.ts";
import type { NetlinkMessage } from "./message.ts";
import type { NetlinkSocket } from "./socket.ts";

/** One direction of a connection, as its sender addresses it. */
export interface ConnectionTuple {
  readonly source: string;
  readonly destination: string;
  /** The IP protocol number: 6 TCP, 17 UDP. */
  readonly protocol: number;
  /** Absent for protocols without ports. */
  readonly sourcePort?: number;
  readonly destinationPort?: number;
}

/** A tracked connection (CTA_*, linux/netfilter/nfnetlink_conntrack.h). */
export interface Connection {
  readonly original: ConnectionTuple;
  /** How the answers are addressed: not the mirror of `original` where addresses are translated. */
  readonly reply: ConnectionTuple;
  /** IPS_*, linux/netfilter/nf_conntrack_common.h. */
  readonly status: number;
  /** Tells the connection from a later one with the same addresses. */
  readonly id: number;
  readonly mark: number;
  /** Absent for zone 0. */
  readonly zone?: number;
  /** Until the connection is forgotten. Absent for one that never is. */
  readonly timeoutS?: number;
}

/** Which connections. Parts that are given narrow the choice, in the kernel. Ports need a protocol. */
export interface ConnectionFilter {
  readonly version?: IpVersion;
  readonly original?: Partial<ConnectionTuple>;
  readonly reply?: Partial<ConnectionTuple>;
}

/** The connection's source is translated (linux/netfilter/nf_conntrack_common.h). */
export const IPS_SRC_NAT = 0x10;
/** The connection's destination is translated. */
export const IPS_DST_NAT = 0x20;

const NFNL_SUBSYS_CTNETLINK = 1 << 8;
const GET = NFNL_SUBSYS_CTNETLINK | 1;
const DELETE = NFNL_SUBSYS_CTNETLINK | 2;
const HEADER = 4;

const CTA_TUPLE_ORIG = 1;
const CTA_TUPLE_REPLY = 2;
const CTA_STATUS = 3;
const CTA_TIMEOUT = 7;
const CTA_MARK = 8;
const CTA_ID = 12;
const CTA_ZONE = 18;
const CTA_FILTER = 25;
const CTA_TUPLE_IP = 1;
const CTA_TUPLE_PROTO = 2;
const CTA_IP = { 4: { source: 1, destination: 2 }, 16: { source: 3, destination: 4 } } as const;
const CTA_PROTO_NUM = 1;
const CTA_PROTO_SRC_PORT = 2;
const CTA_PROTO_DST_PORT = 3;
const CTA_FILTER_ORIG_FLAGS = 1;
const CTA_FILTER_REPLY_FLAGS = 2;

/** Which parts of a tuple CTA_FILTER compares: net/netfilter/nf_internals.h in the kernel's source. */
const COMPARE_BUT_ADDRESSES = { protocol: 8, sourcePort: 16, destinationPort: 32 } as const;
const COMPARE = { source: 1, destination: 2, ...COMPARE_BUT_ADDRESSES } as const;

/** List tracked connections. Takes a socket of NETLINK_NETFILTER. Filters other than `version` need Linux 5.8. */
export function listConnections(socket: NetlinkSocket, filter: ConnectionFilter = {}): Connection[] {
  const { original, reply } = filter;
  if (!original && !reply) return dump(socket, header(familyOfVersion(filter.version)), decodeConnection);
  // The kernel compares tuples of one IP version at a time.
  const version = filter.version ?? versionOf(original) ?? versionOf(reply);
  return (version === undefined ? ([4, 6] as const) : [version]).flatMap((version) => {
    // It takes equal IPv6 addresses for different ones (Linux 6.18), so these are compared here.
    const parts = version === 4 ? COMPARE : COMPARE_BUT_ADDRESSES;
    const writer = header(familyOfVersion(version));
    if (original) encodeTuple(writer, CTA_TUPLE_ORIG, original);
    if (reply) encodeTuple(writer, CTA_TUPLE_REPLY, reply);
    writer.nest(CTA_FILTER, () => {
      writer.u32(CTA_FILTER_ORIG_FLAGS, comparison(original, parts));
      writer.u32(CTA_FILTER_REPLY_FLAGS, comparison(reply, parts));
    });
    return dump(socket, writer, (payload) => {
      const found = decodeConnection(payload);
      return hasAddresses(found.original, original) && hasAddresses(found.reply, reply) ? found : undefined;
    });
  });
}

/** Forget a connection. Fails with ENOENT when it is gone, also when another with the same addresses came. */
export function delConnection(connection: Pick<Connection, "original" | "id" | "zone">): NetlinkMessage {
  const { original, id, zone } = connection;
  const writer = header(familyOf(parseAddress(original.source)));
  encodeTuple(writer, CTA_TUPLE_ORIG, original);
  writer.be32(CTA_ID, id);
  if (zone !== undefined) writer.be16(CTA_ZONE, zone);
  const op = `forget the connection from ${original.source} to ${original.destination}`;
  return { type: DELETE, flags: 0, payload: writer.finish(), op };
}

/**
 * Forget the connections that `filter` and `matches` choose, and return how many. UDP senders keep an old translation
 * alive for as long as they send: after a port was published or withdrawn, flush what was tracked under the old rules.
 */
export function flushConnections(
  socket: NetlinkSocket,
  filter: ConnectionFilter,
  matches: (connection: Connection) => boolean = () => true,
): number {
  const found = listConnections(socket, filter).filter((connection) => matches(connection));
  let forgotten = 0;
  for (const result of socket.batch(found.map(delConnection))) {
    if (result.ok) forgotten += 1;
    // It ended by itself in between.
    else if (!isNetlinkError(result.error) || result.error.code !== "ENOENT") throw result.error;
  }
  return forgotten;
}

/** Decode the payload of IPCTNL_MSG_CT_NEW. Throws EBADMSG. */
export function decodeConnection(payload: Buffer): Connection {
  const attributes = new Attributes(payload, HEADER);
  return {
    original: decodeTuple(attributes.nested(CTA_TUPLE_ORIG)),
    reply: decodeTuple(attributes.nested(CTA_TUPLE_REPLY)),
    status: attributes.be32(CTA_STATUS) ?? 0,
    id: attributes.be32(CTA_ID) ?? 0,
    mark: attributes.be32(CTA_MARK) ?? 0,
    ...withoutUndefined({ zone: attributes.be16(CTA_ZONE), timeoutS: attributes.be32(CTA_TIMEOUT) }),
  };
}

function dump(
  socket: NetlinkSocket,
  writer: AttributeWriter,
  decode: (payload: Buffer) => Connection | undefined,
): Connection[] {
  return socket.dump({ type: GET, flags: 0, payload: writer.finish(), op: "list connections" }, decode);
}

function versionOf(tuple: Partial<ConnectionTuple> | undefined): IpVersion | undefined {
  const address = tuple?.source ?? tuple?.destination;
  return address === undefined ? undefined : parseAddress(address).length === 4 ? 4 : 6;
}

/** struct nfgenmsg: family, version, and a resource id that isn't used. */
function header(family: number): AttributeWriter {
  const writer = new AttributeWriter(HEADER);
  writer.header.setUint8(0, family);
  return writer;
}

function encodeTuple(writer: AttributeWriter, type: number, tuple: Partial<ConnectionTuple>): void {
  const { source, destination, protocol, sourcePort, destinationPort } = tuple;
  writer.nest(type, () => {
    writer.nest(CTA_TUPLE_IP, () => {
      if (source !== undefined) encodeAddress(writer, "source", source);
      if (destination !== undefined) encodeAddress(writer, "destination", destination);
    });
    writer.nest(CTA_TUPLE_PROTO, () => {
      if (protocol !== undefined) writer.u8(CTA_PROTO_NUM, protocol);
      if (sourcePort !== undefined) writer.be16(CTA_PROTO_SRC_PORT, sourcePort);
      if (destinationPort !== undefined) writer.be16(CTA_PROTO_DST_PORT, destinationPort);
    });
  });
}

function encodeAddress(writer: AttributeWriter, end: "source" | "destination", text: string): void {
  const bytes = parseAddress(text);
  writer.bytes(CTA_IP[bytes.length === 4 ? 4 : 16][end], bytes);
}

function decodeTuple(attributes: Attributes | undefined): ConnectionTuple {
  const ip = attributes?.nested(CTA_TUPLE_IP);
  const protocol = attributes?.nested(CTA_TUPLE_PROTO);
  const address = (end: "source" | "destination"): string => {
    const bytes = ip?.bytes(CTA_IP[4][end]) ?? ip?.bytes(CTA_IP[16][end]);
    if (bytes?.length !== 4 && bytes?.length !== 16) throw malformed(`a connection without a ${end}`);
    return formatAddress(bytes);
  };
  return {
    source: address("source"),
    destination: address("destination"),
    protocol: protocol?.u8(CTA_PROTO_NUM) ?? 0,
    ...withoutUndefined({
      sourcePort: protocol?.be16(CTA_PROTO_SRC_PORT),
      destinationPort: protocol?.be16(CTA_PROTO_DST_PORT),
    }),
  };
}

function comparison(tuple: Partial<ConnectionTuple> | undefined, parts: Readonly<Record<string, number>>): number {
  let flags = 0;
  for (const [name, flag] of Object.entries(parts)) {
    if (tuple?.[name as keyof ConnectionTuple] !== undefined) flags |= flag;
  }
  return flags;
}

function hasAddresses(tuple: ConnectionTuple, wanted: Partial<ConnectionTuple> | undefined): boolean {
  return isAddress(tuple.source, wanted?.source) && isAddress(tuple.destination, wanted?.destination);
}

function isAddress(address: string, wanted: string | undefined): boolean {
  return wanted === undefined || address === formatAddress(parseAddress(wanted));
}
