// A short soak: `npm run soak` has a longer one.
import { expect, test } from "vitest";
import { growth } from "./soak/growth.ts";
import { soak } from "./soak/soak.ts";

const ms = 120_000;
const seed = Number(process.env["NETKIT_SOAK_SEED"] ?? Math.trunc(Math.random() * 0x7fff_ffff));

test(
  "what four processes do at random, and are killed over, ends as a model has it; nothing leaks or grows",
  { timeout: 4 * ms },
  async () => {
    process.stdout.write(`seed ${seed}\n`);
    const { failure, samples, tally } = await soak({ seed, ms });
    expect(failure).toBeUndefined();
    expect(growth(samples)).toEqual([]);
    expect(tally.operations).toBeGreaterThan(100);
    expect(tally.deaths).toBeGreaterThan(0);
  },
);
