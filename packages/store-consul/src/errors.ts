import { askWithTls, NetkitError, tlsFailure, type ConnectFailure } from "@netkit/core";
import { TransportError, type Answer } from "./http.ts";
import type { Settings } from "./options.ts";

/** What a failed call may have done. */
export type Outcome = "none" | "unknown";

export function unavailable(
  addresses: readonly string[],
  why: string,
  outcome: Outcome,
  cause?: unknown,
  hint: string = look(addresses),
): NetkitError {
  const doubt = outcome === "unknown" ? "; whether the change was made is not known" : "";
  return new NetkitError("STORE_UNAVAILABLE", `Consul at ${addresses.join(", ")} can't be used: ${why}${doubt}`, {
    hint,
    details: { addresses, outcome },
    cause,
  });
}

/** What somebody sees more by, as this client. */
export function look([address]: readonly string[], files?: Settings["files"]): string {
  const options = { "ca-file": files?.cacert, "client-cert": files?.cert, "client-key": files?.key };
  const more = Object.entries(options).map(([name, value]) => (value === undefined ? "" : ` -${name}=${value}`));
  return `Check that its agent runs, can be reached from here and knows a leader: consul operator raft list-peers -http-addr=${address}${more.join("")}`;
}

/** No agent could be asked; what each failed by, or said. */
export function unanswered(
  { addresses, files }: Settings,
  failures: readonly (readonly [string, unknown])[],
): NetkitError {
  const told = failures.map(([address, failure]) => ({ address, ...failureOf(files, failure) }));
  const why = told.map((failure) => `${failure.address}: ${failure.why}`).join("; ");
  const hint = told.find((failure) => failure.hint !== undefined)?.hint ?? look(addresses, files);
  return unavailable(addresses, why, "none", undefined, hint);
}

function failureOf({ cert }: Settings["files"], failure: unknown): ConnectFailure {
  if (!(failure instanceof TransportError)) return { why: String(failure) };
  return tlsFailure(failure.cause, "consul", cert) ?? { why: failure.message };
}

/** With TLS 1.3 a server refuses a client's certificate when the client has begun to speak; it has heard nothing then. */
export function isHandshake({ cause }: TransportError): boolean {
  return tlsFailure(cause, "consul") !== undefined;
}

/** A status that is none of the API's. */
export function unexpected({ address, status, body }: Answer): NetkitError {
  const said = body.trim().slice(0, 200);
  const hint = /HTTP request to an HTTPS server/.test(said) ? askWithTls("consul") : undefined;
  return unavailable([address], `it answers with HTTP status ${status}: ${said}`, "none", undefined, hint);
}

export function refused(address: string, prefix: string, why: string): NetkitError {
  return new NetkitError("STORE_REFUSED", `Consul at ${address} refuses this client: ${why}`, {
    hint: `Give a token whose policy has write for key_prefix "${prefix}" and session_prefix "".`,
    details: { address, prefix },
  });
}

export function tooLarge(why: string): NetkitError {
  return new NetkitError("STORE_LIMIT", `Consul doesn't take the commit: ${why}`, {
    hint: "Commit less at once: a transaction of Consul has 64 operations, and 512 KiB (kv_max_value_size, txn_max_req_len).",
  });
}
