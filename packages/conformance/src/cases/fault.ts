import assert from "node:assert/strict";
import type { Case, CaseContext } from "../case.ts";
import { sweep } from "../lab/index.ts";

const common = {
  since: 1,
  tier: "kernel",
  requires: ["root", "ip", "nft"],
  applies: () => true,
} as const satisfies Partial<Case>;

/** The driver's whole lifecycle, with the process killed at each operation in turn. */
export const faultCases: readonly Case[] = [
  {
    ...common,
    id: "DRV-FAULT-002",
    rule: "when the process is killed before any one change, the next one finds a consistent system and nothing leaks",
    run: async (context) => await sweepClean(context),
  },
];

async function sweepClean({ subject, signal, note }: CaseContext): Promise<void> {
  const { operations, failures } = await sweep(subject, { mode: "kill", ...(signal === undefined ? {} : { signal }) });
  note(`${operations} operations`);
  assert.deepEqual(failures, []);
  assert.ok(operations > 0, "the lifecycle has no operations");
}
