import { NetkitError, type Namespace, type Sandbox } from "@netkit/core";
import { bootId, isAlive, locateNamespace } from "@netkit/sandbox";

/**
 * What opens the namespace: its own path or, when somebody took that away while a process lives in it, another one.
 * Undefined: it is gone.
 */
export function locate(namespace: Pick<Namespace, "owner" | "path" | "cookie" | "boot">): string | undefined {
  if (namespace.owner === "host") return namespace.path;
  return namespace.boot === bootId() ? locateNamespace(namespace) : undefined;
}

/** How long a namespace may be awaited, in ms: what another engine does between telling of it and making it takes a second. */
export const awaitedMs = 60_000;

/** Whether the namespace, which isn't there, may still come: it was told of before it was made. */
export function isAwaited({ owner, cookie, boot }: Namespace, { created }: Pick<Sandbox, "created">): boolean {
  const isTold = owner === "stranger" && cookie === "" && boot === bootId();
  return isTold && Date.now() - Date.parse(created) < awaitedMs;
}

/** Of a sandbox that nothing can be started in, or join. */
export function namespaceGone({ name }: Pick<Sandbox, "name">): NetkitError {
  return new NetkitError("NAMESPACE_NOT_FOUND", `the network namespace of sandbox '${name}' is gone`, {
    hint: `Remove the sandbox (netkit sandbox rm ${name}) and make it again.`,
  });
}

export function sandboxState(sandbox: Sandbox): "running" | "exited" | "idle" {
  if (sandbox.process === undefined) return "idle";
  return isAlive(sandbox.process) ? "running" : "exited";
}
