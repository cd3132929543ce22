import type { Held } from "./held.ts";

/** What processes hold at the end of a scenario, when nothing is there any more. */
export interface Sample {
  /** That were done up to here. */
  readonly operations: number;
  readonly agent: Held;
  /** A process with the library, which lives as long as the soak. */
  readonly library: Held;
}

const mebibyte = 1024 * 1024;

/**
 * What is made once, however late, and what comes and goes: code that is compiled when it has been used often, pages that the allocator
 * keeps.
 */
const slack: Readonly<Record<keyof Held, number>> = {
  heapBytes: 1.5 * mebibyte,
  residentBytes: 8 * mebibyte,
  descriptors: 1,
};

/**
 * In words what has grown that must not: nothing is there at the end of a scenario, after the last as after the first.
 *
 * The first quarter of the operations is left out, in which all is new. Of the other three the medians are compared: it has grown if the
 * last one's is beyond the slack above the first one's, and if that goes on, which is what tells a leak from what is made once: at least a
 * third of it is from the last step of the two. So what can be told apart gets less with the length of a soak: 1.5 MB of heap in
 * half of the operations are 2 kB for each of the 1,500 that two minutes have, and 150 bytes in half an hour.
 */
export function growth(samples: readonly Sample[]): string[] {
  return (["agent", "library"] as const).flatMap((whose) =>
    (["heapBytes", "residentBytes", "descriptors"] as const).flatMap((what) => {
      const grown = growthOf(samples.map((sample) => ({ at: sample.operations, value: sample[whose][what] })));
      if (grown === undefined || grown.by <= slack[what] || grown.lately < grown.by / 3) return [];
      const each = (grown.by / grown.operations).toFixed(3);
      return [`the ${whose}'s ${what} grew by ${grown.by} in ${grown.operations} operations, ${each} each`];
    }),
  );
}

interface Point {
  /** Operations. */
  readonly at: number;
  readonly value: number;
}

/** How much it is in the last quarter more than in the second, and more than in the third. Undefined: it was too short to tell. */
function growthOf(points: readonly Point[]): { by: number; lately: number; operations: number } | undefined {
  const end = points.at(-1)?.at ?? 0;
  const [second, third, last] = [1, 2, 3].map((quarter) =>
    medianOf(points.filter(({ at }) => at > (quarter * end) / 4 && at <= ((quarter + 1) * end) / 4)),
  );
  if (second === undefined || third === undefined || last === undefined) return undefined;
  return { by: last - second, lately: last - third, operations: end / 2 };
}

function medianOf(points: readonly Point[]): number | undefined {
  return points.map(({ value }) => value).toSorted((a, b) => a - b)[Math.floor(points.length / 2)];
}
