import { askWithTls, NetkitError, tlsFailure, type ConnectFailure } from "@netkit/core";
import { ClosedError, StatusError, statuses } from "./grpc.ts";
import type { Settings } from "./options.ts";

/** What a failed call may have done. */
export type Outcome = "none" | "unknown";

export function unavailable(
  settings: Settings,
  endpoints: readonly string[],
  why: string,
  outcome: Outcome,
  cause?: unknown,
  hint: string = `Check that it runs and can be reached from here: ${healthCheck(settings, endpoints)}`,
): NetkitError {
  const doubt = outcome === "unknown" ? "; whether the change was made is not known" : "";
  return new NetkitError("STORE_UNAVAILABLE", `etcd at ${endpoints.join(",")} can't be used: ${why}${doubt}`, {
    hint,
    details: { endpoints, outcome },
    cause,
  });
}

/** etcdctl as this client; it asks for the password. */
function healthCheck({ files, user }: Settings, endpoints: readonly string[]): string {
  const options = Object.entries({ endpoints: endpoints.join(","), ...files, user: user?.name });
  const words = options.flatMap(([name, value]) => (value === undefined ? [] : `--${name}=${value}`));
  return `ETCDCTL_API=3 etcdctl ${words.join(" ")} endpoint health`;
}

/** No endpoint could be connected to; what each failed by. */
export function unconnected(settings: Settings, failures: readonly (readonly [string, unknown])[]): NetkitError {
  const told = failures.map(([endpoint, error]) => ({ endpoint, ...connectFailure(settings, endpoint, error) }));
  const why = told.map((failure) => `${failure.endpoint}: ${failure.why}`).join("; ");
  const hint = told.find((failure) => failure.hint !== undefined)?.hint;
  return unavailable(settings, settings.endpoints, why, "none", undefined, hint);
}

function connectFailure(settings: Settings, endpoint: string, error: unknown): ConnectFailure {
  if (error instanceof ClosedError && endpoint.startsWith("http:")) {
    const hint = `Does it speak TLS? ${askWithTls("etcd")} If not, does it run? ${healthCheck(settings, [endpoint])}`;
    return { why: error.message, hint };
  }
  return tlsFailure(error, "etcd", settings.files.cert) ?? { why: textOf(error) };
}

export function textOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(textOf).join("; ");
  return error instanceof Error ? error.message : String(error);
}

/** A watch that the server ended: for good where it says why in words about users. */
export function canceled(settings: Settings, reason: string): NetkitError {
  const status = /permission|auth/i.test(reason) ? statuses.permissionDenied : statuses.unavailable;
  return explain(settings, new StatusError(status, reason), settings.endpoints.join(","), "none");
}

/** A refusal of the server's, as what it means to the user. */
export function explain(settings: Settings, error: StatusError, endpoint: string, outcome: Outcome): NetkitError {
  const message = error.message.replace(/^etcdserver: /, "");
  const details = { endpoint };
  if (isAboutUsers(error)) {
    const { prefix } = settings;
    return new NetkitError(
      "STORE_REFUSED",
      `etcd at ${endpoint} refuses this client what begins with '${prefix}': ${message}`,
      {
        hint: `Give the name and the password of a user, or a client certificate, whose role may read and write it: etcdctl role grant-permission ROLE --prefix=true readwrite ${prefix}`,
        details: { ...details, prefix },
        cause: error,
      },
    );
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
  return unavailable(settings, [endpoint], message, outcome, error);
}

function isAboutUsers({ status, message }: StatusError): boolean {
  return (
    status === statuses.permissionDenied ||
    status === statuses.unauthenticated ||
    /authentication failed|user name is empty|invalid auth token|authentication is not enabled/.test(message)
  );
}
