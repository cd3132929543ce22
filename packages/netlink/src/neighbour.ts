import { Attributes, AttributeWriter, LITTLE_ENDIAN } from "./attribute.ts";
import { nameOf, withoutUndefined } from "./decoded.ts";
import { familyOf, familyOfVersion, ofFamily } from "./ip-family.ts";
import type { IpVersion } from "./ip-family.ts";
import { formatAddress, formatMac, parseAddress, parseMac } from "./ip-bytes.ts";
import { NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from "./message.ts";
import type { NetlinkMessage } from "./message.ts";
import type { NetlinkSocket } from "./socket.ts";

const STATES = {
  none: 0,
  incomplete: 0x01,
  reachable: 0x02,
  stale: 0x04,
  delay: 0x08,
  probe: 0x10,
  failed: 0x20,
  noarp: 0x40,
  permanent: 0x80,
} as const;

/** How far a neighbour is known (NUD_*, linux/neighbour.h). */
export type NeighbourState = keyof typeof STATES;

/** An entry of the ARP or NDP table (struct ndmsg, NDA_*; linux/neighbour.h). */
export interface Neighbour {
  readonly ifindex: number;
  /** Without a prefix length. */
  readonly address: string;
  /** Absent for a proxy entry. */
  readonly mac?: string;
  /** Default: permanent. */
  readonly state?: NeighbourState;
  /** Answer for this address on the link (NTF_PROXY). */
  readonly proxy?: boolean;
  /** It is a router (NTF_ROUTER, IPv6). */
  readonly router?: boolean;
  /** Who made the entry (RTPROT_*). */
  readonly protocol?: number;
}

/** An entry as the kernel has it. */
export interface ListedNeighbour extends Neighbour {
  readonly state: NeighbourState;
}

/** Which neighbours to list. */
export interface NeighbourFilter {
  readonly version?: IpVersion;
  readonly ifindex?: number;
  /** List the proxy entries, which are a table of their own. Default: no. */
  readonly proxy?: boolean;
}

export const RTM_NEWNEIGH = 28;
export const RTM_DELNEIGH = 29;
export const RTM_GETNEIGH = 30;
/** The length of struct ndmsg. */
export const NEIGHBOUR_HEADER = 12;

const NDA_DST = 1;
const NDA_LLADDR = 2;
const NDA_IFINDEX = 8;
const NDA_PROTOCOL = 12;
const NTF_PROXY = 0x08;
const NTF_ROUTER = 0x80;

/** Add an entry. Fails with EEXIST when the address has one. */
export function newNeighbour(neighbour: Neighbour): NetlinkMessage {
  return message(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_EXCL, neighbour, "add");
}

/** Add an entry in place of the one that the address has, if any. */
export function replaceNeighbour(neighbour: Neighbour): NetlinkMessage {
  return message(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, neighbour, "replace");
}

/** Delete an entry. Fails with ENOENT when there is none. */
export function delNeighbour(neighbour: Pick<Neighbour, "ifindex" | "address" | "proxy">): NetlinkMessage {
  return message(RTM_DELNEIGH, 0, neighbour, "delete");
}

/** List the neighbours of the socket's namespace. */
export function listNeighbours(socket: NetlinkSocket, filter: NeighbourFilter = {}): ListedNeighbour[] {
  const { ifindex, proxy } = filter;
  const writer = new AttributeWriter(NEIGHBOUR_HEADER);
  writer.header.setUint8(0, familyOfVersion(filter.version));
  if (proxy) writer.header.setUint8(10, NTF_PROXY);
  // The table of proxy entries knows no filter.
  if (ifindex !== undefined && !proxy) writer.u32(NDA_IFINDEX, ifindex);
  return socket.dump({ type: RTM_GETNEIGH, flags: 0, payload: writer.finish(), op: "list neighbours" }, (payload) => {
    const neighbour = decodeNeighbour(payload);
    return ifindex === undefined || neighbour.ifindex === ifindex ? neighbour : undefined;
  });
}

/** Decode the payload of RTM_NEWNEIGH of an IP family. Throws EBADMSG. */
export function decodeNeighbour(payload: Buffer): ListedNeighbour {
  const attributes = new Attributes(payload, NEIGHBOUR_HEADER);
  const mac = attributes.bytes(NDA_LLADDR);
  const flags = payload.readUInt8(10);
  return {
    ifindex: LITTLE_ENDIAN ? payload.readInt32LE(4) : payload.readInt32BE(4),
    address: formatAddress(ofFamily(attributes.bytes(NDA_DST) ?? Buffer.alloc(0), payload.readUInt8(0))),
    state: nameOf(STATES, LITTLE_ENDIAN ? payload.readUInt16LE(8) : payload.readUInt16BE(8)) ?? "none",
    ...withoutUndefined({
      mac: mac && formatMac(mac),
      proxy: flags & NTF_PROXY ? true : undefined,
      router: flags & NTF_ROUTER ? true : undefined,
      protocol: attributes.u8(NDA_PROTOCOL) || undefined,
    }),
  };
}

function message(type: number, flags: number, neighbour: Neighbour, verb: string): NetlinkMessage {
  const { ifindex, mac, state, proxy, router, protocol } = neighbour;
  const address = parseAddress(neighbour.address);
  const writer = new AttributeWriter(NEIGHBOUR_HEADER);
  writer.header.setUint8(0, familyOf(address));
  writer.header.setInt32(4, ifindex, LITTLE_ENDIAN);
  writer.header.setUint16(8, STATES[state ?? "permanent"], LITTLE_ENDIAN);
  writer.header.setUint8(10, (proxy ? NTF_PROXY : 0) | (router ? NTF_ROUTER : 0));
  writer.bytes(NDA_DST, address);
  if (mac !== undefined) writer.bytes(NDA_LLADDR, parseMac(mac));
  if (protocol !== undefined) writer.u8(NDA_PROTOCOL, protocol);
  const op = `${verb} ${proxy ? "proxy " : ""}neighbour ${neighbour.address} of ifindex ${ifindex}`;
  return { type, flags, payload: writer.finish(), op };
}
