import { Attributes, AttributeWriter, LITTLE_ENDIAN, align4 } from "./attribute.ts";
import { nameOf, withoutUndefined } from "./decoded.ts";
import { isNetlinkError, malformed } from "./errors.ts";
import { AF_INET, AF_INET6, familyOf, familyOfVersion, ofFamily, zeroAddress } from "./ip-family.ts";
import type { IpVersion } from "./ip-family.ts";
import { formatAddress, formatPrefix, parseAddress, parsePrefix } from "./ip-bytes.ts";
import { NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from "./message.ts";
import type { NetlinkMessage } from "./message.ts";
import type { NetlinkSocket } from "./socket.ts";

const TYPES = {
  unicast: 1,
  local: 2,
  broadcast: 3,
  anycast: 4,
  multicast: 5,
  blackhole: 6,
  unreachable: 7,
  prohibit: 8,
  throw: 9,
} as const;

/** What becomes of a packet that a route matches (RTN_*, linux/rtnetlink.h). */
export type RouteType = keyof typeof TYPES;

/** Where a packet goes next. */
export interface Nexthop {
  /** The next router; without one the destination is on the link itself. IPv4 routes may have an IPv6 gateway. */
  readonly gateway?: string;
  readonly ifindex?: number;
  /** The gateway is on the link although no route says so. */
  readonly onlink?: boolean;
}

/** A route (struct rtmsg, RTA_*; linux/rtnetlink.h). */
export interface Route extends Nexthop {
  /** `10.0.0.0/8`; the default route is `0.0.0.0/0` or `::/0`. */
  readonly destination: string;
  /** Default: unicast. */
  readonly type?: RouteType;
  /** Smaller wins. Default: 0 in IPv4, 1024 in IPv6. */
  readonly metric?: number;
  /** Default: 254, main. */
  readonly table?: number;
  /** Who made the route (RTPROT_*): a number that tells one program's routes from all others'. Default: 4, static. */
  readonly protocol?: number;
  /** RT_SCOPE_*. Default: link for IPv4 routes without a gateway, else global. */
  readonly scope?: number;
  /** The source address to prefer. */
  readonly preferredSource?: string;
  readonly mtu?: number;
  /** Several ways to share the traffic, in place of `gateway` and `ifindex`. */
  readonly nexthops?: readonly WeightedNexthop[];
}

/** One of several ways. */
export interface WeightedNexthop extends Nexthop {
  /** Its share of the traffic, 1 to 256. Default: 1. */
  readonly weight?: number;
}

/** A route as the kernel has it. */
export interface ListedRoute extends Route {
  readonly type: RouteType;
  readonly table: number;
  readonly protocol: number;
  readonly scope: number;
}

/** Which routes to list. */
export interface RouteFilter {
  readonly version?: IpVersion;
  readonly table?: number;
  readonly protocol?: number;
  readonly ifindex?: number;
}

/** Route tables, linux/rtnetlink.h. */
export const RT_TABLE_MAIN = 254;
export const RT_TABLE_LOCAL = 255;
/** The route goes to a neighbour on the link (linux/rtnetlink.h). */
export const RT_SCOPE_LINK = 253;
export const RT_SCOPE_HOST = 254;

export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
const RTM_GETROUTE = 26;
const HEADER = 12;
const NEXTHOP_HEADER = 8;

const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PRIORITY = 6;
const RTA_PREFSRC = 7;
const RTA_METRICS = 8;
const RTA_MULTIPATH = 9;
const RTA_TABLE = 15;
const RTA_VIA = 18;
const RTAX_MTU = 2;
const RTNH_F_ONLINK = 4;
const RTM_F_CLONED = 0x200;
const RTPROT_STATIC = 4;
const RT_SCOPE_NOWHERE = 255;

/** Add a route. Fails with EEXIST when there is one to the same destination with the same metric. */
export function newRoute(route: Route): NetlinkMessage {
  return message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, route, "add");
}

/** Add a route in place of the one to the same destination with the same metric, if any. */
export function replaceRoute(route: Route): NetlinkMessage {
  return message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, route, "replace");
}

/** Add a route beside those to the same destination. */
export function appendRoute(route: Route): NetlinkMessage {
  return message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_APPEND, route, "append");
}

/**
 * Delete the first route to which everything that is given applies. What is left out applies to any, but for `table`.
 * Fails with ESRCH when there is none.
 */
export function delRoute(route: Route): NetlinkMessage {
  return message(RTM_DELROUTE, 0, route, "delete");
}

/** List the routes of the socket's namespace, of all tables. */
export function listRoutes(socket: NetlinkSocket, filter: RouteFilter = {}): ListedRoute[] {
  const { table, protocol, ifindex } = filter;
  const writer = new AttributeWriter(HEADER);
  writer.header.setUint8(0, familyOfVersion(filter.version));
  if (protocol !== undefined) writer.header.setUint8(5, protocol);
  if (table !== undefined) writer.u32(RTA_TABLE, table);
  if (ifindex !== undefined) writer.u32(RTA_OIF, ifindex);
  const op = "list routes";
  try {
    return socket.dump({ type: RTM_GETROUTE, flags: 0, payload: writer.finish(), op }, decodeRoute);
  } catch (error) {
    // A table that was never used isn't there to be listed.
    if (table !== undefined && isNetlinkError(error) && error.code === "ENOENT") return [];
    throw error;
  }
}

/** Decode the payload of RTM_NEWROUTE; `undefined` for what isn't a route to IP: a cached one, or multicast's. */
export function decodeRoute(payload: Buffer): ListedRoute | undefined {
  const attributes = new Attributes(payload, HEADER);
  const family = payload.readUInt8(0);
  const type = nameOf(TYPES, payload.readUInt8(7));
  const flags = readU32(payload, 8);
  if (!type || flags & RTM_F_CLONED || (family !== AF_INET && family !== AF_INET6)) return undefined;
  const multipath = attributes.bytes(RTA_MULTIPATH);
  const source = attributes.bytes(RTA_PREFSRC);
  return {
    destination: formatPrefix({
      bytes: ofFamily(attributes.bytes(RTA_DST) ?? Buffer.from(zeroAddress(family)), family),
      length: payload.readUInt8(1),
    }),
    type,
    table: attributes.u32(RTA_TABLE) ?? payload.readUInt8(4),
    protocol: payload.readUInt8(5),
    scope: payload.readUInt8(6),
    ...decodeNexthop(attributes, family, flags),
    ...withoutUndefined({
      ifindex: attributes.u32(RTA_OIF),
      metric: attributes.u32(RTA_PRIORITY),
      preferredSource: source && formatAddress(ofFamily(source, family)),
      mtu: attributes.nested(RTA_METRICS)?.u32(RTAX_MTU),
      nexthops: multipath && decodeMultipath(multipath, family),
    }),
  };
}

function message(type: number, flags: number, route: Route, verb: string): NetlinkMessage {
  return { type, flags, payload: encode(route, type === RTM_DELROUTE), op: `${verb} route ${describeRoute(route)}` };
}

function encode(route: Route, forDelete: boolean): Buffer {
  const { bytes, length } = parsePrefix(route.destination);
  const table = route.table ?? RT_TABLE_MAIN;
  const writer = new AttributeWriter(HEADER);
  const view = writer.header;
  view.setUint8(0, familyOf(bytes));
  view.setUint8(1, length);
  view.setUint8(4, table < 256 ? table : 0);
  view.setUint8(5, route.protocol ?? (forDelete ? 0 : RTPROT_STATIC));
  view.setUint8(6, route.scope ?? (forDelete ? RT_SCOPE_NOWHERE : defaultScope(route, bytes)));
  view.setUint8(7, route.type === undefined && forDelete ? 0 : TYPES[route.type ?? "unicast"]);
  view.setUint32(8, route.onlink ? RTNH_F_ONLINK : 0, LITTLE_ENDIAN);
  if (length > 0) writer.bytes(RTA_DST, bytes);
  writer.u32(RTA_TABLE, table);
  encodeGateway(writer, route.gateway, bytes.length);
  if (route.ifindex !== undefined) writer.u32(RTA_OIF, route.ifindex);
  if (route.metric !== undefined) writer.u32(RTA_PRIORITY, route.metric);
  if (route.preferredSource !== undefined) writer.bytes(RTA_PREFSRC, parseAddress(route.preferredSource));
  const { mtu, nexthops } = route;
  if (mtu !== undefined) writer.nest(RTA_METRICS, () => writer.u32(RTAX_MTU, mtu));
  if (nexthops) writer.bytes(RTA_MULTIPATH, encodeMultipath(nexthops, bytes.length));
  return writer.finish();
}

/** As iproute2 does: what is on the link has the link's scope, what is the host's own has the host's. */
function defaultScope(route: Route, destination: Uint8Array): number {
  if (destination.length === 16) return 0;
  if (route.type === "local") return RT_SCOPE_HOST;
  const near = route.type === "broadcast" || route.type === "multicast" || route.type === "anycast";
  const direct = (route.type ?? "unicast") === "unicast" && route.gateway === undefined && !route.nexthops;
  return near || direct ? RT_SCOPE_LINK : 0;
}

function encodeGateway(writer: AttributeWriter, gateway: string | undefined, addressLength: number): void {
  if (gateway === undefined) return;
  const bytes = parseAddress(gateway);
  if (bytes.length === addressLength) {
    writer.bytes(RTA_GATEWAY, bytes);
    return;
  }
  // struct rtvia: the family, then the address.
  const via = new Uint8Array(2 + bytes.length);
  new DataView(via.buffer).setUint16(0, familyOf(bytes), LITTLE_ENDIAN);
  via.set(bytes, 2);
  writer.bytes(RTA_VIA, via);
}

/** A list of struct rtnexthop, each with its attributes. */
function encodeMultipath(nexthops: readonly WeightedNexthop[], addressLength: number): Buffer {
  const parts = nexthops.map((nexthop) => {
    const writer = new AttributeWriter(NEXTHOP_HEADER);
    encodeGateway(writer, nexthop.gateway, addressLength);
    const part = writer.finish();
    const view = writer.header;
    view.setUint16(0, part.length, LITTLE_ENDIAN);
    view.setUint8(2, nexthop.onlink ? RTNH_F_ONLINK : 0);
    view.setUint8(3, (nexthop.weight ?? 1) - 1);
    view.setInt32(4, nexthop.ifindex ?? 0, LITTLE_ENDIAN);
    return part;
  });
  return Buffer.concat(parts);
}

function decodeMultipath(bytes: Buffer, family: number): WeightedNexthop[] {
  const nexthops: WeightedNexthop[] = [];
  for (let at = 0; bytes.length - at >= NEXTHOP_HEADER;) {
    const length = LITTLE_ENDIAN ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at);
    if (length < NEXTHOP_HEADER || at + length > bytes.length) throw malformed(`next hop of ${length} bytes`);
    const part = bytes.subarray(at, at + length);
    nexthops.push({
      ...decodeNexthop(new Attributes(part, NEXTHOP_HEADER), family, part.readUInt8(2)),
      ifindex: readU32(part, 4),
      weight: part.readUInt8(3) + 1,
    });
    at += align4(length);
  }
  return nexthops;
}

function decodeNexthop(attributes: Attributes, family: number, flags: number): Nexthop {
  const gateway = attributes.bytes(RTA_GATEWAY);
  const via = attributes.bytes(RTA_VIA);
  return withoutUndefined({
    gateway: gateway ? formatAddress(ofFamily(gateway, family)) : via && decodeVia(via),
    onlink: flags & RTNH_F_ONLINK ? true : undefined,
  });
}

function decodeVia(via: Buffer): string {
  if (via.length < 2) throw malformed("a gateway without a family");
  const family = LITTLE_ENDIAN ? via.readUInt16LE(0) : via.readUInt16BE(0);
  return formatAddress(ofFamily(via.subarray(2), family));
}

function readU32(bytes: Buffer, at: number): number {
  return LITTLE_ENDIAN ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
}

function describeRoute({ type, destination, gateway, ifindex, table }: Route): string {
  const kind = type === undefined || type === "unicast" ? "" : `${type} `;
  const via = gateway === undefined ? "" : ` via ${gateway}`;
  const dev = ifindex === undefined ? "" : ` of ifindex ${ifindex}`;
  return `${kind}${destination}${via}${dev}${table === undefined ? "" : ` in table ${table}`}`;
}
