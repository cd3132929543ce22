import { isNetkitError, type Namespace, type Sandbox, type SandboxId, type SandboxProcess } from "@netkit/core";
import type { Netkit, Records } from "@netkit/engine";
import { bootId, Exits, isAlive, locateNamespace } from "@netkit/sandbox";
import type { Events } from "./events.ts";
import type { Troubles } from "./troubles.ts";

interface Watched {
  readonly process: SandboxProcess;
  readonly watch: Disposable;
}

/**
 * Tells of the end of sandboxes' processes, and removes the sandboxes that were to go with theirs; and guests without one when their
 * namespace has gone.
 */
export class Endings {
  readonly #netkit: Netkit;
  readonly #records: Records;
  readonly #events: Events;
  readonly #troubles: Troubles;
  readonly #exits = new Exits();
  /** Whose process is waited for. */
  readonly #watched = new Map<SandboxId, Watched>();
  /** Guests that go with their namespaces. */
  readonly #guests = new Map<SandboxId, Namespace>();
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
    return this.#watched.size + this.#guests.size + this.#left.size > 0;
  }

  watch({ id, process, guest, namespace: inside }: Sandbox): void {
    const namespace = guest === true && process === undefined ? this.#records.namespaces.get(inside) : undefined;
    if (namespace !== undefined) this.#guests.set(id, namespace);
    if (process === undefined || process.boot !== bootId()) return;
    const before = this.#watched.get(id);
    if (before !== undefined && isSame(before.process, process)) return;
    this.forget(id);
    const watch = this.#exits.watch(process, () => {
      this.#watched.delete(id);
      this.#ended(id);
    });
    if (watch !== undefined) this.#watched.set(id, { process, watch });
    else if (!isAlive(process)) this.#ended(id);
  }

  /** Of a sandbox that is gone: its process may live on. */
  forget(id: SandboxId): void {
    this.#watched.get(id)?.watch[Symbol.dispose]();
    this.#watched.delete(id);
  }

  /** Nothing tells of the end of a namespace. */
  look(): void {
    for (const [id, namespace] of this.#guests) {
      const isHere = this.#records.sandboxes.has(id);
      if (isHere && namespace.boot === bootId() && locateNamespace(namespace) !== undefined) continue;
      this.#guests.delete(id);
      if (isHere) void this.#remove(id);
    }
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

function isSame(process: SandboxProcess, other: SandboxProcess): boolean {
  return process.pid === other.pid && process.startTime === other.startTime;
}
