import {
  engineOf,
  isNetkitError,
  NetkitError,
  type Endpoint,
  type Namespace,
  type Sandbox,
  type SandboxProcess,
} from "@netkit/core";
import { bootId, isAlive, processesIn, processStartTime, stop, type ProcessesByNamespace } from "@netkit/sandbox";
import type { Preview } from "./api.ts";
import { isAwaited, locate } from "./whereabouts.ts";

/** How long a process may take to end on SIGTERM before it gets SIGKILL; Docker gives the same. */
const graceMs = 10_000;

/**
 * What would be cut off if the sandbox went: its own process, and with the last member everything in a namespace
 * that is netkit's. A guest's lives on.
 */
export function liveProcesses(sandbox: Sandbox, namespace: Namespace, all: ProcessesByNamespace): SandboxProcess[] {
  const own = sandbox.process !== undefined && sandbox.guest !== true ? [sandbox.process].filter(isAlive) : [];
  if (namespace.owner !== "netkit" || namespace.members.length > 1) return own;
  const boot = bootId();
  return processesInside(namespace, all).flatMap((pid): SandboxProcess[] => {
    if (pid === process.pid) return [];
    const startTime = processStartTime(pid);
    return startTime === undefined ? [] : [{ pid, startTime, boot, command: [] }];
  });
}

/** None if the namespace is gone. */
function processesInside(namespace: Namespace, all: ProcessesByNamespace): number[] {
  try {
    const path = locate(namespace);
    return path === undefined ? [] : processesIn(path, all);
  } catch (error) {
    if (isNetkitError(error) && error.code === "NAMESPACE_NOT_FOUND") return [];
    throw error;
  }
}

/** @throws NetkitError SANDBOX_IN_USE */
export function refuseLive(sandbox: Sandbox, live: readonly SandboxProcess[]): void {
  if (live.length === 0) return;
  const pids = live.slice(0, 5).map(({ pid }) => pid);
  throw new NetkitError(
    "SANDBOX_IN_USE",
    `sandbox '${sandbox.name}' has live processes (pid ${pids.join(", ")}${live.length > 5 ? ", ..." : ""})`,
    {
      hint: `End them first, or use force: netkit sandbox rm -f ${sandbox.name}`,
      details: { sandbox: sandbox.name, pids: live.map(({ pid }) => pid) },
    },
  );
}

/** Who has it would go on with a network that isn't there. @throws NetkitError SANDBOX_IN_USE */
export function refuseOthers(sandbox: Sandbox, namespace: Namespace, endpoints: readonly Endpoint[]): void {
  if (namespace.owner !== "stranger") return;
  const [engine] = endpoints.flatMap((endpoint) => engineOf(sandbox, endpoint) ?? []);
  if (engine === undefined || (locate(namespace) === undefined && !isAwaited(namespace, sandbox))) return;
  throw new NetkitError(
    "SANDBOX_IN_USE",
    `sandbox '${sandbox.name}' is a container of ${engine.name}, which is there`,
    {
      hint: `End it there (${engine.remove([sandbox.name])}), or use force: netkit sandbox rm -f ${sandbox.name}`,
      details: { sandbox: sandbox.name, netns: namespace.path },
    },
  );
}

export async function stopProcesses(live: readonly SandboxProcess[]): Promise<void> {
  await Promise.all(live.map((process) => stop(process, graceMs)));
}

/** The preview with the processes that are ended before its plan. */
export function ending(preview: Preview, pids: readonly number[]): Preview {
  if (pids.length === 0) return preview;
  const lines = [
    `kill ${pids.join(" ")}`,
    ...pids.map((pid) => `timeout ${graceMs / 1000} tail -f /dev/null --pid=${pid} || kill -KILL ${pid}`),
  ];
  return { ...preview, ends: pids, toShell: () => [...lines, ...preview.toShell()] };
}
