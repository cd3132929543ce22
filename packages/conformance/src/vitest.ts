import { describe, test } from "vitest";
import { casesFor, type ConformanceOptions } from "./run.ts";
import { loadSubject, type Subject } from "./lab/index.ts";
import { timeScale } from "./lab/time-scale.ts";
import { isRequired, lacksLinks, missingRequirement } from "./requirements.ts";
import type { StoreSubject } from "./store/case.ts";
import { runStoreCase, storeCasesFor, type StoreConformanceOptions } from "./store/run.ts";

/** Long enough for a fault sweep; a case that hangs is the exception. */
const timeoutMs = 300_000 * timeScale;

/**
 * Registers one test per case that the driver has to pass. `await` it at the top of a test file:
 * kernel and traffic tiers belong into one that runs as root.
 */
export async function describeConformance(subject: Subject, options: ConformanceOptions = {}): Promise<void> {
  const driver = await loadSubject(subject);
  describe(`conformance of driver ${driver.name}`, () => {
    for (const { id, tier, rule, requires, run } of casesFor(driver, options)) {
      const missing = missingRequirement(requires);
      const needing = options.needs === undefined || tier === "contract" ? "" : ` (needs ${options.needs})`;
      // oxlint-disable-next-line vitest/expect-expect -- a case asserts by itself
      test(`${id} ${rule}${needing}`, { timeout: timeoutMs }, async (context) => {
        context.skip(lacksLinks(options.needs, { tier }), `needs ${options.needs}`);
        if (missing !== undefined && !isRequired(tier, ...requires)) context.skip(missing);
        await run({ subject, driver, signal: context.signal, note: (text) => void context.annotate(text) });
      });
    }
  });
}

/** Registers one test per case that the store has to pass. */
export function describeStoreConformance(subject: StoreSubject, options: StoreConformanceOptions = {}): void {
  describe(`conformance of store ${subject.name}`, () => {
    for (const candidate of storeCasesFor(subject, options)) {
      // They wait for time to pass, and can do so together.
      const register = candidate.id.startsWith("STO-LEASE-") ? test.concurrent : test;
      // oxlint-disable-next-line vitest/expect-expect -- a case asserts by itself
      register(`${candidate.id} ${candidate.rule}`, { timeout: timeoutMs }, async () => {
        await runStoreCase(candidate, subject);
      });
    }
  });
}
