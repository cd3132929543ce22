import type { NetkitError, Network, NetworkId } from "@netkit/core";
import type { Attending, Trouble } from "../api.ts";
import type { Context } from "../operation.ts";
import { troubleOf } from "../trouble.ts";
import { Follower } from "./follower.ts";

/** One follower for each network that others have a say in. */
export class Attendance implements Attending {
  readonly #context: Context;
  readonly #complain: (error: NetkitError) => void;
  readonly #followers = new Map<NetworkId, Follower>();
  readonly #ending = new Set<Promise<void>>();

  constructor(context: Context, complain: (error: NetkitError) => void) {
    this.#context = context;
    this.#complain = complain;
  }

  get size(): number {
    return this.#followers.size;
  }

  get troubles(): readonly Trouble[] {
    return [...this.#followers.values()].flatMap((follower) => follower.troubles.map(troubleOf));
  }

  settle(networks: Iterable<Network>): void {
    const present = [...networks].filter(({ facts }) => facts.place !== undefined);
    const ids = new Set(present.map(({ id }) => id));
    for (const id of this.#followers.keys()) if (!ids.has(id)) this.#end(id);
    for (const network of present)
      if (!this.#followers.has(network.id))
        this.#followers.set(network.id, new Follower(this.#context, network, this.#complain));
  }

  async close(): Promise<void> {
    for (const id of this.#followers.keys()) this.#end(id);
    await Promise.all(this.#ending);
  }

  #end(id: NetworkId): void {
    const ended = this.#followers.get(id)?.close();
    this.#followers.delete(id);
    if (ended === undefined) return;
    this.#ending.add(ended);
    void ended.then(() => this.#ending.delete(ended));
  }
}
