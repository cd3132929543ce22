import type { Lease, LeaseId, SharedHost, Store } from "@netkit/core";
import { operate, type Context } from "../operation.ts";
import { keys } from "../state.ts";
import { sharedKeys } from "./keys.ts";
import type { LeaseRecord } from "./lease.ts";
import type { LocalHost } from "./this-host.ts";

/** Keeps the lease that this host's records are under, and tells this host's commands of it. */
export class LeaseHolder {
  readonly #context: Context;
  readonly #ttlMs: number;
  #lease: Lease | undefined;
  #renewed = 0;

  constructor(context: Context, ttlMs: number) {
    this.#context = context;
    this.#ttlMs = ttlMs;
  }

  get id(): LeaseId | undefined {
    return this.#lease?.id;
  }

  /** It was renewed within its time; the store may think that it has ended otherwise. */
  get lives(): boolean {
    return this.#lease !== undefined && performance.now() - this.#renewed < this.#ttlMs;
  }

  /**
   * Renews the lease, or takes a new one if there is none that lives. Whether it is a new one: then nothing but the host is
   * under it yet.
   * @param isKnown the host's record is in the store
   */
  async renew(store: Store, self: LocalHost, isKnown: boolean): Promise<boolean> {
    const asked = performance.now();
    const isNew = await this.#renew(store, self, isKnown);
    this.#renewed = asked;
    return isNew;
  }

  async #renew(store: Store, self: LocalHost, isKnown: boolean): Promise<boolean> {
    if (this.#lease !== undefined && (await this.#lease.renew())) {
      if (!isKnown) await introduce(store, self, this.#lease.id);
      return false;
    }
    this.#lease = undefined;
    const lease = await store.lease(this.#ttlMs);
    await introduce(store, self, lease.id);
    this.#lease = lease;
    await this.#tell({ id: lease.id });
    return true;
  }

  /** Other hosts forget this one at once. */
  async revoke(): Promise<void> {
    await this.#lease?.revoke();
    this.#lease = undefined;
    await this.#tell(undefined);
  }

  async #tell(record: LeaseRecord | undefined): Promise<void> {
    await operate(this.#context, "take a lease", async (draft) => draft.put(keys.lease, record));
  }
}

async function introduce(store: Store, self: LocalHost, lease: LeaseId): Promise<void> {
  await store.commit({
    checks: [],
    writes: [{ key: sharedKeys.host(self.id), value: introductionOf(self), lease }],
  });
}

/** This host as others know it. */
export function introductionOf({ id, name, vtep, mtu }: LocalHost): SharedHost {
  return { id, name, vtep, mtu };
}
