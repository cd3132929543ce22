import type { Lease, LeaseId } from "@netkit/core";
import { parsed, type Api } from "./api.ts";
import { tooLarge } from "./errors.ts";

/** Consul's bounds for a session's time to live. */
const seconds = { least: 10, most: 86_400 };

/** A session of Consul that removes what it holds when it ends, and gives way at once. */
export async function openLease(api: Api, ttlMs: number): Promise<Lease> {
  const ttl = Math.max(seconds.least, Math.ceil(ttlMs / 1000));
  if (ttl > seconds.most) throw tooLarge(`a lease of ${ttl} s; a session lives ${seconds.most} s at most`);
  const answer = await api.call({
    method: "PUT",
    path: "session/create",
    // Without checks it ends by its time alone, not with the agent through which it was made.
    body: { Name: "netkit", TTL: `${ttl}s`, Behavior: "delete", LockDelay: "0s", NodeChecks: [], Checks: [] },
    repeatable: true,
  });
  return new ConsulLease(api, parsed<{ ID: LeaseId }>(answer).ID);
}

class ConsulLease implements Lease {
  readonly id: LeaseId;
  readonly #api: Api;

  constructor(api: Api, id: LeaseId) {
    this.id = id;
    this.#api = api;
  }

  async renew(): Promise<boolean> {
    const { status } = await this.#api.call({ method: "PUT", path: `session/renew/${this.id}`, repeatable: true });
    return status !== 404;
  }

  async revoke(): Promise<void> {
    await this.#api.call({ method: "PUT", path: `session/destroy/${this.id}`, repeatable: true });
  }
}
