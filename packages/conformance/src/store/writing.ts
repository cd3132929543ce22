import assert from "node:assert/strict";
import type { Commit, LeaseId, Store } from "@netkit/core";

/** A commit without checks. */
export function writing(values: Readonly<Record<string, unknown>>, lease?: LeaseId): Commit {
  const under = lease === undefined ? {} : { lease };
  return { checks: [], writes: Object.entries(values).map(([key, value]) => ({ key, value, ...under })) };
}

/** The revision of a commit that has to succeed. */
export async function commit(store: Store, what: Commit): Promise<number> {
  const result = await store.commit(what);
  assert.ok(result.committed, `a commit that nothing stands against conflicts: ${JSON.stringify(result)}`);
  return result.revision;
}

/** Numbered keys, in order, with `value` each. */
export function numbered(prefix: string, count: number, value: unknown = 0): Record<string, unknown> {
  return Object.fromEntries(Array.from({ length: count }, (_, n) => [`${prefix}${String(n).padStart(4, "0")}`, value]));
}
