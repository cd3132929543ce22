import { flags, headerBytes, rcodes, recordsAt, types, type RecordSpan } from "./wire.ts";

/** What a server said, without its OPT record, which is between it and us (RFC 6891, section 6.2.6). */
export interface Response {
  readonly rcode: number;
  readonly message: Buffer;
  readonly ttls: readonly { readonly at: number; readonly seconds: number }[];
  readonly isTruncated: boolean;
  /** The name doesn't exist, or has nothing of that type. */
  readonly isNegative: boolean;
  /** For how many seconds it may be kept; 0 if not at all. */
  readonly keepSeconds: number;
}

/** The question that was sent, and the id that went with it. */
export interface Asked {
  readonly id: number;
  readonly question: Buffer;
}

/** How long an answer is kept at most, in seconds, whatever its TTLs; and one that says no (RFC 2308, section 5). */
const [maxSeconds, maxNegativeSeconds] = [3600, 900];

/** Reads what came back; undefined if it is no answer to what was asked. One that is damaged is one with FORMERR. */
export function readResponse(received: Buffer, asked: Asked): Response | undefined {
  if (received.length < headerBytes || received.readUInt16BE(0) !== asked.id) return undefined;
  const bits = received.readUInt16BE(2);
  if ((bits & (flags.response | flags.opcode)) !== flags.response) return undefined;
  const rcode = bits & flags.rcode;
  const end = headerBytes + asked.question.length;
  if (!repeats(received, asked.question)) {
    // A server that couldn't read the question has none to repeat, and says nothing of the name.
    const isFailure = rcode !== rcodes.NOERROR && rcode !== rcodes.NXDOMAIN;
    return isFailure && received.readUInt16BE(4) === 0 ? failure(rcode) : undefined;
  }
  const isTruncated = (bits & flags.truncated) !== 0;
  const [answers, authorities, additionals] = [6, 8, 10].map((at) => received.readUInt16BE(at)) as [
    number,
    number,
    number,
  ];
  const records = recordsAt(received, end, answers + authorities + additionals);
  if (records === undefined) return isTruncated ? withoutRecords(received, end, rcode) : failure(rcodes.FORMERR);
  // Not from Buffer's pool: what is kept would keep the whole of it.
  const message = Buffer.allocUnsafeSlow(received.length);
  received.copy(message);
  const body = records.slice(0, answers + authorities);
  const extra = records.slice(answers + authorities);
  const opt = extra.findIndex(({ type }) => type === types.OPT);
  // Records behind it would move, and what points into them not; nobody depends on additional records.
  const kept = opt === -1 ? extra : opt === extra.length - 1 ? extra.slice(0, -1) : [];
  message.writeUInt16BE(kept.length, 10);
  const all = [...body, ...kept];
  const ttls = all.map(({ ttlAt }) => ({ at: ttlAt, seconds: ttlOf(received, ttlAt) }));
  const fullRcode = opt === -1 ? rcode : rcode | ((received[extra[opt]?.ttlAt ?? 0] ?? 0) << 4);
  const isNegative = fullRcode === rcodes.NXDOMAIN || (fullRcode === rcodes.NOERROR && !holds(body, answers, asked));
  return {
    rcode: fullRcode,
    message: message.subarray(0, all.at(-1)?.end ?? end),
    ttls,
    isTruncated,
    isNegative: isNegative && !isTruncated,
    keepSeconds: isTruncated ? 0 : keepSeconds(received, ttls, body.slice(answers), isNegative),
  };
}

/** Whether a message has the question, letters in either case. */
function repeats(message: Buffer, question: Buffer): boolean {
  const end = headerBytes + question.length;
  if (message.readUInt16BE(4) !== 1 || message.length < end) return false;
  const typeAt = question.length - 4;
  for (let index = 0; index < question.length; index++) {
    const [a, b] = [message[headerBytes + index] ?? 0, question[index] ?? 0];
    if (a !== b && (index >= typeAt || lower(a) !== lower(b))) return false;
  }
  return true;
}

function lower(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}

function failure(rcode: number): Response {
  const message = Buffer.alloc(headerBytes);
  return { rcode, message, ttls: [], isTruncated: false, isNegative: false, keepSeconds: 0 };
}

/** Truncated in the middle of a record: the question is what is left. */
function withoutRecords(received: Buffer, end: number, rcode: number): Response {
  const message = Buffer.from(received.subarray(0, end));
  message.fill(0, 6, headerBytes);
  return { rcode, message, ttls: [], isTruncated: true, isNegative: false, keepSeconds: 0 };
}

function holds(body: readonly RecordSpan[], answers: number, { question }: Asked): boolean {
  const type = question.readUInt16BE(question.length - 4);
  return body.slice(0, answers).some((record) => type === types.ANY || record.type === type);
}

/** A TTL with the highest bit set is zero (RFC 2181, section 8). */
function ttlOf(message: Buffer, at: number): number {
  const seconds = message.readUInt32BE(at);
  return seconds > 0x7fff_ffff ? 0 : seconds;
}

/** As long as the shortest-lived record; an answer that says no, as its SOA record says, or not at all (RFC 2308). */
function keepSeconds(
  message: Buffer,
  ttls: Response["ttls"],
  authorities: readonly RecordSpan[],
  isNegative: boolean,
): number {
  const shortest = Math.min(maxSeconds, ...ttls.map(({ seconds }) => seconds));
  if (!isNegative) return ttls.length === 0 ? 0 : shortest;
  const soa = authorities.find(({ type }) => type === types.SOA);
  // The minimum is the last of the five numbers at the end of its data.
  return soa === undefined || soa.end - soa.data < 22
    ? 0
    : Math.min(shortest, maxNegativeSeconds, ttlOf(message, soa.end - 4));
}
