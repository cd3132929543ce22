import { openMonitor, type Monitor } from "@netkit/netlink";

/**
 * Tells of changes to the host's links while namespaces are awaited: an engine that is handed an interface takes it away once the
 * namespace is there, and its loopback interface up, and starts nothing inside before.
 */
export class Arrivals {
  readonly #changed: () => Promise<unknown>;
  #monitor: Monitor | undefined;
  #watching: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(changed: () => Promise<unknown>) {
    this.#changed = changed;
  }

  /** From its return on no change is missed. */
  await(areAwaited: boolean): void {
    if (!areAwaited) this.#stop();
    else if (this.#monitor === undefined && !this.#closed) {
      this.#monitor = openMonitor({ groups: ["link"] });
      this.#watching = this.#watch(this.#monitor);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#stop();
    await this.#watching;
  }

  #stop(): void {
    this.#monitor?.close();
    this.#monitor = undefined;
  }

  async #watch(monitor: Monitor): Promise<void> {
    for await (const event of monitor) if (event.kind === "link" || event.kind === "lost") await this.#changed();
  }
}
