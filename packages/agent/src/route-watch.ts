import type { Finding, Netkit } from "@netkit/engine";
import { openMonitor, type Monitor, type NetlinkEvent } from "@netkit/netlink";
import type { Events } from "./events.ts";

/** Routes come and go several at a time. */
const settleMs = 100;
/** The kernel doesn't tell of routes that go with their link: known overlaps are looked at again after so long. */
const againMs = 1_000;

/** Tells when the host gets a route that takes addresses of a network (a VPN comes up), and when it has gone. */
export class RouteWatch {
  readonly #netkit: Netkit;
  readonly #events: Events;
  readonly #report: (error: unknown) => void;
  readonly #monitor: Monitor = openMonitor({ groups: ["route"], gatherMs: settleMs });
  #known = new Map<string, Finding>();
  #waiting: NodeJS.Timeout | undefined;
  #due = Infinity;
  #turn: Promise<void>;
  #closed = false;

  constructor(netkit: Netkit, events: Events, report: (error: unknown) => void) {
    this.#netkit = netkit;
    this.#events = events;
    this.#report = report;
    this.#turn = this.#look();
    void this.#watch();
  }

  /** Overlaps that there are. */
  get size(): number {
    return this.#known.size;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#waiting);
    this.#monitor.close();
    await this.#turn;
  }

  async #watch(): Promise<void> {
    try {
      for await (const event of this.#monitor) if (concerns(event)) this.#later(0);
    } catch (error) {
      this.#report(error);
    }
  }

  #later(afterMs: number): void {
    const due = performance.now() + afterMs;
    if (this.#closed || due >= this.#due) return;
    clearTimeout(this.#waiting);
    this.#due = due;
    this.#waiting = setTimeout(() => {
      this.#due = Infinity;
      this.#turn = this.#turn.then(async () => await this.#look());
    }, afterMs);
  }

  async #look(): Promise<void> {
    try {
      const found = new Map((await this.#netkit.overlaps()).map((finding) => [finding.message, finding]));
      for (const [message, finding] of found) if (!this.#known.has(message)) this.#tell("overlap", finding);
      for (const [message, finding] of this.#known) if (!found.has(message)) this.#tell("overlap-end", finding);
      this.#known = found;
      if (found.size > 0) this.#later(againMs);
    } catch (error) {
      this.#report(error);
    }
  }

  #tell(action: string, { owner, message, hint }: Finding): void {
    const attributes = { message, ...(hint === undefined ? {} : { hint }) };
    this.#events.emit({ type: "network", action, id: owner?.id ?? "", name: owner?.name ?? "", attributes });
  }
}

function concerns(event: NetlinkEvent): boolean {
  if (event.kind !== "route") return event.kind === "lost";
  // Not those of link-local addresses, which every link brings along.
  return event.route.type === "unicast" && !/^f[ef]/.test(event.route.destination);
}
