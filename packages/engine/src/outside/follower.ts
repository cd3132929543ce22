import { backoffMs, NetkitError, toNetkitError, type Audience, type Network, type OutsidePeers } from "@netkit/core";
import { readerOf } from "../lookup.ts";
import { operate, type Context } from "../operation.ts";
import { pause } from "../pause.ts";
import { keys } from "../state.ts";
import { viewOf } from "../view.ts";
import { changedPeers, takePeerIn } from "./peers.ts";
import { looksOutside, type OutsideDriver } from "./place.ts";
import { worldOf } from "./world.ts";

/** Takes in who comes to one network and who goes, for as long as it is on this host. */
export class Follower {
  readonly #context: Context;
  readonly #network: Network;
  readonly #complain: (error: NetkitError) => void;
  readonly #ended = new AbortController();
  readonly #following: Promise<void>;
  /** What the driver said last, until all of it is taken in. */
  #latest: OutsidePeers | undefined;
  #taking: Promise<void> = Promise.resolve();
  #isTaking = false;
  #told: string | undefined;
  #troubles: readonly NetkitError[] = [];
  /** Why this host's kernel or the driver takes nothing for one of them, by name. */
  readonly #refused = new Map<string, NetkitError>();

  constructor(context: Context, network: Network, complain: (error: NetkitError) => void) {
    this.#context = context;
    this.#network = network;
    this.#complain = complain;
    this.#following = this.#follow();
  }

  /** What is wrong with the network for as long as it is. */
  get troubles(): readonly NetkitError[] {
    return [...this.#troubles, ...this.#refused.values()];
  }

  async close(): Promise<void> {
    this.#ended.abort();
    await this.#following;
    await this.#taking;
  }

  async #follow(): Promise<void> {
    const { signal } = this.#ended;
    const { instance, store } = this.#context;
    const audience: Audience = {
      signal,
      isHere: async () => (await store.get(keys.network(this.#network.id))) !== undefined,
      complain: (error) => this.#complain(error),
      suffer: (errors) => this.#suffer(errors),
    };
    for (let failures = 0; !signal.aborted;) {
      try {
        const driver = await this.#driver();
        const view = viewOf(instance, this.#network);
        for await (const peers of driver.outside.follow(view, worldOf(this.#context), audience)) {
          failures = 0;
          this.#told = undefined;
          this.#latest = peers;
          this.#take(driver);
        }
      } catch (error) {
        this.#tell(error);
      }
      await pause(backoffMs(++failures), signal);
    }
  }

  /** @throws NetkitError DRIVER_UNKNOWN; DRIVER_INVALID for one of another version than made the network */
  async #driver(): Promise<OutsideDriver> {
    const driver = await this.#context.drivers.of(this.#network);
    if (looksOutside(driver)) return driver;
    throw new NetkitError(
      "DRIVER_INVALID",
      `driver '${driver.name}' doesn't follow network '${this.#network.name}' any more`,
    );
  }

  /** Of what is told while something is taken in, the latest alone is taken in next. */
  #take(driver: OutsideDriver): void {
    if (this.#isTaking) return;
    this.#isTaking = true;
    this.#taking = (async () => {
      for (let failures = 0; this.#latest !== undefined && !this.#ended.signal.aborted;) {
        const peers = this.#latest;
        try {
          await this.#takeIn(driver, peers);
          failures = 0;
          if (this.#latest === peers) this.#latest = undefined;
        } catch (error) {
          this.#tell(error);
          await pause(backoffMs(++failures), this.#ended.signal);
        }
      }
      this.#isTaking = false;
    })();
  }

  async #takeIn(driver: OutsideDriver, peers: OutsidePeers): Promise<void> {
    const changed = await changedPeers(readerOf(this.#context.store), this.#network, peers);
    for (const name of this.#refused.keys()) if (peers[name] === undefined) this.#refused.delete(name);
    if (changed.length === 0) return;
    if (await this.#attempt(driver, peers, changed)) return;
    // One that this host's kernel or the driver refuses must not keep the others out.
    for (const name of changed) await this.#attempt(driver, peers, [name]);
  }

  /** @throws NetkitError for what may go well later */
  async #attempt(driver: OutsideDriver, peers: OutsidePeers, names: readonly string[]): Promise<boolean> {
    try {
      await operate(this.#context, `take in who is on network ${this.#network.name}`, async (draft) => {
        // Whoever removes the network takes them away.
        if (!(await draft.has(keys.network(this.#network.id)))) return;
        for (const name of names) await takePeerIn(this.#context, draft, driver, this.#network, name, peers[name]);
      });
      for (const name of names) this.#refused.delete(name);
      return true;
    } catch (thrown) {
      const error = toNetkitError(thrown);
      if (error.kind === "unavailable") throw error;
      const [name] = names;
      if (names.length > 1 || name === undefined) return false;
      if (this.#refused.get(name)?.message !== error.message) this.#complain(error);
      this.#refused.set(name, error);
      return true;
    }
  }

  #suffer(errors: readonly NetkitError[]): void {
    const before = new Set(this.#troubles.map(({ message }) => message));
    this.#troubles = errors;
    for (const error of errors) if (!before.has(error.message)) this.#complain(error);
  }

  /** Once, until it has gone well or goes wrong otherwise. */
  #tell(thrown: unknown): void {
    const error = toNetkitError(thrown);
    if (this.#told !== error.message && !this.#ended.signal.aborted) this.#complain(error);
    this.#told = error.message;
  }
}
