import * as fc from "fast-check";
import { TestRunner } from "vitest";

declare module "vitest" {
  interface TaskMeta {
    /** With how many inputs a test has fuzzed what it tests. */
    inputs?: number;
  }
}

const seconds = Number(process.env["NETKIT_FUZZ_SECONDS"] ?? 0.5);
const seed = process.env["NETKIT_FUZZ_SEED"];

/**
 * Goes on for a fixed time: NETKIT_FUZZ_SECONDS, half a second by default. Fails with the smallest input found that `check` throws at, and with
 * the seed, which NETKIT_FUZZ_SEED gives again.
 */
export async function fuzz<T>(inputs: fc.Arbitrary<T>, check: (input: T) => void | Promise<void>): Promise<void> {
  const meta = TestRunner.getCurrentTest()?.meta;
  let last: Promise<void> = Promise.resolve();
  const property = fc.asyncProperty(inputs, async (input) => {
    if (meta !== undefined) meta.inputs = (meta.inputs ?? 0) + 1;
    last = Promise.resolve(check(input));
    await last;
  });
  await fc.assert(property, {
    numRuns: Number.MAX_SAFE_INTEGER,
    interruptAfterTimeLimit: seconds * 1000,
    ...(seed === undefined ? {} : { seed: Number(seed) }),
  });
  // The one that was under way when time was up.
  await last;
}
