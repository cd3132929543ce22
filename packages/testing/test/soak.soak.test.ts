// A short soak: `npm run soak` has a longer one.
import { expect, test } from "vitest";
import { growth } from "./soak/growth.ts";
import { soak } from "./soak/soak.ts";

const ms = 120_000;
/** However long they take: some of them are killed, and memory tells something. */
const operations = 300;
/** What is found by chance is seldom the fault of what was changed: others are for `npm run soak`. */
const seed = Number(process.env["NETKIT_SOAK_SEED"] ?? 1);

test(
  "what four processes do at random, and are killed over, ends as a model has it; nothing leaks or grows",
  { timeout: 8 * ms },
  async () => {
    process.stdout.write(`seed ${seed}\n`);
    const { failure, samples, tally } = await soak({ seed, ms, operations });
    expect(failure).toBeUndefined();
    expect(growth(samples)).toEqual([]);
    expect(tally.operations).toBeGreaterThanOrEqual(operations);
    expect(tally.deaths).toBeGreaterThan(0);
  },
);
