import type { Namespace, Sandbox } from "@netkit/core";
import { bootId, isAlive, locateNamespace } from "@netkit/sandbox";

/**
 * What opens the namespace: its own path or, when somebody took that away while a process lives in it, another one.
 * Undefined: it is gone.
 */
export function locate(namespace: Namespace): string | undefined {
  if (namespace.owner === "host") return namespace.path;
  return namespace.boot === bootId() ? locateNamespace(namespace) : undefined;
}

export function sandboxState(sandbox: Sandbox): "running" | "exited" | "idle" {
  if (sandbox.process === undefined) return "idle";
  return isAlive(sandbox.process) ? "running" : "exited";
}
