import { isNetkitError, type Sandbox, type SandboxId } from "@netkit/core";
import type { Netkit, Records } from "@netkit/engine";
import { bootId, Exits, isAlive } from "@netkit/sandbox";
import type { Events } from "./events.ts";
import type { Troubles } from "./troubles.ts";

/** Tells of the end of sandboxes' processes, and removes the sandboxes that were to go with theirs. */
export class Endings {
  readonly #netkit: Netkit;
  readonly #records: Records;
  readonly #events: Events;
  readonly #troubles: Troubles;
  readonly #exits = new Exits();
  readonly #watched = new Set<string>();
  /** To be removed, with whether that is under way. */
  readonly #left = new Map<SandboxId, boolean>();
  #closed = false;

  constructor(netkit: Netkit, records: Records, events: Events, troubles: Troubles) {
    this.#netkit = netkit;
    this.#records = records;
    this.#events = events;
    this.#troubles = troubles;
  }

  /** Processes whose end is waited for. */
  get watched(): number {
    return this.#watched.size;
  }

  get needed(): boolean {
    return this.#watched.size > 0 || this.#left.size > 0;
  }

  watch({ id, process }: Sandbox): void {
    if (process === undefined || process.boot !== bootId()) return;
    const key = `${process.pid} ${process.startTime}`;
    if (this.#watched.has(key)) return;
    const ended = (): void => {
      this.#watched.delete(key);
      this.#ended(id);
    };
    if (this.#exits.watch(process, ended)) this.#watched.add(key);
    else if (!isAlive(process)) this.#ended(id);
  }

  /** Tries again to remove what couldn't be removed: the disk was full, or somebody had the lock. */
  again(): void {
    for (const [id, underWay] of this.#left) if (!underWay) void this.#remove(id);
  }

  close(): void {
    this.#closed = true;
    this.#exits.close();
  }

  #ended(id: SandboxId): void {
    const sandbox = this.#records.sandboxes.get(id);
    if (sandbox === undefined) return;
    const { name, labels, autoRemove } = sandbox;
    this.#events.emit({ type: "sandbox", action: "die", id, name, attributes: labels });
    if (autoRemove) void this.#remove(id);
  }

  async #remove(id: SandboxId): Promise<void> {
    if (this.#closed) return;
    this.#left.set(id, true);
    const done = await this.#troubles.attempt(`remove ${id}`, async () => await this.#removeUnlessRestarted(id));
    if (done) this.#left.delete(id);
    else this.#left.set(id, false);
  }

  async #removeUnlessRestarted(id: SandboxId): Promise<void> {
    const process = this.#records.sandboxes.get(id)?.process;
    if (process !== undefined && isAlive(process)) return;
    try {
      // What it has left running in there goes with it.
      await this.#netkit.sandboxes.remove(id, { force: true });
    } catch (error) {
      // A `run` in the foreground does the same at the same moment.
      if (!isNetkitError(error) || error.code !== "SANDBOX_NOT_FOUND") throw error;
    }
  }
}
