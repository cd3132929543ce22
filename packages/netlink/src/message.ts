import { Attributes, LITTLE_ENDIAN, NLA_TYPE_MASK, align4 } from "./attribute.ts";
import { NetlinkError, malformed } from "./errors.ts";

/** A request, ready to be sent: what a builder such as `newLink` returns and what `request` and `batch` take. */
export interface NetlinkMessage {
  /** nlmsg_type, for example RTM_NEWLINK. */
  readonly type: number;
  /** nlmsg_flags beyond NLM_F_REQUEST and NLM_F_ACK, which are always set. */
  readonly flags: number;
  /** What follows the header. */
  readonly payload: Uint8Array;
  /** What the message does, for errors: `create veth "a0"`. */
  readonly op: string;
}

/** A message from the kernel. `payload` belongs to the receiver. */
export interface NetlinkReply {
  readonly type: number;
  readonly flags: number;
  readonly payload: Buffer;
}

/** struct nlmsghdr, linux/netlink.h. */
export interface MessageHeader {
  /** Length with the header, in bytes. */
  readonly length: number;
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
}

export const NLMSG_HEADER_LENGTH = 16;
export const NLMSG_NOOP = 1;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const NLMSG_OVERRUN = 4;

export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
export const NLM_F_ECHO = 0x8;
export const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_DUMP = 0x300;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;

const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;

const NLMSGERR_ATTR_MSG = 1;
const NLMSGERR_ATTR_OFFS = 2;
const NLMSGERR_ATTR_MISS_TYPE = 5;

/** The length `message` takes in a request, padding included. */
export function messageLength(message: NetlinkMessage): number {
  return align4(NLMSG_HEADER_LENGTH + message.payload.length);
}

/** Write `message` at `at` and return where the next one begins. The caller makes room. */
export function writeMessage(
  target: Buffer,
  at: number,
  message: NetlinkMessage,
  flags: number,
  sequence: number,
): number {
  const view = new DataView(target.buffer, target.byteOffset + at, NLMSG_HEADER_LENGTH);
  const length = NLMSG_HEADER_LENGTH + message.payload.length;
  view.setUint32(0, length, LITTLE_ENDIAN);
  view.setUint16(4, message.type, LITTLE_ENDIAN);
  view.setUint16(6, message.flags | flags, LITTLE_ENDIAN);
  view.setUint32(8, sequence, LITTLE_ENDIAN);
  view.setUint32(12, 0, LITTLE_ENDIAN);
  target.set(message.payload, at + NLMSG_HEADER_LENGTH);
  target.fill(0, at + length, at + align4(length));
  return at + align4(length);
}

/** Call `visit` with each message in `bytes`. The payload is a view, valid during the call only. */
export function readMessages(bytes: Buffer, visit: (header: MessageHeader, payload: Buffer) => void): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  while (at < bytes.length) {
    const left = bytes.length - at;
    if (left < NLMSG_HEADER_LENGTH) throw malformed(`${left} bytes are left, a header has ${NLMSG_HEADER_LENGTH}`);
    const length = view.getUint32(at, LITTLE_ENDIAN);
    if (length < NLMSG_HEADER_LENGTH || length > left) throw malformed(`message of ${length} bytes, ${left} are left`);
    const header = {
      length,
      type: view.getUint16(at + 4, LITTLE_ENDIAN),
      flags: view.getUint16(at + 6, LITTLE_ENDIAN),
      sequence: view.getUint32(at + 8, LITTLE_ENDIAN),
    };
    visit(header, bytes.subarray(at + NLMSG_HEADER_LENGTH, at + length));
    at += Math.min(align4(length), left);
  }
}

/**
 * Decode the payload of NLMSG_ERROR or NLMSG_DONE: `undefined` for success, else the kernel's error.
 *
 * Both begin with a negated errno; extended-ack attributes follow when NLM_F_ACK_TLVS is set (linux/netlink.h).
 */
export function decodeAck(
  header: MessageHeader,
  payload: Buffer,
  request: NetlinkMessage,
  namespace: string | undefined,
): NetlinkError | undefined {
  if (payload.length < 4) {
    // A dump's DONE may come bare.
    if (header.type === NLMSG_DONE && payload.length === 0) return undefined;
    throw malformed(`acknowledgement of ${payload.length} bytes`);
  }
  const errno = -(LITTLE_ENDIAN ? payload.readInt32LE(0) : payload.readInt32BE(0));
  if (errno <= 0) return undefined;
  const details = { op: request.op, errno, namespace };
  if ((header.flags & NLM_F_ACK_TLVS) === 0) return new NetlinkError(details);
  const attributes = new Attributes(payload, ackLength(header, payload));
  const offset = attributes.u32(NLMSGERR_ATTR_OFFS);
  return new NetlinkError({
    ...details,
    extack: attributes.string(NLMSGERR_ATTR_MSG),
    offset,
    attribute: attributes.u32(NLMSGERR_ATTR_MISS_TYPE) ?? attributeAt(request, offset),
  });
}

/** Where the extended-ack attributes begin: after the errno and, in an error, the request's header or all of it. */
function ackLength(header: MessageHeader, payload: Buffer): number {
  if (header.type === NLMSG_DONE) return 4;
  const echoed = payload.length < 8 ? 0 : LITTLE_ENDIAN ? payload.readUInt32LE(4) : payload.readUInt32BE(4);
  return 4 + (header.flags & NLM_F_CAPPED ? NLMSG_HEADER_LENGTH : align4(echoed));
}

function attributeAt(request: NetlinkMessage, offset: number | undefined): number | undefined {
  const at = (offset ?? 0) - NLMSG_HEADER_LENGTH;
  if (at < 0 || at + 4 > request.payload.length) return undefined;
  const [low = 0, high = 0] = request.payload.subarray(at + 2, at + 4);
  return (LITTLE_ENDIAN ? low | (high << 8) : (low << 8) | high) & NLA_TYPE_MASK;
}
