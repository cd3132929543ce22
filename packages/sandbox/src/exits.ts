import { EPOLL_EVENT_BYTES, epollData, onProcessExit, syscalls } from "@netkit/netlink";
import { isAlive, type ProcessIdentity } from "./process.ts";

const EPOLLIN = 1;
const EPOLLOUT = 4;
const AF_INET = 2;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
/** Each wait that ends costs the process some work; nothing hangs on it, for whoever closes ends the wait. */
const WAIT_MS = 60_000;

interface Watched {
  readonly fd: number;
  readonly onExit: () => void;
}

/**
 * Tells when processes end that needn't be children, by pidfd_open(2). While it watches any it holds one of libuv's worker
 * threads, and costs nothing else however many there are.
 */
export class Exits implements Disposable {
  /** By a number of its own: an event may be on its way for a descriptor that is another one's by then. */
  readonly #watched = new Map<number, Watched>();
  #last = 0;
  #epoll = -1;
  #waiting = false;
  #closed = false;
  readonly #forget = onProcessExit(() => this.close());

  /** What ends the watch. Undefined: it has ended already, and nothing will be told. */
  watch(process: ProcessIdentity, onExit: () => void): Disposable | undefined {
    const calls = syscalls();
    const fd = calls.pidfdOpen(process.pid);
    // The descriptor holds on to whatever has the pid by then.
    if (fd < 0 || !isAlive(process)) {
      if (fd >= 0) calls.close(fd);
      return undefined;
    }
    if (this.#epoll < 0) this.#epoll = calls.epollCreate();
    const number = this.#add({ fd, onExit }, EPOLLIN);
    if (number === undefined) {
      calls.close(fd);
      return undefined;
    }
    if (!this.#waiting) void this.#wait();
    return { [Symbol.dispose]: () => void this.#drop(number) };
  }

  get size(): number {
    return this.#watched.size;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#forget();
    if (!this.#waiting) this.#release();
    else this.#wake();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #wait(): Promise<void> {
    this.#waiting = true;
    const event = Buffer.alloc(EPOLL_EVENT_BYTES);
    while (!this.#closed && this.#watched.size > 0) {
      const found = await syscalls().epollWaitAsync(this.#epoll, event, WAIT_MS);
      const ended = found > 0 ? this.#drop(epollData(event)) : undefined;
      if (!this.#closed) ended?.onExit();
    }
    this.#waiting = false;
    if (this.#closed) this.#release();
  }

  /** A datagram socket can always be written to. */
  #wake(): void {
    const calls = syscalls();
    const fd = calls.socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0);
    if (fd >= 0) this.#add({ fd, onExit: () => {} }, EPOLLOUT);
  }

  #add(watched: Watched, events: number): number | undefined {
    const number = (this.#last = (this.#last + 1) >>> 0);
    if (syscalls().epollAdd(this.#epoll, watched.fd, events, number) < 0) return undefined;
    this.#watched.set(number, watched);
    return number;
  }

  /** Closing takes it out of the epoll set. */
  #drop(number: number): Watched | undefined {
    const watched = this.#watched.get(number);
    if (watched === undefined || !this.#watched.delete(number)) return undefined;
    syscalls().close(watched.fd);
    return watched;
  }

  #release(): void {
    for (const { fd } of this.#watched.values()) syscalls().close(fd);
    this.#watched.clear();
    if (this.#epoll >= 0) syscalls().close(this.#epoll);
    this.#epoll = -1;
  }
}
