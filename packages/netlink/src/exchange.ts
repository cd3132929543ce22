import type { NetlinkError } from "./errors.ts";
import { messageLength } from "./message.ts";
import type { NetlinkMessage, NetlinkReply } from "./message.ts";

/** What became of one message of a batch. */
export type BatchResult =
  | { readonly ok: true; readonly replies: readonly NetlinkReply[] }
  | { readonly ok: false; readonly error: NetlinkError };

/** A sent message that waits for its end: an acknowledgement, or a dump's DONE. */
export interface Pending {
  readonly message: NetlinkMessage;
  readonly receive: (payload: Buffer, type: number, flags: number) => void;
  readonly replies: NetlinkReply[];
  /** The kernel says nothing of it unless it fails. */
  readonly silent: boolean;
  /** An acknowledgement is asked for; otherwise what comes behind it has one, and it has failed by then or it hasn't. */
  readonly asks: boolean;
  finished: boolean;
  interrupted: boolean;
  error: NetlinkError | undefined;
  /** What `receive` threw. It waits until the answer is read to its end, or the socket would stay busy with it. */
  failure: { readonly cause: unknown } | undefined;
}

/** For a send, and for what it brings back: the kernel fills at most 32 KiB per read. */
export const BUFFER_BYTES: number = 64 * 1024;
/** So many that their acknowledgements fit into the queue that a process without privileges gets. */
const SEND_MESSAGES = 256;

/** Wait for a message's acknowledgement, and keep what comes before it. */
export function awaitReplies(message: NetlinkMessage): Pending {
  const replies: NetlinkReply[] = [];
  const receive: Pending["receive"] = (payload, type, flags) => {
    replies.push({ type, flags, payload: Buffer.from(payload) });
  };
  return newPending(message, receive, replies);
}

/**
 * Wait for the acknowledgement of the last of several messages. The kernel carries them out one after the other, and of one that
 * fails it always says so: each acknowledgement is a call to read it.
 */
export function awaitLast(messages: readonly NetlinkMessage[]): Pending[] {
  const last = messages.length - 1;
  return messages.map((message, index) => ({ ...awaitReplies(message), asks: index === last }));
}

/** Wait for a message's end, and hand what comes before it to `receive`. */
export function newPending(
  message: NetlinkMessage,
  receive: Pending["receive"],
  replies: NetlinkReply[] = [],
): Pending {
  return {
    message,
    receive,
    replies,
    silent: false,
    asks: true,
    finished: false,
    interrupted: false,
    error: undefined,
    failure: undefined,
  };
}

/** Expect no acknowledgement: what frames a transaction gets none from most kernels. */
export function silent(message: NetlinkMessage): Pending {
  return { ...awaitReplies(message), silent: true };
}

/** NFNL_MSG_BATCH_BEGIN and _END with struct nfgenmsg, linux/netfilter/nfnetlink.h. */
export function transactionEnds(subsystem: number): NetlinkMessage[] {
  const payload = Uint8Array.of(0, 0, subsystem >> 8, subsystem & 0xff);
  return [
    { type: 0x10, flags: 0, payload, op: "begin a transaction" },
    { type: 0x11, flags: 0, payload, op: "end a transaction" },
  ];
}

/** What became of a message that has come to its end. */
export function resultOf({ error, replies }: Pending): BatchResult {
  return error ? { ok: false, error } : { ok: true, replies };
}

/** Split `messages` so that each part fits into one send. */
export function* chunks(messages: readonly NetlinkMessage[]): Generator<readonly NetlinkMessage[]> {
  let start = 0;
  let bytes = 0;
  for (const [index, message] of messages.entries()) {
    const length = messageLength(message);
    if (length > BUFFER_BYTES) throw new RangeError(`${message.op}: a message of ${length} bytes is too long`);
    if (bytes + length > BUFFER_BYTES || index - start === SEND_MESSAGES) {
      yield messages.slice(start, index);
      start = index;
      bytes = 0;
    }
    bytes += length;
  }
  if (start < messages.length) yield start === 0 ? messages : messages.slice(start);
}
