import { Attributes, AttributeWriter, LITTLE_ENDIAN } from "./attribute.ts";
import { withoutUndefined } from "./decoded.ts";
import { AF_BRIDGE } from "./ip-family.ts";
import { formatAddress, formatMac, parseAddress, parseMac } from "./ip-bytes.ts";
import { malformed } from "./errors.ts";
import { NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from "./message.ts";
import type { NetlinkMessage } from "./message.ts";
import { NEIGHBOUR_HEADER, RTM_DELNEIGH, RTM_GETNEIGH, RTM_NEWNEIGH } from "./neighbour.ts";
import type { NetlinkSocket } from "./socket.ts";

/** Permanent: the address is the link's own. Static: it is behind the link and never forgotten. Dynamic: learned. */
export type FdbState = "permanent" | "static" | "dynamic";

/** An entry of a forwarding table (struct ndmsg of AF_BRIDGE, NDA_*; linux/neighbour.h). */
export interface FdbEntry {
  /** The link that frames to `mac` leave by. */
  readonly ifindex: number;
  readonly mac: string;
  /**
   * Whose table: `self` is the link's own (a vxlan's list of peers, a link's filter), `master` that of the bridge that
   * the link is a port of.
   */
  readonly table: "self" | "master";
  /** Default: permanent. */
  readonly state?: FdbState;
  /** The host behind a vxlan. */
  readonly destination?: string;
  /** The host's UDP port, when it isn't the vxlan's own. */
  readonly port?: number;
  /** The VNI to send with, when it isn't the vxlan's own. */
  readonly vni?: number;
  /** The ifindex to reach the host through. */
  readonly via?: number;
  readonly vlan?: number;
  /** Of a bridge's table: frames from the same MAC by another port don't move it there. */
  readonly sticky?: boolean;
}

/** An entry as the kernel has it. */
export interface ListedFdbEntry extends FdbEntry {
  readonly state: FdbState;
  /** The ifindex of the bridge, for an entry of its table. */
  readonly bridge?: number;
}

/** Which entries to list. */
export interface FdbFilter {
  /** Those of this link, both its own and its bridge's. */
  readonly ifindex?: number;
  /** Those of this bridge's ports. */
  readonly bridge?: number;
}

const NDA_DST = 1;
const NDA_LLADDR = 2;
const NDA_VLAN = 5;
const NDA_PORT = 6;
const NDA_VNI = 7;
const NDA_IFINDEX = 8;
const NDA_MASTER = 9;

const NTF_SELF = 0x02;
const NTF_MASTER = 0x04;
const NTF_STICKY = 0x40;
const NUD_REACHABLE = 0x02;
const NUD_NOARP = 0x40;
const NUD_PERMANENT = 0x80;

/** Add an entry. Fails with EEXIST when the table has one for `mac`. */
export function newFdbEntry(entry: FdbEntry): NetlinkMessage {
  return message(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_EXCL, entry, "add");
}

/** Add an entry in place of the one for `mac`, if any. */
export function replaceFdbEntry(entry: FdbEntry): NetlinkMessage {
  return message(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, entry, "replace");
}

/** Add one more destination to an entry of a vxlan, for the all-zero address that stands for unknown ones. */
export function appendFdbEntry(entry: FdbEntry): NetlinkMessage {
  return message(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_APPEND, entry, "append");
}

/** Delete an entry. Fails with ENOENT when there is none. */
export function delFdbEntry(entry: FdbEntry): NetlinkMessage {
  return message(RTM_DELNEIGH, 0, entry, "delete");
}

/** List the forwarding tables of the socket's namespace. */
export function listFdb(socket: NetlinkSocket, filter: FdbFilter = {}): ListedFdbEntry[] {
  const writer = new AttributeWriter(NEIGHBOUR_HEADER);
  writer.header.setUint8(0, AF_BRIDGE);
  writer.header.setInt32(4, filter.ifindex ?? 0, LITTLE_ENDIAN);
  if (filter.bridge !== undefined) writer.u32(NDA_MASTER, filter.bridge);
  const op = "list forwarding tables";
  return socket.dump({ type: RTM_GETNEIGH, flags: 0, payload: writer.finish(), op }, decodeFdbEntry);
}

/** Decode the payload of RTM_NEWNEIGH of AF_BRIDGE; `undefined` for an entry without an address. Throws EBADMSG. */
export function decodeFdbEntry(payload: Buffer): ListedFdbEntry | undefined {
  const attributes = new Attributes(payload, NEIGHBOUR_HEADER);
  const mac = attributes.bytes(NDA_LLADDR);
  if (!mac) return undefined;
  const state = LITTLE_ENDIAN ? payload.readUInt16LE(8) : payload.readUInt16BE(8);
  const destination = attributes.bytes(NDA_DST);
  if (destination && destination.length !== 4 && destination.length !== 16) {
    throw malformed(`address of ${destination.length} bytes`);
  }
  const bridge = attributes.u32(NDA_MASTER);
  const flags = payload.readUInt8(10);
  return {
    ifindex: LITTLE_ENDIAN ? payload.readInt32LE(4) : payload.readInt32BE(4),
    mac: formatMac(mac),
    table: flags & NTF_SELF ? "self" : "master",
    state: state & NUD_PERMANENT ? "permanent" : state & NUD_NOARP ? "static" : "dynamic",
    ...(flags & NTF_STICKY ? { sticky: true } : {}),
    ...withoutUndefined({
      bridge,
      destination: destination && formatAddress(destination),
      port: attributes.be16(NDA_PORT),
      vni: attributes.u32(NDA_VNI),
      via: attributes.u32(NDA_IFINDEX),
      vlan: attributes.u16(NDA_VLAN),
    }),
  };
}

function message(type: number, flags: number, entry: FdbEntry, verb: string): NetlinkMessage {
  const { ifindex, mac, table, state, destination, port, vni, via, vlan, sticky } = entry;
  const writer = new AttributeWriter(NEIGHBOUR_HEADER);
  writer.header.setUint8(0, AF_BRIDGE);
  writer.header.setInt32(4, ifindex, LITTLE_ENDIAN);
  writer.header.setUint16(8, encodeState(state), LITTLE_ENDIAN);
  writer.header.setUint8(10, (table === "self" ? NTF_SELF : NTF_MASTER) | (sticky === true ? NTF_STICKY : 0));
  writer.bytes(NDA_LLADDR, parseMac(mac));
  if (destination !== undefined) writer.bytes(NDA_DST, parseAddress(destination));
  if (vlan !== undefined) writer.u16(NDA_VLAN, vlan);
  if (port !== undefined) writer.be16(NDA_PORT, port);
  if (vni !== undefined) writer.u32(NDA_VNI, vni);
  if (via !== undefined) writer.u32(NDA_IFINDEX, via);
  const op = `${verb} ${mac} in the forwarding table (${table}) of ifindex ${ifindex}`;
  return { type, flags, payload: writer.finish(), op };
}

function encodeState(state: FdbState = "permanent"): number {
  switch (state) {
    case "permanent":
      return NUD_PERMANENT;
    case "static":
      return NUD_NOARP;
    case "dynamic":
      return NUD_REACHABLE;
  }
}
