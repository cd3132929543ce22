import { join } from "node:path";
import { sweepDeaths } from "./death-sweep.ts";
import type { Broken } from "./error-sweep.ts";
import type { FaultMode } from "./fuse.ts";
import type { Subject } from "./subject.ts";
import { openPlace } from "./sweep-place.ts";
import { startProcess } from "./sweep-process.ts";

export interface SweepOptions {
  readonly mode: FaultMode;
  /** Gives up between two operations. */
  readonly signal?: AbortSignal;
}

export interface Sweep {
  /** How many operations were broken: every one of the driver's lifecycle. */
  readonly operations: number;
  /** What went wrong, in words, by operation. */
  readonly failures: readonly string[];
}

/**
 * Breaks each operation of a driver's lifecycle in turn. One that fails must leave everything as it was or, where it
 * removes, be finished by whoever comes next. After a death, another process has to mend the system, to remove
 * everything, and to leave the kernel as it was.
 */
export async function sweep(
  subject: Subject,
  { mode, signal = new AbortController().signal }: SweepOptions,
): Promise<Sweep> {
  return await (mode === "kill" ? sweepDeaths : sweepFailures)(subject, signal);
}

async function sweepFailures(subject: Subject, signal: AbortSignal): Promise<Sweep> {
  const failures: string[] = [];
  let operations = 0;
  await using place = await openPlace();
  const worker = startProcess(place, subject, join(place.root, "compiled"));
  try {
    for await (const { operation, broke, failures: found } of worker.run<Broken>({ mode: "error" })) {
      signal.throwIfAborted();
      operations = operation;
      failures.push(...found.map((failure) => `operation ${operation} (${broke}): ${failure}`));
    }
  } finally {
    await worker.stop();
  }
  return { operations, failures };
}
