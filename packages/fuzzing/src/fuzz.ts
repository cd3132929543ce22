import * as fc from "fast-check";

const seconds = Number(process.env["NETKIT_FUZZ_SECONDS"] ?? 0.5);
const seed = process.env["NETKIT_FUZZ_SEED"];

/**
 * Goes on for a fixed time: NETKIT_FUZZ_SECONDS, half a second by default. Fails with the smallest input found that `check` throws at, and with
 * the seed, which NETKIT_FUZZ_SEED gives again.
 */
export async function fuzz<T>(inputs: fc.Arbitrary<T>, check: (input: T) => void | Promise<void>): Promise<void> {
  let last: Promise<void> = Promise.resolve();
  const property = fc.asyncProperty(inputs, async (input) => {
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
