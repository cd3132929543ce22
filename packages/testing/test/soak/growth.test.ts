import { expect, test } from "vitest";
import { growth, type Sample } from "./growth.ts";
import type { Held } from "./held.ts";

const flat: Held = { heapBytes: 20e6, residentBytes: 110e6, descriptors: 33 };

/** A soak of so many operations, a sample for every 50, of an agent that holds what `held` says after so many. */
function soakOf(operations: number, held: (at: number) => Partial<Held>): Sample[] {
  return Array.from({ length: operations / 50 }, (_, index) => {
    const at = 50 * (index + 1);
    return { operations: at, agent: { ...flat, ...held(at) }, library: flat };
  });
}

/** Noise from -1 to 1, the same each time. */
const noise = (at: number): number => Math.sin(at * at);

/** From 0 to 1, ever slower. */
const once = (at: number): number => 1 - Math.exp(-at / 2_000);

test("what stays within its noise hasn't grown", () => {
  const samples = soakOf(20_000, (at) => ({
    heapBytes: 20e6 + 1e6 * noise(at),
    residentBytes: 110e6 + 6e6 * noise(at + 1),
    descriptors: 33 + Math.round(noise(at)),
  }));
  expect(growth(samples)).toEqual([]);
});

test("what is made once hasn't grown, much as it may be, nor what comes at a stroke", () => {
  expect(growth(soakOf(20_000, (at) => ({ heapBytes: 15e6 + 10e6 * once(at) + 1e5 * noise(at) })))).toEqual([]);
  expect(growth(soakOf(20_000, (at) => ({ residentBytes: at < 9_000 ? 90e6 : 130e6 })))).toEqual([]);
});

test.for<[string, number, (at: number) => Partial<Held>]>([
  [
    "200 bytes of heap for each operation of half an hour",
    20_000,
    (at) => ({ heapBytes: 20e6 + 200 * at + 1e6 * noise(at) }),
  ],
  [
    "3 kB of heap for each operation of two minutes",
    1_500,
    (at) => ({ heapBytes: 20e6 + 3_000 * at + 1e5 * noise(at) }),
  ],
  ["memory outside of the heap", 20_000, (at) => ({ residentBytes: 110e6 + 1_500 * at + 4e6 * noise(at) })],
  ["a descriptor for each 300 operations of two minutes", 1_500, (at) => ({ descriptors: 33 + Math.floor(at / 300) })],
])("it tells of %s", ([, operations, held]) => {
  expect(growth(soakOf(operations, held))).toEqual([
    expect.stringMatching(/^the agent's \w+ grew by [\d.]+ in \d+ operations/),
  ]);
});

test("of a soak that is too short nothing is told", () => {
  expect(growth([])).toEqual([]);
  expect(growth(soakOf(50, () => ({})))).toEqual([]);
});
