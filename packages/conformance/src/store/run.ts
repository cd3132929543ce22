import type { Store } from "@netkit/core";
import type { StoreCase, StoreSubject } from "./case.ts";
import { tallyOf, verdictOf, type Tally, type Verdict } from "../verdict.ts";
import { storeCases } from "./index.ts";

export interface StoreConformanceOptions {
  /** Only cases whose ids start with one of these. */
  readonly only?: readonly string[];
  readonly signal?: AbortSignal;
  /** Called after each case. */
  readonly onResult?: (verdict: Verdict) => void;
}

/** Plain data. */
export interface StoreConformanceReport extends Tally {
  readonly store: string;
  readonly results: readonly Verdict[];
}

/** The cases that a store has to pass, by what its subject says of it. */
export function storeCasesFor(subject: StoreSubject, { only }: StoreConformanceOptions = {}): StoreCase[] {
  return storeCases.filter(
    ({ id, applies }) =>
      (only === undefined || only.some((prefix) => id.startsWith(prefix))) &&
      (applies === undefined || applies(subject)),
  );
}

/** Runs one case in a space of its own. @throws what the case throws */
export async function runStoreCase({ run }: StoreCase, subject: StoreSubject): Promise<void> {
  const space = await subject.makeSpace();
  const stores: Store[] = [];
  const open = (): Store => {
    const store = space.open();
    stores.push(store);
    return store;
  };
  try {
    await run({ subject, space, open });
  } finally {
    for (const store of stores) await store.close();
    await space.remove();
  }
}

/** Runs the cases one after the other. */
export async function runStoreConformance(
  subject: StoreSubject,
  options: StoreConformanceOptions = {},
): Promise<StoreConformanceReport> {
  const results: Verdict[] = [];
  for (const candidate of storeCasesFor(subject, options)) {
    options.signal?.throwIfAborted();
    const verdict = await verdictOf(candidate, async () => await runStoreCase(candidate, subject), options.signal);
    results.push(verdict);
    options.onResult?.(verdict);
  }
  return { store: subject.name, ...tallyOf(results), results };
}
