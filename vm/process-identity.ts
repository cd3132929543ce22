import { readFileSync } from "node:fs";

/** A process that no later one is taken for, though it may get the same number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in clock ticks since boot (proc(5), stat, field 22). */
  readonly started: string;
}

export function identityOf(pid: number): ProcessIdentity {
  const started = startOf(pid);
  if (started === undefined) throw new Error(`process ${pid} has ended`);
  return { pid, started };
}

export function isAlive({ pid, started }: ProcessIdentity): boolean {
  return startOf(pid) === started;
}

/** Undefined for one that has ended, whether its parent has taken note or not. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name before it, in parentheses, may hold anything.
    const [state, ...rest] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return state === "Z" || state === "X" ? undefined : rest[18];
  } catch {
    return undefined;
  }
}
