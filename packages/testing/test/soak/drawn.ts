import * as fc from "fast-check";
import { scenario, type Round } from "./operations.ts";

/** How a seed is made into one scenario. */
export const drawn = { numRuns: 1, unbiased: true } as const;

/**
 * One of the ways in which a seed's scenario gets shorter, alone: given its path, fast-check would go on from there, without an end.
 * Undefined: it has no such path.
 */
export function shorterOf(seed: number, path: string): fc.Arbitrary<readonly Round[]> | undefined {
  try {
    const [rounds] = fc.sample(scenario, { ...drawn, seed, path });
    return rounds === undefined ? undefined : fc.constant(rounds);
  } catch (error) {
    if (error instanceof Error && error.message.startsWith("Unable to replay")) return undefined;
    throw error;
  }
}
