import { Attributes, LITTLE_ENDIAN, decodeAttributes } from "./attribute.ts";
import { decodeBridgePort } from "./bridge-port.ts";
import type { BridgePort } from "./bridge-port.ts";
import { nameOf, withoutUndefined } from "./decoded.ts";
import { isNetlinkError, malformed } from "./errors.ts";
import {
  RTM_NEWLINK,
  RTM_GETLINK,
  LINK_HEADER,
  IFF_UP,
  IFF_NOARP,
  IFF_LOWER_UP,
  IFLA_ADDRESS,
  IFLA_IFNAME,
  IFLA_MTU,
  IFLA_LINK,
  IFLA_MASTER,
  IFLA_TXQLEN,
  IFLA_OPERSTATE,
  IFLA_LINKINFO,
  IFLA_AF_SPEC,
  DEVCONF_DISABLE_IPV6,
  IFLA_INET6_ADDR_GEN_MODE,
  IFLA_INET6_CONF,
  IFLA_INET_CONF,
  IPV4_DEVCONF_ROUTE_LOCALNET,
  IFLA_IFALIAS,
  IFLA_STATS64,
  IFLA_EXT_MASK,
  IFLA_GROUP,
  IFLA_LINK_NETNSID,
  IFLA_PROP_LIST,
  IFLA_ALT_IFNAME,
  IFLA_INFO_KIND,
  IFLA_INFO_DATA,
  IFLA_INFO_SLAVE_KIND,
  IFLA_INFO_SLAVE_DATA,
} from "./if-link.ts";
import { AF_INET, AF_INET6 } from "./ip-family.ts";
import { formatMac } from "./ip-bytes.ts";
import { decodeLinkKind } from "./link-kind.ts";
import type { LinkKind } from "./link-kind.ts";
import {
  ADDRESS_GENERATIONS,
  delLink,
  describeLink,
  linkHeader,
  linkSelector,
  newLink,
  setLink,
} from "./link-request.ts";
import type { AddressGeneration, LinkChange, LinkRef, NewLink } from "./link-request.ts";
import { decodeLinkStats } from "./link-stats.ts";
import type { LinkStats } from "./link-stats.ts";
import { NLM_F_ECHO } from "./message.ts";
import type { NetlinkMessage } from "./message.ts";
import type { NetlinkSocket } from "./socket.ts";

export type OperState = "unknown" | "not-present" | "down" | "lower-layer-down" | "testing" | "dormant" | "up";

/** A link as the kernel has it (struct ifinfomsg, IFLA_*; linux/if_link.h). */
export interface Link {
  readonly ifindex: number;
  readonly name: string;
  readonly altNames: readonly string[];
  /** IFF_*, linux/if.h. */
  readonly flags: number;
  /** The user wants the link up (IFF_UP). */
  readonly up: boolean;
  /** Neighbours are asked for their MACs (no IFF_NOARP). */
  readonly arp: boolean;
  /** The link below has a carrier (IFF_LOWER_UP). */
  readonly carrier: boolean;
  readonly operState: OperState;
  readonly mac?: string;
  readonly mtu: number;
  readonly txqlen: number;
  readonly group: number;
  /** The ifindex of the master. */
  readonly master?: number;
  /** The ifindex of the link below or, for a veth, of the peer; in the namespace of `parentNamespaceId`, if any. */
  readonly parent?: number;
  /** This namespace's number for the one where `parent` is (IFLA_LINK_NETNSID); -1 for one that has no number. */
  readonly parentNamespaceId?: number;
  readonly alias?: string;
  /** The kind's name, also when `info` is absent; absent for a link without a kind, such as `lo`. */
  readonly kind?: string;
  /** The settings of the kinds known here. */
  readonly info?: LinkKind;
  /** Present for a port of a bridge. */
  readonly bridgePort?: BridgePort;
  /** Absent where IPv6 is off. */
  readonly addressGeneration?: AddressGeneration;
  /** The sysctl net.ipv6.conf.NAME.disable_ipv6; absent where the kernel has no IPv6 for the link. */
  readonly ipv6Disabled?: boolean;
  /** The sysctl net.ipv4.conf.NAME.route_localnet; absent where the kernel has no IPv4 for the link. */
  readonly routeLocalnet?: boolean;
  /** Absent in a list without them. */
  readonly stats?: LinkStats;
}

/** Which links to list. Each part that is given narrows the list, in the kernel. */
export interface LinkFilter {
  readonly kind?: string;
  /** The ifindex of the master. */
  readonly master?: number;
  /** False: without counters, IPv6's own among them, which take the kernel longest to gather. Default: true. */
  readonly stats?: boolean;
}

/** The kernel leaves out those of the address families (linux/rtnetlink.h). */
const RTEXT_FILTER_SKIP_STATS = 1 << 3;

const OPER_STATES: readonly OperState[] = [
  "unknown",
  "not-present",
  "down",
  "lower-layer-down",
  "testing",
  "dormant",
  "up",
];

/**
 * Make a link and return it as it was made, without a further look-up (NLM_F_ECHO, Linux 6.2 or newer; one more request
 * on an older kernel). Of a veth, `parent` is the peer's ifindex. With an alias this takes two messages, sent together.
 */
export function createLink(socket: NetlinkSocket, link: NewLink & { readonly alias?: string }): Link {
  const message = newLink(link);
  const messages = [{ ...message, flags: message.flags | NLM_F_ECHO }];
  if (link.alias !== undefined) messages.push(setLink(link.name, { alias: link.alias }));
  const [created, aliased] = socket.batch(messages);
  if (!created?.ok) throw created?.error ?? malformed("no answer");
  if (aliased && !aliased.ok) throw aliased.error;
  const echo = created.replies.find(({ type }) => type === RTM_NEWLINK);
  const made = echo ? decodeLink(echo.payload) : getLink(socket, link.name);
  return link.alias === undefined ? made : { ...made, alias: link.alias };
}

/** Whether the kernel has links of a kind that lies on another link, or a module that it loads for it. Makes none. */
export function hasLinkKind(socket: NetlinkSocket, kind: "ipvlan" | "macvlan" | "vlan"): boolean {
  // It looks for the kind first, and then for the link below, which isn't there.
  const [result] = socket.batch([newLink({ name: "probe", ...(kind === "vlan" ? { kind, id: 1 } : { kind }) })]);
  return result?.ok === false && result.error.code !== "EOPNOTSUPP";
}

/** Change a link; see {@link setLink}. */
export function updateLink(socket: NetlinkSocket, link: LinkRef, change: LinkChange): void {
  socket.request(setLink(link, change));
}

/** Delete a link without holding up the event loop; see {@link delLink}. */
export async function deleteLink(socket: NetlinkSocket, link: LinkRef): Promise<void> {
  const [result] = await socket.batchAsync([delLink(link)]);
  if (result && !result.ok) throw result.error;
}

/** Ask for one link, with counters or without; the reply is for {@link decodeLink}. ENODEV when there is none. */
export function readLink(link: LinkRef, stats = true): NetlinkMessage {
  const writer = linkSelector(link);
  if (!stats) writer.u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  return {
    type: RTM_GETLINK,
    flags: 0,
    payload: writer.finish(),
    op: `read link ${describeLink(link)}`,
  };
}

/** Read one link. Throws ENODEV when there is none. */
export function getLink(socket: NetlinkSocket, link: LinkRef): Link {
  const [reply] = socket.request(readLink(link));
  if (!reply) throw malformed(`no link came for ${describeLink(link)}`);
  return decodeLink(reply.payload);
}

/** Read one link, or return `undefined` when there is none. */
export function findLink(socket: NetlinkSocket, link: LinkRef): Link | undefined {
  try {
    return getLink(socket, link);
  } catch (error) {
    if (isNetlinkError(error) && error.code === "ENODEV") return undefined;
    throw error;
  }
}

/** The ifindex of the link called `name`, as if_nametoindex(3). Throws ENODEV when there is none. */
export function getLinkIndex(socket: NetlinkSocket, name: string): number {
  return getLink(socket, name).ifindex;
}

/** List the links of the socket's namespace. */
export function listLinks(socket: NetlinkSocket, filter: LinkFilter = {}): Link[] {
  const { kind, master, stats = true } = filter;
  const writer = linkHeader(0);
  if (!stats) writer.u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  if (master !== undefined) writer.u32(IFLA_MASTER, master);
  if (kind !== undefined) writer.nest(IFLA_LINKINFO, () => writer.string(IFLA_INFO_KIND, kind));
  return socket.dump({ type: RTM_GETLINK, flags: 0, payload: writer.finish(), op: "list links" }, (bytes) =>
    decodeLink(bytes, stats),
  );
}

/** The ifindex of a link, and that of the link below it or its peer, of the payload of RTM_NEWLINK. Throws EBADMSG. */
export function decodeLinkIndex(payload: Buffer): Pick<Link, "ifindex" | "parent"> {
  const parent = new Attributes(payload, LINK_HEADER).u32(IFLA_LINK);
  return { ifindex: ifindexOf(payload), ...(parent === undefined ? {} : { parent }) };
}

/** Whether a link has a carrier, and what the kernel has made of it so far, of the payload of RTM_NEWLINK. Throws EBADMSG. */
export function decodeLinkCarrier(payload: Buffer): Pick<Link, "carrier" | "operState"> {
  return carrierOf(new Attributes(payload, LINK_HEADER), flagsOf(payload));
}

function carrierOf(attributes: Attributes, flags: number): Pick<Link, "carrier" | "operState"> {
  return {
    carrier: (flags & IFF_LOWER_UP) !== 0,
    operState: OPER_STATES[attributes.u8(IFLA_OPERSTATE) ?? 0] ?? "unknown",
  };
}

function flagsOf(payload: Buffer): number {
  return LITTLE_ENDIAN ? payload.readUInt32LE(8) : payload.readUInt32BE(8);
}

function ifindexOf(payload: Buffer): number {
  return LITTLE_ENDIAN ? payload.readInt32LE(4) : payload.readInt32BE(4);
}

/** Decode the payload of RTM_NEWLINK, with counters or without. Throws EBADMSG. */
export function decodeLink(payload: Buffer, withStats = true): Link {
  const attributes = new Attributes(payload, LINK_HEADER);
  const flags = flagsOf(payload);
  const linkInfo = attributes.nested(IFLA_LINKINFO);
  const kind = linkInfo?.string(IFLA_INFO_KIND);
  const port = linkInfo?.string(IFLA_INFO_SLAVE_KIND) === "bridge" && linkInfo.nested(IFLA_INFO_SLAVE_DATA);
  const names = attributes.bytes(IFLA_PROP_LIST);
  const mac = attributes.bytes(IFLA_ADDRESS);
  const families = attributes.nested(IFLA_AF_SPEC);
  const [ipv4, ipv6] = [families?.nested(AF_INET), families?.nested(AF_INET6)];
  const stats = withStats ? attributes.bytes(IFLA_STATS64) : undefined;
  const optional = {
    mac: mac?.length ? formatMac(mac) : undefined,
    master: attributes.u32(IFLA_MASTER),
    parent: attributes.u32(IFLA_LINK),
    parentNamespaceId: attributes.i32(IFLA_LINK_NETNSID),
    alias: attributes.string(IFLA_IFALIAS),
    kind,
    info: kind === undefined ? undefined : decodeLinkKind(kind, linkInfo?.nested(IFLA_INFO_DATA) ?? NO_ATTRIBUTES),
    bridgePort: port ? decodeBridgePort(port) : undefined,
    addressGeneration: nameOf(ADDRESS_GENERATIONS, ipv6?.u8(IFLA_INET6_ADDR_GEN_MODE)),
    ipv6Disabled: ipv6 && isSet(ipv6.bytes(IFLA_INET6_CONF), DEVCONF_DISABLE_IPV6),
    routeLocalnet: ipv4 && isSet(ipv4.bytes(IFLA_INET_CONF), IPV4_DEVCONF_ROUTE_LOCALNET - 1),
    stats: stats && decodeLinkStats(stats),
  };
  return {
    ifindex: ifindexOf(payload),
    name: attributes.string(IFLA_IFNAME) ?? "",
    altNames: names ? decodeAltNames(names) : [],
    flags,
    up: (flags & IFF_UP) !== 0,
    arp: (flags & IFF_NOARP) === 0,
    ...carrierOf(attributes, flags),
    mtu: attributes.u32(IFLA_MTU) ?? 0,
    txqlen: attributes.u32(IFLA_TXQLEN) ?? 0,
    group: attributes.u32(IFLA_GROUP) ?? 0,
    ...withoutUndefined(optional),
  };
}

/** IFLA_INET6_CONF and IFLA_INET_CONF are arrays of 32-bit numbers. */
function isSet(settings: Buffer | undefined, index: number): boolean | undefined {
  const at = index * 4;
  if (settings === undefined || settings.length < at + 4) return undefined;
  return settings.readUInt32LE(at) !== 0; // zero in either byte order
}

function decodeAltNames(list: Buffer): string[] {
  return decodeAttributes(list)
    .filter(({ type }) => type === IFLA_ALT_IFNAME)
    .map(({ value }) => value.toString("utf8", 0, Math.max(0, value.length - 1)));
}

const NO_ATTRIBUTES = new Attributes(Buffer.alloc(0));
