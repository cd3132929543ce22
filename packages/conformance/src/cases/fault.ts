import assert from "node:assert/strict";
import type { Case, CaseContext } from "../case.ts";
import { sweep, type SweepOptions } from "../lab/index.ts";
import { makesNetworks } from "../lab/steps.ts";

const common = {
  since: 1,
  tier: "kernel",
  requires: ["root", "ip", "nft"],
  applies: () => true,
} as const satisfies Partial<Case>;

/** The driver's whole lifecycle, with a fault at each call in turn. */
export const faultCases: readonly Case[] = [
  {
    ...common,
    id: "DRV-FAULT-001",
    rule: "when any one operation fails, the user gets an error that says why or none at all, the system is consistent and nothing leaks",
    run: async (context) => await sweepClean(context, { mode: "error" }),
  },
  {
    ...common,
    id: "DRV-FAULT-002",
    rule: "when the process is killed before any one change, the next one finds a consistent system, what was acknowledged is there and nothing leaks",
    run: async (context) => await sweepClean(context, { mode: "kill" }),
  },
  {
    ...common,
    id: "DRV-FAULT-003",
    rule: "so it is when what fails is any one operation of all else that can be done",
    applies: makesNetworks,
    run: async (context) => await sweepClean(context, { mode: "error", course: "changing" }),
  },
  {
    ...common,
    id: "DRV-FAULT-004",
    rule: "and when the process is killed before any one change of that",
    applies: makesNetworks,
    run: async (context) => await sweepClean(context, { mode: "kill", course: "changing" }),
  },
];

async function sweepClean({ subject, signal, note }: CaseContext, options: SweepOptions): Promise<void> {
  const { operations, faults, complaints } = await sweep(subject, {
    ...options,
    ...(signal === undefined ? {} : { signal }),
  });
  note(`${operations.length} operations, ${faults} faults`);
  assert.deepEqual(
    complaints.map(({ message }) => message),
    [],
  );
  assert.ok(faults > 0, "the lifecycle has no operations");
}
