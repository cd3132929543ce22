/** How one case ended. */
export interface Verdict {
  readonly id: string;
  readonly rule: string;
  readonly outcome: "passed" | "failed" | "skipped";
  /** Why it failed or was skipped. */
  readonly reason?: string;
  readonly ms: number;
}

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export function tallyOf(verdicts: readonly Verdict[]): Tally {
  const count = (wanted: Verdict["outcome"]): number => verdicts.filter(({ outcome }) => outcome === wanted).length;
  return { passed: count("passed"), failed: count("failed"), skipped: count("skipped") };
}

/** Runs the work of a case. @throws the signal's reason */
export async function verdictOf(
  { id, rule }: { readonly id: string; readonly rule: string },
  work: () => Promise<void> | void,
  signal?: AbortSignal,
): Promise<Verdict> {
  const start = performance.now();
  const taken = (): number => performance.now() - start;
  try {
    await work();
    return { id, rule, outcome: "passed", ms: taken() };
  } catch (error) {
    signal?.throwIfAborted();
    const reason = error instanceof Error ? error.message : JSON.stringify(error);
    return { id, rule, outcome: "failed", reason, ms: taken() };
  }
}
