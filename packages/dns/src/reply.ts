import type { Query } from "./query.ts";
import type { Response } from "./response.ts";
import { classIn, dnssecOk, flags, headerBytes, optBytes, rcodes, writeHeader, writeOpt } from "./wire.ts";

export type Transport = "udp" | "tcp";

/** Data of a record of the name that was asked. */
export interface Data {
  readonly type: number;
  readonly data: Buffer;
}

/** How long an answer from a client's names may be kept, in seconds: who keeps it finds a name that moved after that. */
const localTtl = 5;

/** More than that would come in fragments even on a loopback interface. */
const maxUdpBytes = 4096;

/** How long the answer may be: what the client takes by UDP (RFC 1035: 512 bytes; RFC 6891), or a TCP message. */
function limitOf({ edns }: Query, transport: Transport): number {
  if (transport === "tcp") return 0xffff;
  return edns === undefined ? 512 : Math.min(Math.max(edns.udpSize, 512), maxUdpBytes);
}

/** The OPT record's TTL: the upper bits of the rcode, version 0, and the client's DO bit again (RFC 3225). */
function optTtl({ edns }: Query, rcode: number): number {
  return (rcode >> 4) * 0x100_0000 + (edns?.dnssecOk === true ? dnssecOk : 0);
}

function echoed({ flags: asked }: Query): number {
  return (
    flags.response |
    flags.recursionAvailable |
    (asked & (flags.opcode | flags.recursionDesired | flags.checkingDisabled))
  );
}

/** An answer without records. */
export function plainReply(query: Query, rcode: number, bits = 0): Buffer {
  const { question, edns } = query;
  const end = headerBytes + question.length;
  const message = Buffer.allocUnsafe(end + (edns === undefined ? 0 : optBytes));
  writeHeader(message, {
    id: query.id,
    flags: echoed(query) | bits | (rcode & flags.rcode),
    questions: question.length === 0 ? 0 : 1,
    additionals: edns === undefined ? 0 : 1,
  });
  question.copy(message, headerBytes);
  if (edns !== undefined) writeOpt(message, end, optTtl(query, rcode));
  return message;
}

/**
 * An answer from the client's own names. Of records that don't fit there are as many as do, with the TC bit: resolvers
 * without TCP make do with them.
 */
export function localReply(query: Query, rcode: number, records: readonly Data[], transport: Transport): Buffer {
  if (records.length === 0) return plainReply(query, rcode, flags.authoritative);
  const { question, edns } = query;
  const end = headerBytes + question.length;
  const optLength = edns === undefined ? 0 : optBytes;
  const limit = limitOf(query, transport) - optLength;
  let [length, count] = [end, 0];
  for (const { data } of records) {
    if (length + 12 + data.length > limit) break;
    length += 12 + data.length;
    count++;
  }
  const message = Buffer.allocUnsafe(length + optLength);
  writeHeader(message, {
    id: query.id,
    flags: echoed(query) | flags.authoritative | (count < records.length ? flags.truncated : 0) | rcode,
    questions: 1,
    answers: count,
    additionals: edns === undefined ? 0 : 1,
  });
  question.copy(message, headerBytes);
  let at = end;
  for (let index = 0; index < count; index++) {
    const { type, data } = records[index] as Data;
    // A pointer to the question's name (RFC 1035, section 4.1.4).
    message.writeUInt16BE(0xc000 | headerBytes, at);
    message.writeUInt16BE(type, at + 2);
    message.writeUInt16BE(classIn, at + 4);
    message.writeUInt32BE(localTtl, at + 6);
    message.writeUInt16BE(data.length, at + 10);
    at += 12 + data.copy(message, at + 12);
  }
  if (edns !== undefined) writeOpt(message, at, optTtl(query, rcode));
  return message;
}

/** What another server said, `ageSeconds` ago; undefined stands for no answer from any. */
export function forwardedReply(
  query: Query,
  response: Response | undefined,
  ageSeconds: number,
  transport: Transport,
): Buffer {
  if (response === undefined) return plainReply(query, rcodes.SERVFAIL);
  const { message: original, ttls } = response;
  const optLength = query.edns === undefined ? 0 : optBytes;
  const bits = original.readUInt16BE(2) & (flags.truncated | flags.authenticData);
  if (original.length + optLength > limitOf(query, transport)) {
    return plainReply(query, response.rcode, bits | flags.truncated);
  }
  const message = Buffer.allocUnsafe(original.length + optLength);
  original.copy(message);
  message.writeUInt16BE(query.id, 0);
  message.writeUInt16BE(echoed(query) | bits | (response.rcode & flags.rcode), 2);
  query.question.copy(message, headerBytes);
  for (const { at, seconds } of ttls) message.writeUInt32BE(Math.max(seconds - ageSeconds, 0), at);
  if (query.edns !== undefined) {
    message.writeUInt16BE(original.readUInt16BE(10) + 1, 10);
    writeOpt(message, original.length, optTtl(query, response.rcode));
  }
  return message;
}
