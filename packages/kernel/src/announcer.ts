import type { NetlinkSocket } from "@netkit/netlink";
import { announce, type Announcement } from "./announce.ts";

/** Repeats announcements, for frames get lost, as long as the process lives: it doesn't live on for them. */
export class Announcer implements Disposable {
  readonly #host: NetlinkSocket;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(host: NetlinkSocket) {
    this.#host = host;
  }

  /** Announces so many times more, each after `intervalMs`. A link that is gone by then ends it. */
  repeat(namespace: string, announcement: Announcement, times: number, intervalMs: number): void {
    if (times <= 0) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      try {
        announce(this.#host, namespace, announcement);
      } catch {
        return;
      }
      this.repeat(namespace, announcement, times - 1, intervalMs);
    }, intervalMs).unref();
    this.#timers.add(timer);
  }

  /** Some are still to come. */
  get busy(): boolean {
    return this.#timers.size > 0;
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}
