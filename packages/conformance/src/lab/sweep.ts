import type { FirewallBackend } from "@netkit/engine";
import { after, type Complaint } from "./complaint.ts";
import { sweepDeaths } from "./death-sweep.ts";
import type { Broken } from "./error-sweep.ts";
import type { FaultMode } from "./fuse.ts";
import type { Subject } from "./subject.ts";
import { openPlace } from "./sweep-place.ts";
import { startProcess } from "./sweep-process.ts";
import type { CourseName } from "./sweep-worker.ts";

/** What is gone through, and with what. */
export interface Course {
  /** Default `attaching`. `changing`, all else that can be done, is for drivers that networks can be created of. */
  readonly course?: CourseName;
  /** Default: what the machine has. */
  readonly firewall?: FirewallBackend;
}

export interface SweepOptions extends Course {
  readonly mode: FaultMode;
  /** Gives up between two faults. */
  readonly signal?: AbortSignal;
  /** Called after each fault, once what has become of it is known. */
  readonly onFault?: () => void;
}

export interface Sweep {
  /** What was asked for, each of it with a fault at every one of its calls: the driver's whole lifecycle. */
  readonly operations: readonly string[];
  /** How many were injected. */
  readonly faults: number;
  /** What went wrong then, in the order of the faults. */
  readonly complaints: readonly Complaint[];
}

/**
 * Breaks each call of a driver's lifecycle in turn. An operation that fails must leave everything as it was or, where it
 * removes, be finished by whoever comes next. After a death, another process has to find all that was acknowledged, to mend the
 * system, to remove everything, and to leave the kernel as it was.
 */
export async function sweep(
  subject: Subject,
  { mode, signal = new AbortController().signal, onFault = () => {}, ...course }: SweepOptions,
): Promise<Sweep> {
  try {
    return await (mode === "kill" ? sweepDeaths : sweepFailures)(subject, course, signal, onFault);
  } catch (error) {
    // A terminal's signal ends the processes of the sweep as well, which fails it.
    signal.throwIfAborted();
    throw error;
  }
}

async function sweepFailures(
  subject: Subject,
  course: Course,
  signal: AbortSignal,
  onFault: () => void,
): Promise<Sweep> {
  const operations = new Set<string>();
  const complaints: Complaint[] = [];
  let faults = 0;
  await using place = await openPlace();
  const worker = startProcess(place, subject, course);
  try {
    for await (const { step, fault, broke, complaints: found } of worker.run<Broken>({ mode: "error" })) {
      signal.throwIfAborted();
      operations.add(step);
      faults = fault;
      onFault();
      complaints.push(...after(`fault ${fault} (${step}: ${broke})`, found));
    }
  } finally {
    await worker.stop();
  }
  return { operations: [...operations], faults, complaints };
}
