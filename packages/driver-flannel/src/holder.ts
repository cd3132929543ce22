import { NetkitError, stableJson, type Audience, type Store } from "@netkit/core";
import { decodeRecord, encodeRecord, type LeaseRecord } from "./record.ts";
import { write, type Written } from "./registry.ts";

/** How long leases are, and how long before their end they are renewed, in ms. */
export interface LeaseTimes {
  readonly ttlMs: number;
  readonly marginMs: number;
}

/** As flanneld has them (subnetTTL, --subnet-lease-renew-margin). */
export const usualTimes: LeaseTimes = { ttlMs: 24 * 3_600_000, marginMs: 3_600_000 };
/** After a renewal that failed, as with flanneld. */
const againMs = 60_000;

/** Holds one lease for as long as its network is here. */
export class Holder {
  readonly #store: Store;
  readonly #key: string;
  readonly #record: LeaseRecord;
  readonly #times: LeaseTimes;
  readonly #audience: Audience;
  #written: Written | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(store: Store, key: string, record: LeaseRecord, times: LeaseTimes, audience: Audience) {
    this.#store = store;
    this.#key = key;
    this.#record = record;
    this.#times = times;
    this.#audience = audience;
  }

  /**
   * Sees that the record is there and this host's: after a restart, and when it has gone. What somebody has in its place by now
   * is theirs.
   * @throws NetkitError STORE_UNAVAILABLE
   */
  async claim(): Promise<void> {
    // Whatever was written before is gone.
    await this.#drop();
    for (;;) {
      const entry = await this.#store.get(this.#key);
      const holder = entry === undefined ? this.#record.publicIp : decodeRecord(entry.value)?.publicIp;
      if (holder !== this.#record.publicIp) return await this.#lose(holder);
      if (!(await this.#audience.isHere())) return;
      this.#written = await write(this.#store, this.#key, entry, this.#record, this.#times.ttlMs);
      if (this.#written !== undefined) break;
    }
    this.#renewLater(this.#times.ttlMs - this.#times.marginMs);
  }

  /** What the watch tells of the record. */
  async note(value: unknown, revision: number): Promise<void> {
    if (revision <= (this.#written?.revision ?? 0)) return;
    if (value === undefined) return await this.claim();
    if (stableJson(value) === stableJson(encodeRecord(this.#record))) return;
    await this.#lose(decodeRecord(value)?.publicIp);
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  async #lose(holder: string | undefined): Promise<void> {
    this.#audience.complain(lost(this.#key, holder));
    await this.#drop();
  }

  async #drop(): Promise<void> {
    this.end();
    await this.#written?.lease?.revoke();
    this.#written = undefined;
  }

  #renewLater(ms: number): void {
    this.end();
    if (this.#written?.lease === undefined || this.#audience.signal.aborted) return;
    this.#timer = setTimeout(() => void this.#renew(), ms);
  }

  async #renew(): Promise<void> {
    try {
      if (await this.#written?.lease?.renew()) this.#renewLater(this.#times.ttlMs - this.#times.marginMs);
      else await this.claim();
    } catch (cause) {
      if (this.#audience.signal.aborted) return;
      this.#audience.complain(notRenewed(this.#key, cause));
      this.#renewLater(Math.min(againMs, this.#times.marginMs / 4));
    }
  }
}

function lost(key: string, holder: string | undefined): NetkitError {
  return new NetkitError(
    "SUBNET_OVERLAP",
    `flannel's ${key} isn't this host's any more: ${holder === undefined ? "it is no lease" : `it says ${holder}`}`,
    {
      hint: "Is another flannel at work on this host? Otherwise remove the network, and make it again: it gets another subnet.",
      details: { key, holder },
    },
  );
}

function notRenewed(key: string, cause: unknown): NetkitError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new NetkitError("STORE_UNAVAILABLE", `flannel's ${key} couldn't be renewed: ${why}`, {
    hint: "It is tried again; when the lease has run out, another host may get the subnet.",
    details: { key },
    cause,
  });
}
