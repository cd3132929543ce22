import { readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { NetkitError, type SandboxProcess } from "@netkit/core";
import { parseStat, type ProcessStat } from "./stat.ts";

/** The part of a {@link SandboxProcess} that identifies a process. */
export type ProcessIdentity = Pick<SandboxProcess, "pid" | "startTime" | "boot">;

let boot: string | undefined;

/** /proc/sys/kernel/random/boot_id: pids, start times and namespace cookies begin anew with each. */
export function bootId(): string {
  return (boot ??= readFileSync("/proc/sys/kernel/random/boot_id", "ascii").trim());
}

/** Undefined: no such process. */
export function readStat(pid: number | "self"): ProcessStat | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH") return undefined;
    throw error;
  }
}

/** Clock ticks from boot to the start of `pid`: with the pid and the boot id it names one process for ever. */
export function processStartTime(pid: number): string | undefined {
  return readStat(pid)?.startTime;
}

/** The same process still runs: a later one with its pid and a zombie do not count. */
export function isAlive(process: ProcessIdentity): boolean {
  const stat = readStat(process.pid);
  if (stat === undefined || stat.state === "Z" || stat.state === "X") return false;
  return stat.startTime === process.startTime && bootId() === process.boot;
}

/**
 * Send a signal to the same process, never to a later one with its pid; false: it has ended.
 *
 * Node has no pidfd, so the start time is read right before: the pid would have to wrap around in that moment.
 * @throws NetkitError PERMISSION
 */
export function signalProcess(target: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isAlive(target)) return false;
  try {
    return process.kill(target.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw new NetkitError("PERMISSION", `may not send ${signal} to process ${target.pid}`, {
      hint: "Run as root.",
      details: { pid: target.pid, signal },
      cause: error,
    });
  }
}

export interface WaitOptions {
  /** Absent: for ever. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Wait for the end of a process that needn't be a child; false: it still runs after `timeoutMs`.
 *
 * /proc sends no events and Node can't wait on a pidfd, so this looks again after 1, 2, 4 ... 50 ms.
 * @throws NetkitError CANCELLED
 */
export async function waitForExit(process: ProcessIdentity, options: WaitOptions = {}): Promise<boolean> {
  const { timeoutMs = Infinity, signal } = options;
  const end = performance.now() + timeoutMs;
  for (let pauseMs = 1; isAlive(process); pauseMs = Math.min(2 * pauseMs, 50)) {
    const leftMs = end - performance.now();
    if (leftMs <= 0) return false;
    try {
      await setTimeout(Math.min(pauseMs, leftMs), undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      throw new NetkitError("CANCELLED", `gave up waiting for process ${process.pid}`, { cause: error });
    }
  }
  return true;
}

/** End a process: SIGTERM, then SIGKILL when it still runs after `graceMs`. It has ended when this returns. */
export async function stop(process: ProcessIdentity, graceMs: number): Promise<void> {
  if (!signalProcess(process, "SIGTERM") || (await waitForExit(process, { timeoutMs: graceMs }))) return;
  signalProcess(process, "SIGKILL");
  await waitForExit(process);
}
