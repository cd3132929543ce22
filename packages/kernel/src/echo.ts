import { familyOf, NetkitError, type Family, type Ip } from "@netkit/core";
import { EPOLL_EVENT_BYTES, epollData, errnoName, syscalls } from "@netkit/netlink";
import { checksum } from "./checksum.ts";
import { AF_INET, AF_INET6, IPPROTO_IPV6, socketAddress } from "./inet-socket.ts";

const SOCK_RAW_FLAGS = 3 | 0o2000000 | 0o4000; // SOCK_CLOEXEC, SOCK_NONBLOCK
const EPOLLIN = 1;
const SOL_RAW = 255;
const IPPROTO_IP = 0;
const IPPROTO_ICMPV6 = 58;
/**
 * IP_MTU_DISCOVER and IPV6_MTU_DISCOVER with their value PROBE: nobody may take a packet to pieces, and what the kernel
 * remembers of how long the way was, for ten minutes, keeps none from being sent (ip(7)).
 */
const IP_MTU_DISCOVER = 10;
const IPV6_MTU_DISCOVER = 23;
const PMTUDISC_PROBE = 3;
/** ICMP_FILTER and ICMP6_FILTER (icmp(7), RFC 3542). */
const FILTER = 1;
const ICMP_HEADER = 8;
/** What an echo request has that only asks whether somebody is there. */
const fewBytes = 64;
/** A request that was lost is sent again after so long, in ms, as ping does. */
const againAfterMs = 1_000;
/** Who gives up is heard within this time, in ms. */
const sliceMs = 100;

const types: Readonly<Record<Family, { readonly request: number; readonly reply: number; readonly header: number }>> = {
  ipv4: { request: 8, reply: 0, header: 20 },
  ipv6: { request: 128, reply: 129, header: 40 },
};

/** An ICMP echo request, of IPv4 or IPv6. */
export interface EchoRequest {
  readonly source: Ip;
  readonly destination: Ip;
  /** The size of the packet with its IP header, which nobody may take to pieces; the answer is as long. Absent: a small one. */
  readonly bytes?: number;
}

export interface EchoResult {
  /** The round trip; absent: no answer came. */
  readonly ms?: number;
  /** How many requests were sent until then. */
  readonly sent: number;
  /** Why there is no answer, if the kernel knows: `EMSGSIZE`, `EHOSTUNREACH`, `EADDRNOTAVAIL`. */
  readonly error?: string;
}

export interface EchoOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Told of each answer, with how many there are by then. */
  readonly onAnswer?: ((answered: number) => void) | undefined;
}

/**
 * Asks all at once from the thread's namespace and waits until all have answered, or for so long. Each request has a raw
 * socket of its own, which needs CAP_NET_RAW.
 * @throws NetkitError KERNEL, CANCELLED
 */
export async function echo(requests: readonly EchoRequest[], options: EchoOptions): Promise<EchoResult[]> {
  const { timeoutMs, signal, onAnswer } = options;
  using probes = new Probes(requests);
  const deadline = performance.now() + timeoutMs;
  let answered = 0;
  for (let next = 0, now = performance.now(); probes.waiting > 0 && now < deadline; now = performance.now()) {
    if (signal?.aborted === true) throw new NetkitError("CANCELLED", "cancelled", { cause: signal.reason });
    if (now >= next) {
      probes.send();
      next = now + againAfterMs;
    }
    await probes.receive(Math.ceil(Math.min(sliceMs, Math.min(next, deadline) - now)));
    if (probes.answered > answered) onAnswer?.((answered = probes.answered));
  }
  return probes.results();
}

class Probes implements Disposable {
  readonly #probes: Probe[] = [];
  readonly #epoll = checked(syscalls().epollCreate());

  constructor(requests: readonly EchoRequest[]) {
    const first = Math.floor(Math.random() * 0x1_00_00);
    try {
      for (const [index, request] of requests.entries()) {
        const probe = new Probe(request, (first + index) & 0xffff);
        this.#probes.push(probe);
        checked(syscalls().epollAdd(this.#epoll, probe.fd, EPOLLIN, index));
      }
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  get waiting(): number {
    return this.#probes.filter(({ isWaiting }) => isWaiting).length;
  }

  get answered(): number {
    return this.#probes.filter(({ ms }) => ms !== undefined).length;
  }

  send(): void {
    for (const probe of this.#probes) if (probe.isWaiting) probe.send();
  }

  async receive(timeoutMs: number): Promise<void> {
    const event = Buffer.alloc(EPOLL_EVENT_BYTES);
    const found = await syscalls().epollWaitAsync(this.#epoll, event, timeoutMs);
    if (found > 0) this.#probes[epollData(event)]?.receive();
  }

  results(): EchoResult[] {
    return this.#probes.map(({ ms, sent, error }) => ({
      sent,
      ...(ms === undefined ? {} : { ms }),
      ...(ms !== undefined || error === undefined ? {} : { error }),
    }));
  }

  [Symbol.dispose](): void {
    for (const { fd } of this.#probes) syscalls().close(fd);
    syscalls().close(this.#epoll);
  }
}

/** One request, sent until it is answered. Its socket is connected, so that it hears of nobody else. */
class Probe {
  readonly fd: number;
  ms: number | undefined;
  sent = 0;
  error: string | undefined;
  /** Nothing can be sent at all. */
  #isOver = false;
  readonly #family: Family;
  readonly #id: number;
  readonly #bytes: number;
  readonly #sentAt: number[] = [];
  /** The longest header of IPv4, and the first bytes of the message. */
  readonly #answer = Buffer.alloc(60 + ICMP_HEADER);

  constructor({ source, destination, bytes = fewBytes }: EchoRequest, id: number) {
    const calls = syscalls();
    this.#family = familyOf(destination);
    this.#id = id;
    this.#bytes = bytes;
    const isV6 = this.#family === "ipv6";
    this.fd = checked(calls.socket(isV6 ? AF_INET6 : AF_INET, SOCK_RAW_FLAGS, isV6 ? IPPROTO_ICMPV6 : 1));
    if (isV6) {
      calls.setsockopt(this.fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, int32(PMTUDISC_PROBE));
      calls.setsockopt(this.fd, IPPROTO_ICMPV6, FILTER, allBut(types.ipv6.reply, 32));
    } else {
      calls.setsockopt(this.fd, IPPROTO_IP, IP_MTU_DISCOVER, int32(PMTUDISC_PROBE));
      calls.setsockopt(this.fd, SOL_RAW, FILTER, allBut(types.ipv4.reply, 4));
    }
    const bound = calls.bind(this.fd, socketAddress(source, 0));
    const connected = bound < 0 ? bound : calls.connect(this.fd, socketAddress(destination, 0));
    if (connected >= 0) return;
    this.error = errnoName(-connected);
    this.#isOver = true;
  }

  get isWaiting(): boolean {
    return this.ms === undefined && !this.#isOver;
  }

  send(): void {
    const { request, header } = types[this.#family];
    const length = Math.max(ICMP_HEADER, this.#bytes - header);
    const message = Buffer.alloc(length + (length & 1));
    message[0] = request;
    message.writeUInt16BE(this.#id, 4);
    message.writeUInt16BE(this.#sentAt.length, 6);
    // That of ICMPv6 is the kernel's to fill in. A further byte of 0 changes nothing of it.
    if (this.#family === "ipv4") message.writeUInt16BE(checksum(message), 2);
    this.#sentAt.push(performance.now());
    const result = syscalls().send(this.fd, message, length, 0);
    if (result < 0) this.error = errnoName(-result);
    else this.sent++;
  }

  receive(): void {
    const answer = this.#answer;
    for (;;) {
      const length = syscalls().recv(this.fd, answer, answer.length, 0);
      if (length < 0) {
        const error = errnoName(-length);
        if (error !== "EAGAIN") this.error = error;
        return;
      }
      const at = this.#family === "ipv4" ? ((answer[0] ?? 0) & 0xf) * 4 : 0;
      const isOwn = answer[at] === types[this.#family].reply && answer.readUInt16BE(at + 4) === this.#id;
      const sentAt = isOwn ? this.#sentAt[answer.readUInt16BE(at + 6)] : undefined;
      if (sentAt !== undefined) this.ms ??= performance.now() - sentAt;
    }
  }
}

/** A filter that lets one type of message through: a bit is set for each that is kept out. */
function allBut(type: number, bytes: number): Buffer {
  const words = new Uint32Array(bytes / 4).fill(0xff_ff_ff_ff);
  words[type >>> 5] = ~(1 << (type & 31));
  return Buffer.from(words.buffer);
}

function int32(value: number): Buffer {
  return Buffer.from(new Uint32Array([value]).buffer);
}

function checked(result: number): number {
  if (result >= 0) return result;
  throw new NetkitError("KERNEL", `can't send echo requests: ${errnoName(-result)}`, {
    details: { errno: errnoName(-result) },
  });
}
