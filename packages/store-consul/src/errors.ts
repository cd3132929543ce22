import { NetkitError } from "@netkit/core";

/** What a failed call may have done. */
export type Outcome = "none" | "unknown";

export function unavailable(addresses: readonly string[], why: string, outcome: Outcome, cause?: unknown): NetkitError {
  const doubt = outcome === "unknown" ? "; whether the change was made is not known" : "";
  return new NetkitError("STORE_UNAVAILABLE", `Consul at ${addresses.join(", ")} can't be used: ${why}${doubt}`, {
    hint: `Check that its agent runs, can be reached from here and knows a leader: consul operator raft list-peers -http-addr=${addresses[0]}`,
    details: { addresses, outcome },
    cause,
  });
}

export function refused(address: string, why: string): NetkitError {
  return new NetkitError("STORE_REFUSED", `Consul at ${address} refuses this client: ${why}`, {
    hint: "Give a token whose policy has key_prefix write on the prefix, and session write and key read.",
    details: { address },
  });
}

export function tooLarge(why: string): NetkitError {
  return new NetkitError("STORE_LIMIT", `Consul doesn't take the commit: ${why}`, {
    hint: "Commit less at once: a transaction of Consul has 64 operations, and 512 KiB (kv_max_value_size, txn_max_req_len).",
  });
}
