import type { Difference, Reading } from "@netkit/core";

/** Pairs of what is wanted and what was found, by field. Undefined is wanted by nobody: such fields don't count. */
export type Fields = Readonly<Record<string, readonly [wanted: unknown, found: unknown]>>;

export const missing: Reading = { state: "missing" };

/** Compare what netkit sets; everything else about an object is its user's. */
export function compare(fields: Fields): Reading {
  const differences: Difference[] = [];
  for (const [field, [wanted, found]] of Object.entries(fields)) {
    if (wanted !== undefined && wanted !== found) differences.push({ field, wanted, found });
  }
  return differences.length === 0 ? { state: "same" } : { state: "different", differences };
}
