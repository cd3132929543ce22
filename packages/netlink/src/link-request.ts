import { AttributeWriter, LITTLE_ENDIAN } from "./attribute.ts";
import { encodeBridgePort } from "./bridge-port.ts";
import type { BridgePort } from "./bridge-port.ts";
import {
  RTM_NEWLINK,
  RTM_DELLINK,
  LINK_HEADER,
  IFF_UP,
  IFF_NOARP,
  IFLA_ADDRESS,
  IFLA_IFNAME,
  IFLA_MTU,
  IFLA_LINK,
  IFLA_MASTER,
  IFLA_TXQLEN,
  IFLA_LINKINFO,
  IFLA_AF_SPEC,
  IFLA_INET6_ADDR_GEN_MODE,
  IFLA_INET_CONF,
  IPV4_DEVCONF_ROUTE_LOCALNET,
  IFLA_IFALIAS,
  IFLA_GROUP,
  IFLA_NET_NS_FD,
  IFLA_ALT_IFNAME,
  IFLA_INFO_KIND,
  IFLA_INFO_DATA,
  IFLA_INFO_SLAVE_KIND,
  IFLA_INFO_SLAVE_DATA,
  VETH_INFO_PEER,
} from "./if-link.ts";
import { AF_INET, AF_INET6, AF_UNSPEC } from "./ip-family.ts";
import { parseMac } from "./ip-bytes.ts";
import { encodeLinkKind } from "./link-kind.ts";
import type { LinkKind } from "./link-kind.ts";
import { NLM_F_CREATE, NLM_F_EXCL } from "./message.ts";
import type { NetlinkMessage } from "./message.ts";

/** A link by its name (or alternative name) or by its ifindex. */
export type LinkRef = string | number;

/** What any link can be given, when it is made or later. Absent fields are left to the kernel, or as they are. */
export interface LinkSettings {
  readonly up?: boolean;
  /** False: neighbours aren't asked for their MACs, each counts as having the link's own (IFF_NOARP). */
  readonly arp?: boolean;
  /** `02:6e:0a:00:00:02` */
  readonly mac?: string;
  readonly mtu?: number;
  /** The transmit queue's length, in packets. */
  readonly txqlen?: number;
  /** A number that links may share, to be deleted together. */
  readonly group?: number;
  /** The file descriptor of the namespace that the link is made in or moved to. */
  readonly namespace?: number;
}

/** A link to make. */
export type NewLink = LinkSettings & {
  readonly name: string;
  /** Ask for this ifindex rather than the next free one; EBUSY when it is taken. */
  readonly ifindex?: number;
  /** The ifindex of the bridge (or other master) to be a port of. */
  readonly master?: number;
  /** The ifindex of the link below, for kinds that need one (IFLA_LINK). */
  readonly parent?: number;
} & (LinkKind | VethPair);

/** Two links, each the other's end. */
export interface VethPair {
  readonly kind: "veth";
  readonly peer: VethPeer;
}

/**
 * The other end of a veth, made in place in the same step. It is made down: the kernel answers ENOTCONN to a peer that
 * is to be up, because it joins the two ends last. Set it up by {@link setLink} on a socket of its namespace.
 */
export interface VethPeer extends Omit<LinkSettings, "up"> {
  readonly name: string;
  /** Ask for this ifindex. The kernel heeds it only if the outer link asks for one, too. */
  readonly ifindex?: number;
}

/** A change of a link. */
export interface LinkChange extends LinkSettings {
  /** A new name. */
  readonly name?: string;
  /** The ifindex of the new master; 0 takes the link away from its master. */
  readonly master?: number;
  /** A note of up to 255 bytes; the empty one takes it away. */
  readonly alias?: string;
  /**
   * How the link gives itself a link-local IPv6 address when it comes up. Send it in a message before the one with `up`:
   * in the same message the kernel sets the link up first.
   */
  readonly addressGeneration?: AddressGeneration;
  /** The sysctl net.ipv4.conf.NAME.route_localnet. */
  readonly routeLocalnet?: boolean;
  /** How the bridge treats the link, which must be a port of it already. */
  readonly bridgePort?: BridgePort;
}

export const ADDRESS_GENERATIONS: Readonly<Record<AddressGeneration, number>> = {
  eui64: 0,
  none: 1,
  "stable-privacy": 2,
  random: 3,
};
/** How a link derives its link-local IPv6 address (enum in6_addr_gen_mode, linux/if_link.h). */
export type AddressGeneration = "eui64" | "none" | "stable-privacy" | "random";

const NAME_BYTES_MAX = 15;

/** Make a link. Fails with EEXIST when the name is taken. */
export function newLink(link: NewLink): NetlinkMessage {
  const writer = linkHeader(link.ifindex ?? 0, link);
  writer.string(IFLA_IFNAME, link.name);
  encodeSettings(writer, link);
  if (link.master !== undefined) writer.u32(IFLA_MASTER, link.master);
  if (link.parent !== undefined) writer.u32(IFLA_LINK, link.parent);
  writer.nest(IFLA_LINKINFO, () => {
    writer.string(IFLA_INFO_KIND, link.kind);
    writer.nest(IFLA_INFO_DATA, () => {
      if (link.kind === "veth") encodePeer(writer, link.peer);
      else encodeLinkKind(writer, link);
    });
  });
  return {
    type: RTM_NEWLINK,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    payload: writer.finish(),
    op: `create ${link.kind} ${JSON.stringify(link.name)}`,
  };
}

/** Change a link. Fails with ENODEV when there is none. */
export function setLink(link: LinkRef, change: LinkChange): NetlinkMessage {
  const writer = linkSelector(link, change);
  if (change.name !== undefined) {
    if (typeof link === "string") throw new TypeError("Renaming a link takes its ifindex, not its name");
    writer.string(IFLA_IFNAME, change.name);
  }
  encodeSettings(writer, change);
  if (change.master !== undefined) writer.u32(IFLA_MASTER, change.master);
  if (change.alias !== undefined) encodeAlias(writer, change.alias);
  encodeFamilies(writer, change);
  const { bridgePort: port } = change;
  if (port) {
    writer.nest(IFLA_LINKINFO, () => {
      writer.string(IFLA_INFO_SLAVE_KIND, "bridge");
      writer.nest(IFLA_INFO_SLAVE_DATA, () => encodeBridgePort(writer, port));
    });
  }
  // RTM_SETLINK would not take the settings of a bridge port; RTM_NEWLINK without NLM_F_CREATE takes all.
  return { type: RTM_NEWLINK, flags: 0, payload: writer.finish(), op: `set link ${describeLink(link)}` };
}

/** What the address families have of a link. */
function encodeFamilies(writer: AttributeWriter, { addressGeneration, routeLocalnet }: LinkChange): void {
  if (addressGeneration === undefined && routeLocalnet === undefined) return;
  writer.nest(IFLA_AF_SPEC, () => {
    if (routeLocalnet !== undefined) {
      writer.nest(AF_INET, () => {
        writer.nest(IFLA_INET_CONF, () => writer.u32(IPV4_DEVCONF_ROUTE_LOCALNET, Number(routeLocalnet)));
      });
    }
    if (addressGeneration !== undefined) {
      writer.nest(AF_INET6, () => writer.u8(IFLA_INET6_ADDR_GEN_MODE, ADDRESS_GENERATIONS[addressGeneration]));
    }
  });
}

/** Delete one link. A veth takes its peer with it. Fails with ENODEV when there is none. */
export function delLink(link: LinkRef): NetlinkMessage {
  return { type: RTM_DELLINK, flags: 0, payload: linkSelector(link).finish(), op: `delete link ${describeLink(link)}` };
}

/**
 * Delete all links of a group in one step, which costs hardly more than deleting one. Fails with ENODEV when there are
 * none, and with EOPNOTSUPP, deleting none, when one can't be deleted. Group 0, where all links begin, is refused.
 */
export function delLinkGroup(group: number): NetlinkMessage {
  if (!Number.isInteger(group) || group <= 0) throw new RangeError(`Not a group whose links may be deleted: ${group}`);
  const writer = linkHeader(0).u32(IFLA_GROUP, group);
  return { type: RTM_DELLINK, flags: 0, payload: writer.finish(), op: `delete the links of group ${group}` };
}

type Flags = Pick<LinkSettings, "up" | "arp">;

export function linkHeader(ifindex: number, flags: Flags = {}): AttributeWriter {
  const writer = new AttributeWriter(LINK_HEADER);
  encodeHeader(writer.header, ifindex, flags);
  return writer;
}

/** struct ifinfomsg: family, type, index, flags, and the mask of the flags that are meant. */
function encodeHeader(view: DataView, ifindex: number, { up, arp }: Flags): void {
  view.setUint8(0, AF_UNSPEC);
  view.setInt32(4, ifindex, LITTLE_ENDIAN);
  view.setUint32(8, (up ? IFF_UP : 0) | (arp === false ? IFF_NOARP : 0), LITTLE_ENDIAN);
  view.setUint32(12, (up === undefined ? 0 : IFF_UP) | (arp === undefined ? 0 : IFF_NOARP), LITTLE_ENDIAN);
}

export function linkSelector(link: LinkRef, flags?: Flags): AttributeWriter {
  if (typeof link === "number") {
    if (!Number.isInteger(link) || link <= 0) throw new RangeError(`Not an ifindex: ${link}`);
    return linkHeader(link, flags);
  }
  const writer = linkHeader(0, flags);
  return Buffer.byteLength(link) > NAME_BYTES_MAX
    ? writer.string(IFLA_ALT_IFNAME, link)
    : writer.string(IFLA_IFNAME, link);
}

function encodePeer(writer: AttributeWriter, peer: VethPeer): void {
  writer.nest(
    VETH_INFO_PEER,
    (_, view) => {
      encodeHeader(view, peer.ifindex ?? 0, peer);
      writer.string(IFLA_IFNAME, peer.name);
      encodeSettings(writer, peer);
    },
    LINK_HEADER,
  );
}

function encodeSettings(writer: AttributeWriter, settings: Omit<LinkSettings, "up">): void {
  const { mac, mtu, txqlen, group, namespace } = settings;
  if (mac !== undefined) writer.bytes(IFLA_ADDRESS, parseMac(mac));
  if (mtu !== undefined) writer.u32(IFLA_MTU, mtu);
  if (txqlen !== undefined) writer.u32(IFLA_TXQLEN, txqlen);
  if (group !== undefined) writer.u32(IFLA_GROUP, group);
  if (namespace !== undefined) writer.u32(IFLA_NET_NS_FD, namespace);
}

/** The kernel takes the alias without a terminating zero byte, and clears it when it is empty. */
function encodeAlias(writer: AttributeWriter, alias: string): void {
  const bytes = Buffer.from(alias);
  if (bytes.length > 255) throw new RangeError(`A link's alias holds at most 255 bytes; this one has ${bytes.length}`);
  writer.bytes(IFLA_IFALIAS, bytes);
}

export function describeLink(link: LinkRef): string {
  return typeof link === "number" ? `with ifindex ${link}` : JSON.stringify(link);
}
