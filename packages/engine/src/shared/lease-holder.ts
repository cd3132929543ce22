import { NetkitError, stableJson, type HostId, type Lease, type LeaseId, type Network, type Store } from "@netkit/core";
import type { SharedOptions } from "../api.ts";
import { newId } from "../new-id.ts";
import { operate, type Context } from "../operation.ts";
import { keys } from "../state.ts";
import { sharedKeys } from "./keys.ts";
import type { LeaseRecord } from "./lease.ts";
import { describeHost, type LocalHost } from "./this-host.ts";

/** Keeps the lease that this host's records are under, and tells this host's commands of it. */
export class LeaseHolder {
  readonly #context: Context;
  readonly #ttlMs: number;
  #lease: Lease | undefined;

  constructor(context: Context, ttlMs: number) {
    this.#context = context;
    this.#ttlMs = ttlMs;
  }

  get id(): LeaseId | undefined {
    return this.#lease?.id;
  }

  /**
   * Renews the lease, or takes a new one if there is none that lives. Whether it is a new one: then nothing but the host is
   * under it yet.
   * @param isKnown the host's record is in the store
   */
  async renew(store: Store, self: LocalHost, isKnown: boolean): Promise<boolean> {
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

async function introduce(store: Store, { id, name, vtep, mtu }: LocalHost, lease: LeaseId): Promise<void> {
  await store.commit({ checks: [], writes: [{ key: sharedKeys.host(id), value: { id, name, vtep, mtu }, lease }] });
}

/**
 * This host as its settings have it now.
 * @param complain told that what is on global networks has its tunnels where they were
 */
export async function refreshThisHost(
  context: Context,
  complain: (error: NetkitError) => void,
  options: SharedOptions = context.shared.options,
): Promise<LocalHost> {
  return await operate(context, "look at this host", async (draft) => {
    const before = await draft.get<LocalHost>(keys.self);
    const shared = { options, isOthers: context.shared.isOthers };
    const now = describeHost(await context.host.open(), shared, before?.id ?? newId<HostId>());
    if (before === undefined) {
      draft.put(keys.self, now);
      return now;
    }
    if (stableJson(now) === stableJson(before)) return before;
    const networks = await draft.range<Network>("network/");
    if (networks.some(({ value }) => value.share?.host !== undefined)) {
      if (now.vtep !== before.vtep) complain(moved(before, now));
      return before;
    }
    draft.put(keys.self, now);
    return now;
  });
}

function moved(before: LocalHost, now: LocalHost): NetkitError {
  return new NetkitError(
    "AGENT_DEGRADED",
    `other hosts reach this one's networks by ${before.vtep}, though it is to be reached by ${now.vtep}`,
    {
      hint: "Disconnect all sandboxes here from global networks, and restart the agent: then that counts.",
      details: { before: before.vtep, now: now.vtep },
    },
  );
}
