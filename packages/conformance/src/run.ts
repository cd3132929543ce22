import { didYouMean, NetkitError, type AnyDriver } from "@netkit/core";
import { tiers, type Case, type Tier } from "./case.ts";
import { driverCases } from "./cases/index.ts";
import { loadSubject, type Subject } from "./lab/index.ts";
import { isRequired, lacksLinks, missingRequirement, type LinkKindNeeded } from "./requirements.ts";
import { tallyOf, verdictOf, type Tally, type Verdict } from "./verdict.ts";

export interface CaseResult extends Verdict {
  readonly tier: Tier;
  readonly notes: readonly string[];
}

/** Plain data, for `--json` too. */
export interface ConformanceReport extends Tally {
  readonly driver: string;
  readonly api: number;
  readonly results: readonly CaseResult[];
}

export interface ConformanceOptions {
  /** Default: all. */
  readonly tiers?: readonly Tier[];
  /** Only cases whose ids start with one of these. */
  readonly only?: readonly string[];
  /** Not those whose ids start with one of these; the report doesn't count them. */
  readonly skip?: readonly string[];
  /** The kind of links that the driver makes, where not every kernel has it: without it cases beyond the contract are skipped. */
  readonly needs?: LinkKindNeeded;
  readonly signal?: AbortSignal;
  /** Called after each case. */
  readonly onResult?: (result: CaseResult) => void;
}

/** The cases that a driver has to pass, by what it says of itself. */
export function casesFor(
  driver: AnyDriver,
  { tiers: wanted = tiers, only, skip = [] }: ConformanceOptions = {},
): Case[] {
  return driverCases.filter(
    (candidate) =>
      wanted.includes(candidate.tier) &&
      (only === undefined || only.some((prefix) => candidate.id.startsWith(prefix))) &&
      !skip.some((prefix) => candidate.id.startsWith(prefix)) &&
      candidate.applies(driver),
  );
}

/** Runs the cases one after the other. Kernel cases move the calling thread into other network namespaces meanwhile. */
export async function runConformance(subject: Subject, options: ConformanceOptions = {}): Promise<ConformanceReport> {
  refuseUnknown([...(options.only ?? []), ...(options.skip ?? [])]);
  const driver = await loadSubject(subject);
  const results: CaseResult[] = [];
  for (const candidate of casesFor(driver, options)) {
    options.signal?.throwIfAborted();
    const result = await runCase(candidate, subject, driver, options);
    results.push(result);
    options.onResult?.(result);
  }
  return { driver: driver.name, api: driver.api, ...tallyOf(results), results };
}

/** @throws NetkitError ARGUMENT_INVALID for what no case's id starts with */
function refuseUnknown(prefixes: readonly string[]): void {
  const ids = driverCases.map(({ id }) => id);
  const unknown = prefixes.find((prefix) => !ids.some((id) => id.startsWith(prefix)));
  if (unknown === undefined) return;
  const groups = [...new Set(ids.map((id) => id.split("-").slice(0, 2).join("-")))];
  throw new NetkitError("ARGUMENT_INVALID", `no case has an id that starts with ${JSON.stringify(unknown)}`, {
    hint: didYouMean(unknown, [...ids, ...groups], `Ids start with ${groups.join(", ")}.`),
  });
}

async function runCase(
  candidate: Case,
  subject: Subject,
  driver: AnyDriver,
  { signal, needs }: ConformanceOptions,
): Promise<CaseResult> {
  const { id, tier, rule, requires, run } = candidate;
  const notes: string[] = [];
  const missing = missingRequirement(requires);
  if (missing !== undefined) {
    const outcome = isRequired(tier, ...requires) ? "failed" : "skipped";
    return { id, tier, rule, outcome, reason: missing, notes, ms: 0 };
  }
  if (lacksLinks(needs, { tier })) {
    return { id, tier, rule, outcome: "skipped", reason: `needs ${needs}`, notes, ms: 0 };
  }
  const context = {
    subject,
    driver,
    note: (text: string) => void notes.push(text),
    ...(signal === undefined ? {} : { signal }),
  };
  return { ...(await verdictOf(candidate, () => run(context), signal)), tier, notes };
}
