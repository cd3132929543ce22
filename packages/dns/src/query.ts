import { dnssecOk, flags, headerBytes, rcodes, recordsAt, types } from "./wire.ts";

/** What a client says of itself in an OPT record (RFC 6891). */
interface Edns {
  readonly udpSize: number;
  readonly dnssecOk: boolean;
}

/** A message that deserves an answer. */
export interface Query {
  readonly id: number;
  readonly flags: number;
  /** The question as it was asked: name, type and class. Empty when it can't be told. */
  readonly question: Buffer;
  /** The name in lower case with dots; undefined when it holds bytes that no name of ours does. */
  readonly name: string | undefined;
  readonly type: number;
  readonly class: number;
  readonly edns: Edns | undefined;
  /** Set when this is the answer, whatever was asked. */
  readonly refusal: number | undefined;
}

/** The name that was read last, with dots; reading is synchronous. */
const text = Buffer.alloc(256);

/** Reads a query; undefined for what must be left without an answer: no header, or a response. */
export function readQuery(message: Buffer): Query | undefined {
  if (message.length < headerBytes) return undefined;
  const bits = message.readUInt16BE(2);
  if ((bits & flags.response) !== 0) return undefined;
  if ((bits & flags.opcode) !== 0) return refused(message, rcodes.NOTIMP);
  // One question, no answers, no authorities.
  if (message.readUInt32BE(4) !== 0x1_0000 || message.readUInt16BE(8) !== 0) return refused(message, rcodes.FORMERR);
  const name = readName(message);
  if (name === undefined || name.end + 4 > message.length) return refused(message, rcodes.FORMERR);
  const end = name.end + 4;
  const query = {
    id: message.readUInt16BE(0),
    flags: bits,
    question: message.subarray(headerBytes, end),
    name: name.text,
    type: message.readUInt16BE(name.end),
    class: message.readUInt16BE(name.end + 2),
  };
  if (message.readUInt16BE(10) === 0) return { ...query, edns: undefined, refusal: undefined };
  return { ...query, ...readEdns(message, end) };
}

function refused(message: Buffer, refusal: number): Query {
  const [id, bits] = [message.readUInt16BE(0), message.readUInt16BE(2)];
  return {
    id,
    flags: bits,
    question: message.subarray(0, 0),
    name: undefined,
    type: 0,
    class: 0,
    edns: undefined,
    refusal,
  };
}

/** The name of the question, which has no name before it that it could point to. At most 255 bytes (RFC 1035, 2.3.4). */
function readName(message: Buffer): { text: string | undefined; end: number } | undefined {
  let at = headerBytes;
  let length = 0;
  let isPlain = true;
  for (;;) {
    const size = message[at++];
    if (size === undefined || size > 63) return undefined;
    if (size === 0) break;
    const end = at + size;
    if (end >= message.length || end - headerBytes > 254) return undefined;
    if (length > 0) text[length++] = 0x2e;
    for (; at < end; at++) {
      const byte = message[at] ?? 0;
      // A dot inside of a label is no dot between labels.
      if (byte <= 0x20 || byte >= 0x7f || byte === 0x2e) isPlain = false;
      text[length++] = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
    }
  }
  return { text: isPlain ? text.toString("latin1", 0, length) : undefined, end: at };
}

/** The OPT record among the additional ones: one at most, of the root, version 0. What else is there, nobody needs. */
function readEdns(message: Buffer, offset: number): Pick<Query, "edns" | "refusal"> {
  const records = recordsAt(message, offset, message.readUInt16BE(10));
  if (records === undefined) return { edns: undefined, refusal: rcodes.FORMERR };
  const [opt, second] = records.filter(({ type }) => type === types.OPT);
  if (opt === undefined) return { edns: undefined, refusal: undefined };
  if (second !== undefined || message[opt.start] !== 0) return { edns: undefined, refusal: rcodes.FORMERR };
  const edns = { udpSize: opt.class, dnssecOk: (message.readUInt16BE(opt.ttlAt + 2) & dnssecOk) !== 0 };
  return { edns, refusal: message[opt.ttlAt + 1] === 0 ? undefined : rcodes.BADVERS };
}
