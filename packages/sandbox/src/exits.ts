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
  readonly #watched = new Map<number, Watched>();
  #epoll = -1;
  #waiting = false;
  #closed = false;
  readonly #forget = onProcessExit(() => this.close());

  /** False: it has ended already, and nothing will be told. */
  watch(process: ProcessIdentity, onExit: () => void): boolean {
    const calls = syscalls();
    const fd = calls.pidfdOpen(process.pid);
    // The descriptor holds on to whatever has the pid by then.
    if (fd < 0 || !isAlive(process)) {
      if (fd >= 0) calls.close(fd);
      return false;
    }
    if (this.#epoll < 0) this.#epoll = calls.epollCreate();
    if (calls.epollAdd(this.#epoll, fd, EPOLLIN, fd) < 0) {
      calls.close(fd);
      return false;
    }
    this.#watched.set(fd, { fd, onExit });
    if (!this.#waiting) void this.#wait();
    return true;
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
      const ended = found > 0 ? this.#watched.get(epollData(event)) : undefined;
      if (ended === undefined) continue;
      // Closing takes it out of the epoll set.
      syscalls().close(ended.fd);
      this.#watched.delete(ended.fd);
      if (!this.#closed) ended.onExit();
    }
    this.#waiting = false;
    if (this.#closed) this.#release();
  }

  /** A datagram socket can always be written to. */
  #wake(): void {
    const calls = syscalls();
    const fd = calls.socket(AF_INET, SOCK_DGRAM_CLOEXEC, 0);
    if (fd < 0) return;
    calls.epollAdd(this.#epoll, fd, EPOLLOUT, fd);
    this.#watched.set(fd, { fd, onExit: () => {} });
  }

  #release(): void {
    for (const { fd } of this.#watched.values()) syscalls().close(fd);
    this.#watched.clear();
    if (this.#epoll >= 0) syscalls().close(this.#epoll);
    this.#epoll = -1;
  }
}
