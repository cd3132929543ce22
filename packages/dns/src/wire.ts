/**
 * The parts of a message (RFC 1035, section 4) that are needed where it lies. What is forwarded has to come through
 * byte for byte, and a codec that turns names into text loses those that are none.
 */

/** Resource record types and query types, RFC 1035 and later. */
export const types = {
  A: 1,
  SOA: 6,
  PTR: 12,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
} as const;

export const classIn = 1;

/** RFC 1035, section 4.1.1; BADVERS has its upper bits in the OPT record (RFC 6891). */
export const rcodes = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5, BADVERS: 16 } as const;

/** The second word of the header. */
export const flags = {
  response: 0x8000,
  opcode: 0x7800,
  authoritative: 0x0400,
  truncated: 0x0200,
  recursionDesired: 0x0100,
  recursionAvailable: 0x0080,
  authenticData: 0x0020,
  checkingDisabled: 0x0010,
  rcode: 0x000f,
} as const;

/** In the lower half of an OPT record's TTL: the client understands DNSSEC records (RFC 3225). */
export const dnssecOk = 0x8000;

export const headerBytes = 12;

/** Length of an OPT record without options. */
export const optBytes = 11;

/** What we can be sent by UDP without fragments (the DNS flag day of 2020). */
const udpPayload = 1232;

/** A record where it lies. */
export interface RecordSpan {
  readonly start: number;
  readonly type: number;
  readonly class: number;
  /** Where the TTL is; the type is six bytes before it. */
  readonly ttlAt: number;
  readonly data: number;
  readonly end: number;
}

/** Behind the name at `offset`, or undefined if it has no end. Pointers are not followed. */
function skipName(message: Buffer, offset: number): number | undefined {
  for (let at = offset; ;) {
    const size = message[at];
    if (size === undefined) return undefined;
    if (size === 0) return at + 1;
    if (size >= 0xc0) return at + 2;
    if (size > 63) return undefined;
    at += size + 1;
  }
}

/** `count` records from `offset` on, or undefined if they aren't all there. */
export function recordsAt(message: Buffer, offset: number, count: number): RecordSpan[] | undefined {
  const records: RecordSpan[] = [];
  let start = offset;
  while (records.length < count) {
    const at = skipName(message, start);
    if (at === undefined || at + 10 > message.length) return undefined;
    const data = at + 10;
    const end = data + message.readUInt16BE(at + 8);
    if (end > message.length) return undefined;
    records.push({
      start,
      type: message.readUInt16BE(at),
      class: message.readUInt16BE(at + 2),
      ttlAt: at + 4,
      data,
      end,
    });
    start = end;
  }
  return records;
}

export interface Header {
  readonly id: number;
  readonly flags: number;
  readonly questions: number;
  readonly answers?: number;
  readonly authorities?: number;
  readonly additionals?: number;
}

export function writeHeader(message: Buffer, header: Header): void {
  message.writeUInt16BE(header.id, 0);
  message.writeUInt16BE(header.flags, 2);
  message.writeUInt16BE(header.questions, 4);
  message.writeUInt16BE(header.answers ?? 0, 6);
  message.writeUInt16BE(header.authorities ?? 0, 8);
  message.writeUInt16BE(header.additionals ?? 0, 10);
}

/** An OPT record of ours (RFC 6891, section 6.1.2). @param ttl extended rcode, version, flags */
export function writeOpt(message: Buffer, offset: number, ttl: number): void {
  message[offset] = 0;
  message.writeUInt16BE(types.OPT, offset + 1);
  message.writeUInt16BE(udpPayload, offset + 3);
  message.writeUInt32BE(ttl, offset + 5);
  message.writeUInt16BE(0, offset + 9);
}
