import { didYouMean, NetkitError, type AnyDriver } from "@netkit/core";
import { tiers, type Case, type Tier } from "./case.ts";
import { driverCases } from "./cases/index.ts";
import { loadSubject, type Subject } from "./lab/index.ts";
import { isRequired, lacksLinks, missingRequirement, type LinkKindNeeded } from "./requirements.ts";

export interface CaseResult {
  readonly id: string;
  readonly tier: Tier;
  readonly rule: string;
  readonly outcome: "passed" | "failed" | "skipped";
  /** Why it failed or was skipped. */
  readonly reason?: string;
  readonly notes: readonly string[];
  readonly ms: number;
}

/** Plain data, for `--json` too. */
export interface ConformanceReport {
  readonly driver: string;
  readonly api: number;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly results: readonly CaseResult[];
}

export interface ConformanceOptions {
  /** Default: all. */
  readonly tiers?: readonly Tier[];
  /** Only cases whose ids start with one of these. */
  readonly only?: readonly string[];
  /** The kind of links that the driver makes, where not every kernel has it: without it cases beyond the contract are skipped. */
  readonly needs?: LinkKindNeeded;
  readonly signal?: AbortSignal;
  /** Called after each case. */
  readonly onResult?: (result: CaseResult) => void;
}

/** The cases that a driver has to pass, by what it says of itself. */
export function casesFor(driver: AnyDriver, { tiers: wanted = tiers, only }: ConformanceOptions = {}): Case[] {
  return driverCases.filter(
    (candidate) =>
      wanted.includes(candidate.tier) &&
      (only === undefined || only.some((prefix) => candidate.id.startsWith(prefix))) &&
      candidate.applies(driver),
  );
}

/** Runs the cases one after the other. Kernel cases move the calling thread into other network namespaces meanwhile. */
export async function runConformance(subject: Subject, options: ConformanceOptions = {}): Promise<ConformanceReport> {
  refuseUnknown(options.only ?? []);
  const driver = await loadSubject(subject);
  const results: CaseResult[] = [];
  for (const candidate of casesFor(driver, options)) {
    options.signal?.throwIfAborted();
    const result = await runCase(candidate, subject, driver, options);
    results.push(result);
    options.onResult?.(result);
  }
  const count = (outcome: CaseResult["outcome"]): number =>
    results.filter((result) => result.outcome === outcome).length;
  return {
    driver: driver.name,
    api: driver.api,
    passed: count("passed"),
    failed: count("failed"),
    skipped: count("skipped"),
    results,
  };
}

/** @throws NetkitError ARGUMENT_INVALID for what no case's id starts with */
function refuseUnknown(only: readonly string[]): void {
  const ids = driverCases.map(({ id }) => id);
  const unknown = only.find((prefix) => !ids.some((id) => id.startsWith(prefix)));
  if (unknown === undefined) return;
  const groups = [...new Set(ids.map((id) => id.split("-").slice(0, 2).join("-")))];
  throw new NetkitError("ARGUMENT_INVALID", `no case has an id that starts with ${JSON.stringify(unknown)}`, {
    hint: didYouMean(unknown, [...ids, ...groups], `Ids start with ${groups.join(", ")}.`),
  });
}

async function runCase(
  { id, tier, rule, requires, run }: Case,
  subject: Subject,
  driver: AnyDriver,
  { signal, needs }: ConformanceOptions,
): Promise<CaseResult> {
  const notes: string[] = [];
  const start = performance.now();
  const done = (outcome: CaseResult["outcome"], reason?: string): CaseResult => ({
    id,
    tier,
    rule,
    outcome,
    ...(reason === undefined ? {} : { reason }),
    notes,
    ms: performance.now() - start,
  });
  const missing = missingRequirement(requires);
  if (missing !== undefined) return done(isRequired(tier, ...requires) ? "failed" : "skipped", missing);
  if (lacksLinks(needs, { tier })) return done("skipped", `needs ${needs}`);
  try {
    await run({ subject, driver, note: (text) => notes.push(text), ...(signal === undefined ? {} : { signal }) });
    return done("passed");
  } catch (error) {
    signal?.throwIfAborted();
    return done("failed", error instanceof Error ? error.message : JSON.stringify(error));
  }
}
