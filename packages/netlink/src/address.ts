import { Attributes, AttributeWriter, LITTLE_ENDIAN } from "./attribute.ts";
import { withoutUndefined } from "./decoded.ts";
import { malformed } from "./errors.ts";
import { familyOf, familyOfVersion, ofFamily, zeroAddress } from "./ip-family.ts";
import type { IpVersion } from "./ip-family.ts";
import { formatAddress, formatPrefix, parseAddress, parsePrefix } from "./ip-bytes.ts";
import { NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from "./message.ts";
import type { NetlinkMessage } from "./message.ts";
import type { NetlinkSocket } from "./socket.ts";

/** An address of a link (struct ifaddrmsg, IFA_*; linux/if_addr.h). */
export interface Address {
  readonly ifindex: number;
  /** The local address and its prefix length: `10.0.0.2/24`. */
  readonly address: string;
  /** The other end of a point-to-point link; the prefix length is then the peer's. */
  readonly peer?: string;
  readonly broadcast?: string;
  /** RT_SCOPE_*, linux/rtnetlink.h. Default: 0, global. IPv6 derives it from the address. */
  readonly scope?: number;
  /** IPv4 only; it must begin with the link's name. */
  readonly label?: string;
  /** Usable at once: no duplicate address detection (IFA_F_NODAD). */
  readonly noDad?: boolean;
  /** No route to the prefix (IFA_F_NOPREFIXROUTE). */
  readonly noPrefixRoute?: boolean;
  /** The metric of the route to the prefix. */
  readonly metric?: number;
  /** How long it may be used, in seconds. Default: for ever. */
  readonly validLifetimeS?: number;
  /** How long it may be used for new connections, in seconds. Default: for ever. */
  readonly preferredLifetimeS?: number;
}

/** An address as the kernel has it. */
export interface ListedAddress extends Address {
  readonly scope: number;
  /** IFA_F_*, linux/if_addr.h. */
  readonly flags: number;
  /** Duplicate address detection isn't over (IFA_F_TENTATIVE). */
  readonly tentative: boolean;
}

/** Which addresses to list. */
export interface AddressFilter {
  readonly ifindex?: number;
  readonly version?: IpVersion;
}

export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
const RTM_GETADDR = 22;
const HEADER = 8;

const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_LABEL = 3;
const IFA_BROADCAST = 4;
const IFA_CACHEINFO = 6;
const IFA_FLAGS = 8;
const IFA_RT_PRIORITY = 9;

const IFA_F_NODAD = 0x02;
const IFA_F_TENTATIVE = 0x40;
const IFA_F_NOPREFIXROUTE = 0x200;
const FOR_EVER = 0xffffffff;

/** Add an address. Fails with EEXIST when the link has it. */
export function newAddress(address: Address): NetlinkMessage {
  return { type: RTM_NEWADDR, flags: NLM_F_CREATE | NLM_F_EXCL, payload: encode(address), op: `add ${text(address)}` };
}

/** Add an address, or change the flags and lifetimes of the one that is there. */
export function replaceAddress(address: Address): NetlinkMessage {
  const flags = NLM_F_CREATE | NLM_F_REPLACE;
  return { type: RTM_NEWADDR, flags, payload: encode(address), op: `replace ${text(address)}` };
}

/** Delete an address. Fails with EADDRNOTAVAIL when the link doesn't have it. */
export function delAddress(address: Pick<Address, "ifindex" | "address" | "peer">): NetlinkMessage {
  return { type: RTM_DELADDR, flags: 0, payload: encode(address), op: `delete ${text(address)}` };
}

/** List the addresses of the socket's namespace. */
export function listAddresses(socket: NetlinkSocket, filter: AddressFilter = {}): ListedAddress[] {
  const writer = new AttributeWriter(HEADER);
  writer.header.setUint8(0, familyOfVersion(filter.version));
  writer.header.setUint32(4, filter.ifindex ?? 0, LITTLE_ENDIAN);
  return socket.dump({ type: RTM_GETADDR, flags: 0, payload: writer.finish(), op: "list addresses" }, decodeAddress);
}

/** Decode the payload of RTM_NEWADDR. Throws EBADMSG. */
export function decodeAddress(payload: Buffer): ListedAddress {
  const attributes = new Attributes(payload, HEADER);
  const family = payload.readUInt8(0);
  const length = payload.readUInt8(1);
  const far = attributes.bytes(IFA_ADDRESS);
  const local = attributes.bytes(IFA_LOCAL) ?? far;
  if (!local) throw malformed("an address without bytes");
  const bits = zeroAddress(family).length * 8;
  if (length > bits) throw malformed(`prefix length ${length}`);
  const flags = attributes.u32(IFA_FLAGS) ?? payload.readUInt8(2);
  const broadcast = attributes.bytes(IFA_BROADCAST);
  const lifetimes = attributes.bytes(IFA_CACHEINFO);
  return {
    ifindex: LITTLE_ENDIAN ? payload.readUInt32LE(4) : payload.readUInt32BE(4),
    address: formatPrefix({ bytes: ofFamily(local, family), length }),
    scope: payload.readUInt8(3),
    flags,
    tentative: (flags & IFA_F_TENTATIVE) !== 0,
    ...withoutUndefined({
      peer: far && !far.equals(local) ? formatAddress(ofFamily(far, family)) : undefined,
      broadcast: broadcast && formatAddress(ofFamily(broadcast, family)),
      label: attributes.string(IFA_LABEL),
      noDad: flags & IFA_F_NODAD ? true : undefined,
      noPrefixRoute: flags & IFA_F_NOPREFIXROUTE ? true : undefined,
      metric: attributes.u32(IFA_RT_PRIORITY),
      preferredLifetimeS: lifetime(lifetimes, 0),
      validLifetimeS: lifetime(lifetimes, 4),
    }),
  };
}

function encode(address: Address): Buffer {
  const { bytes, length } = parsePrefix(address.address);
  const writer = new AttributeWriter(HEADER);
  const flags = (address.noDad ? IFA_F_NODAD : 0) | (address.noPrefixRoute ? IFA_F_NOPREFIXROUTE : 0);
  writer.header.setUint8(0, familyOf(bytes));
  writer.header.setUint8(1, length);
  writer.header.setUint8(2, flags & 0xff);
  writer.header.setUint8(3, address.scope ?? 0);
  writer.header.setUint32(4, address.ifindex, LITTLE_ENDIAN);
  writer.bytes(IFA_LOCAL, bytes);
  writer.bytes(IFA_ADDRESS, address.peer === undefined ? bytes : parseAddress(address.peer));
  if (address.broadcast !== undefined) writer.bytes(IFA_BROADCAST, parseAddress(address.broadcast));
  if (address.label !== undefined) writer.string(IFA_LABEL, address.label);
  if (flags) writer.u32(IFA_FLAGS, flags);
  if (address.metric !== undefined) writer.u32(IFA_RT_PRIORITY, address.metric);
  const { preferredLifetimeS, validLifetimeS } = address;
  if (preferredLifetimeS !== undefined || validLifetimeS !== undefined) {
    const valid = validLifetimeS ?? FOR_EVER;
    writer.bytes(IFA_CACHEINFO, cacheInfo(preferredLifetimeS ?? valid, valid));
  }
  return writer.finish();
}

/** struct ifa_cacheinfo: the two lifetimes, and two times that only the kernel writes. */
function cacheInfo(preferredS: number, validS: number): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, preferredS, LITTLE_ENDIAN);
  view.setUint32(4, validS, LITTLE_ENDIAN);
  return bytes;
}

function lifetime(cacheinfo: Buffer | undefined, at: number): number | undefined {
  if (!cacheinfo) return undefined;
  if (cacheinfo.length < 8) throw malformed(`address lifetimes of ${cacheinfo.length} bytes`);
  const seconds = LITTLE_ENDIAN ? cacheinfo.readUInt32LE(at) : cacheinfo.readUInt32BE(at);
  return seconds === FOR_EVER ? undefined : seconds;
}

function text({ address, ifindex }: Pick<Address, "ifindex" | "address">): string {
  return `address ${address} of ifindex ${ifindex}`;
}
