import { NetkitError } from "@netkit/core";
import { StatusError, statuses } from "./grpc.ts";

/** What a failed call may have done. */
export type Outcome = "none" | "unknown";

export function unavailable(endpoints: readonly string[], why: string, outcome: Outcome, cause?: unknown): NetkitError {
  const list = endpoints.join(",");
  const doubt = outcome === "unknown" ? "; whether the change was made is not known" : "";
  return new NetkitError("STORE_UNAVAILABLE", `etcd at ${list} can't be used: ${why}${doubt}`, {
    hint: `Check that it runs and can be reached from here: ETCDCTL_API=3 etcdctl --endpoints=${list} endpoint health`,
    details: { endpoints, outcome },
    cause,
  });
}

/** A watch that the server ended: for good where it says why in words about users. */
export function canceled(reason: string): NetkitError {
  const status = /permission|auth/i.test(reason) ? statuses.permissionDenied : statuses.unavailable;
  return explain(new StatusError(status, reason), "its endpoint", "none");
}

/** A refusal of the server's, as what it means to the user. */
export function explain(error: StatusError, endpoint: string, outcome: Outcome): NetkitError {
  const message = error.message.replace(/^etcdserver: /, "");
  const details = { endpoint };
  if (isAboutUsers(error)) {
    return new NetkitError("STORE_REFUSED", `etcd at ${endpoint} refuses this client: ${message}`, {
      hint: "Give the name and the password of a user whose role may read and write the prefix, or a client certificate.",
      details,
      cause: error,
    });
  }
  if (/too large|too many operations|larger than max/.test(message)) {
    return new NetkitError("STORE_LIMIT", `etcd at ${endpoint} refuses the commit: ${message}`, {
      hint: "Commit less at once, or start etcd with larger --max-request-bytes and --max-txn-ops.",
      details,
      cause: error,
    });
  }
  if (error.status === statuses.resourceExhausted) {
    return new NetkitError("STORE_UNAVAILABLE", `etcd at ${endpoint} can't write: ${message}`, {
      hint: "Compact and defragment it, then etcdctl alarm disarm.",
      details: { endpoints: [endpoint], outcome: "none" },
      cause: error,
    });
  }
  return unavailable([endpoint], message, outcome, error);
}

function isAboutUsers({ status, message }: StatusError): boolean {
  return (
    status === statuses.permissionDenied ||
    status === statuses.unauthenticated ||
    /authentication failed|user name is empty|invalid auth token|authentication is not enabled/.test(message)
  );
}
