import assert from "node:assert/strict";
import type { Case, CaseContext } from "../case.ts";
import type { FaultMode } from "../lab/fuse.ts";
import { sweep } from "../lab/index.ts";

const common = {
  since: 1,
  tier: "kernel",
  requires: ["root", "ip", "nft"],
  applies: () => true,
} as const satisfies Partial<Case>;

/** The driver's whole lifecycle, with a fault at each operation in turn. */
export const faultCases: readonly Case[] = [
  {
    ...common,
    id: "DRV-FAULT-001",
    rule: "when any one operation fails, the user gets an error that says why or none at all, the system is consistent and nothing leaks",
    run: async (context) => await sweepClean(context, "error"),
  },
  {
    ...common,
    id: "DRV-FAULT-002",
    rule: "when the process is killed before any one change, the next one finds a consistent system and nothing leaks",
    run: async (context) => await sweepClean(context, "kill"),
  },
];

async function sweepClean({ subject, signal, note }: CaseContext, mode: FaultMode): Promise<void> {
  const { operations, failures } = await sweep(subject, { mode, ...(signal === undefined ? {} : { signal }) });
  note(`${operations} operations`);
  assert.deepEqual(failures, []);
  assert.ok(operations > 0, "the lifecycle has no operations");
}
