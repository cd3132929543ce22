import { constants } from "node:os";
import { openDescriptor } from "./descriptor.ts";
import { NetlinkError } from "./errors.ts";
import {
  BUFFER_BYTES,
  awaitLast,
  awaitReplies,
  chunks,
  newPending,
  resultOf,
  silent,
  transactionEnds,
} from "./exchange.ts";
import type { BatchResult, Pending } from "./exchange.ts";
import {
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_NOOP,
  NLMSG_OVERRUN,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  decodeAck,
  messageLength,
  readMessages,
  writeMessage,
} from "./message.ts";
import type { MessageHeader, NetlinkMessage, NetlinkReply } from "./message.ts";
import { describeNamespace } from "./namespace.ts";
import type { NamespaceRef } from "./namespace.ts";
import { syscalls } from "./syscalls.ts";

/** Netlink families, linux/netlink.h. */
export const NETLINK_ROUTE = 0;
export const NETLINK_SOCK_DIAG = 4;
export const NETLINK_NETFILTER = 12;

export interface NetlinkOptions {
  /** The netlink family. Default: NETLINK_ROUTE. */
  readonly family?: number;
  /** The namespace to work in. Default: that of the calling thread. */
  readonly namespace?: NamespaceRef | undefined;
}

/**
 * A netlink socket, bound for its life to the namespace it was opened in.
 *
 * Calls are synchronous, for the kernel answers within the system call. The `Async` ones send on another thread, for
 * requests that make the kernel wait (deleting a veth: 15-19 ms). Both may be mixed on one socket.
 */
export interface NetlinkSocket extends Disposable {
  readonly fd: number;
  readonly family: number;
  /** How errors name the socket's namespace. */
  readonly namespace: string | undefined;
  /** Send one message and return the kernel's replies, none for most. Throws NetlinkError. */
  request(message: NetlinkMessage): readonly NetlinkReply[];
  /**
   * Send all messages in one system call and say of each what became of it, in their order. A failed message doesn't
   * keep the kernel from carrying out those behind it. Throws only when the socket itself fails.
   */
  batch(messages: readonly NetlinkMessage[]): BatchResult[];
  /** As {@link batch}, and throw the first error. What succeeded stays done. */
  batchOrThrow(messages: readonly NetlinkMessage[]): void;
  /** As {@link batch}, without holding up the event loop while the kernel waits. */
  batchAsync(messages: readonly NetlinkMessage[]): Promise<BatchResult[]>;
  /**
   * Send all messages as one transaction of a netfilter subsystem (NFNL_MSG_BATCH_*, linux/netfilter/nfnetlink.h): the
   * kernel carries out all of them or none. Throws the first error; what the messages were about is then as before.
   */
  transaction(subsystem: number, messages: readonly NetlinkMessage[]): void;
  /**
   * List objects: send `message` with NLM_F_DUMP and decode every object of the answer. A dump that the kernel marks as
   * interrupted by a change (NLM_F_DUMP_INTR) is asked for again, 16 times at most; then EINTR is thrown.
   * `decode` gets a view that is valid during the call only, and leaves an object out by returning `undefined`.
   */
  dump<T>(message: NetlinkMessage, decode: (payload: Buffer, type: number) => T | undefined): T[];
  /** Close the socket. Any later use is an error (EBADF). */
  close(): void;
}

const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;

const RECEIVE_TIMEOUT_MS = 10_000;
const DUMP_ATTEMPTS = 16;

const { EAGAIN, EBADF, EINTR, EMSGSIZE, ENOBUFS, ETIMEDOUT } = constants.errno;

/** Shared by all sockets, so that opening one is cheap. What decodes a dump may use a socket: it gets another buffer. */
const idleBuffers: Buffer[] = [];

/** Open a netlink socket. In another namespace than the thread's own this needs CAP_SYS_ADMIN. */
export function openNetlink(options: NetlinkOptions = {}): NetlinkSocket {
  const { family = NETLINK_ROUTE, namespace } = options;
  const fd = openDescriptor(family, namespace, RECEIVE_TIMEOUT_MS);
  return new Socket(fd, family, namespace === undefined ? undefined : describeNamespace(namespace));
}

class Socket implements NetlinkSocket {
  readonly family: number;
  readonly namespace: string | undefined;
  readonly #pending = new Map<number, Pending>();
  readonly #fd: number;
  #sequence = 0;
  #closed = false;
  /** Answers may be on their way that nobody waits for any more. */
  #abandoned = false;

  constructor(fd: number, family: number, namespace: string | undefined) {
    this.#fd = fd;
    this.family = family;
    this.namespace = namespace;
  }

  get fd(): number {
    if (this.#closed) throw this.#error("use a closed netlink socket", EBADF);
    return this.#fd;
  }

  request(message: NetlinkMessage): readonly NetlinkReply[] {
    const [result] = this.batch([message]);
    if (!result?.ok) throw result?.error ?? this.#error(message.op, ETIMEDOUT);
    return result.replies;
  }

  batch(messages: readonly NetlinkMessage[]): BatchResult[] {
    const results: BatchResult[] = [];
    for (const chunk of chunks(messages)) {
      const pending = awaitLast(chunk);
      this.#run(pending, NLM_F_ACK);
      for (const entry of pending) results.push(resultOf(entry));
    }
    return results;
  }

  batchOrThrow(messages: readonly NetlinkMessage[]): void {
    for (const result of this.batch(messages)) if (!result.ok) throw result.error;
  }

  transaction(subsystem: number, messages: readonly NetlinkMessage[]): void {
    const [begin, end] = transactionEnds(subsystem).map(silent);
    if (begin === undefined || end === undefined) return;
    const inner = messages.map(awaitReplies);
    const pending = [begin, ...inner, end];
    const length = pending.reduce((sum, { message }) => sum + messageLength(message), 0);
    if (length > BUFFER_BYTES)
      throw new RangeError(`${messages[0]?.op}: ${length} bytes are too much for a transaction`);
    this.#run(pending, NLM_F_ACK);
    const failed = [begin, ...inner].find(({ error }) => error);
    if (failed?.error) throw failed.error;
  }

  async batchAsync(messages: readonly NetlinkMessage[]): Promise<BatchResult[]> {
    const results: BatchResult[] = [];
    for (const chunk of chunks(messages)) {
      const pending = awaitLast(chunk);
      const buffer = Buffer.allocUnsafeSlow(chunk.reduce((sum, message) => sum + messageLength(message), 0));
      try {
        const length = this.#write(buffer, pending, NLM_F_ACK);
        this.#sent(await syscalls().writeLate(this.fd, buffer.subarray(0, length)), pending);
      } catch (error) {
        this.#forget(pending);
        throw error;
      }
      this.#receiveUntil(pending);
      for (const entry of pending) results.push(resultOf(entry));
    }
    return results;
  }

  dump<T>(message: NetlinkMessage, decode: (payload: Buffer, type: number) => T | undefined): T[] {
    for (let attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
      const found: T[] = [];
      const pending = newPending(message, (payload, type) => {
        const object = decode(payload, type);
        if (object !== undefined) found.push(object);
      });
      this.#run([pending], NLM_F_DUMP);
      // A changed table shows as the flag on any part, or as the DONE's own errno.
      if (pending.interrupted || pending.error?.errno === EINTR) continue;
      if (pending.error) throw pending.error;
      return found;
    }
    throw new NetlinkError({
      op: message.op,
      errno: EINTR,
      extack: `the kernel's table changed during each of ${DUMP_ATTEMPTS} readings`,
      namespace: this.namespace,
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    syscalls().close(this.#fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #run(pending: readonly Pending[], flags: number): void {
    const buffer = idleBuffers.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
    try {
      const length = this.#write(buffer, pending, flags);
      this.#sent(syscalls().send(this.fd, buffer, length, 0), pending);
    } catch (error) {
      this.#forget(pending);
      throw error;
    } finally {
      idleBuffers.push(buffer);
    }
    this.#receiveUntil(pending);
  }

  #write(target: Buffer, pending: readonly Pending[], flags: number): number {
    if (this.#abandoned) this.#drain();
    let end = 0;
    for (const entry of pending) {
      this.#sequence = (this.#sequence + 1) >>> 0;
      const wanted = entry.silent || !entry.asks ? NLM_F_REQUEST : NLM_F_REQUEST | flags;
      end = writeMessage(target, end, entry.message, wanted, this.#sequence);
      this.#pending.set(this.#sequence, entry);
    }
    return end;
  }

  #sent(result: number, pending: readonly Pending[]): void {
    if (result < 0) throw this.#error(pending[0]?.message.op ?? "send", -result);
  }

  #forget(pending: readonly Pending[]): void {
    if (this.#pending.size === pending.length) {
      this.#pending.clear();
      return;
    }
    for (const [sequence, entry] of this.#pending) if (pending.includes(entry)) this.#pending.delete(sequence);
  }

  #receiveUntil(pending: readonly Pending[]): void {
    const buffer = idleBuffers.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
    try {
      for (const entry of pending) {
        while (!isOver(entry, pending)) this.#receive(buffer, entry.message.op);
        if (entry.failure) throw entry.failure.cause;
      }
    } catch (error) {
      this.#abandoned = true;
      throw error;
    } finally {
      this.#forget(pending);
      idleBuffers.push(buffer);
    }
  }

  /** Read one datagram and hand each message to whoever waits for it; the late answer to a given-up one is dropped. */
  #receive(buffer: Buffer, op: string): void {
    const length = syscalls().recv(this.fd, buffer, buffer.length, MSG_TRUNC);
    if (length === -EINTR) return;
    if (length === -EAGAIN) throw this.#error(op, ETIMEDOUT, `no answer from the kernel in ${RECEIVE_TIMEOUT_MS} ms`);
    if (length < 0) throw this.#error(op, -length);
    if (length > buffer.length) {
      throw this.#error(op, EMSGSIZE, `answer of ${length} bytes, ${buffer.length} are the limit`);
    }
    readMessages(buffer.subarray(0, length), (header, payload) => this.#dispatch(header, payload));
  }

  /** The kernel refuses a new dump (EBUSY) until all of the last one has been read. */
  #drain(): void {
    const buffer = idleBuffers.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
    try {
      for (;;) {
        const length = syscalls().recv(this.fd, buffer, buffer.length, MSG_TRUNC | MSG_DONTWAIT);
        if (length < 0 && length !== -EINTR && length !== -ENOBUFS) break;
        const datagram = buffer.subarray(0, Math.max(0, Math.min(length, buffer.length)));
        readMessages(datagram, (header, payload) => this.#dispatch(header, payload));
      }
      this.#abandoned = false;
    } finally {
      idleBuffers.push(buffer);
    }
  }

  #dispatch(header: MessageHeader, payload: Buffer): void {
    const entry = this.#pending.get(header.sequence);
    if (!entry) return;
    if (header.flags & NLM_F_DUMP_INTR) entry.interrupted = true;
    switch (header.type) {
      case NLMSG_NOOP:
        return;
      case NLMSG_OVERRUN:
        throw this.#error(entry.message.op, ENOBUFS);
      case NLMSG_ERROR:
      case NLMSG_DONE:
        entry.error = decodeAck(header, payload, entry.message, this.namespace);
        entry.finished = true;
        return;
      default:
        try {
          entry.receive(payload, header.type, header.flags);
        } catch (cause) {
          entry.failure ??= { cause };
        }
    }
  }

  #error(op: string, errno: number, extack?: string): NetlinkError {
    return new NetlinkError({ op, errno, extack, namespace: this.namespace });
  }
}

/** What the kernel says of a transaction's beginning is said of all of it. */
function isOver({ finished, silent, asks }: Pending, [first]: readonly Pending[]): boolean {
  return finished || silent || !asks || (first?.silent === true && first.error !== undefined);
}
