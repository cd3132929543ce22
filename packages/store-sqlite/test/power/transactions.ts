// Numbered transactions, all of which follow from a seed: whoever knows the last one knows all that has to be there.
import type { Commit } from "@netkit/core";
import { randoms, upTo } from "./random.ts";

const keys = 40;

/** The number of the last transaction is written by each of them. */
export const lastKey = "last";

export interface Transaction {
  readonly writes: Commit["writes"];
  /** Flushed by its commit, or later. */
  readonly durable: boolean;
  /** Of one that isn't durable: whether the log is flushed after it. */
  readonly flushed: boolean;
}

/** Numbers begin at 1. */
export function transaction(seed: number, number: number): Transaction {
  const random = randoms(seed * 1_000_003 + number);
  const chosen = new Set(Array.from({ length: 1 + upTo(4, random) }, () => upTo(keys - 1, random)));
  return {
    writes: [
      { key: lastKey, value: number },
      ...[...chosen].map((key) => ({
        key: `key/${key}`,
        // One of six is removed; some take a page of their own, and more.
        value: random() < 1 / 6 ? undefined : { number, text: "x".repeat(upTo(5_000, random)) },
      })),
    ],
    durable: random() < 0.5,
    flushed: random() < 0.5,
  };
}

/** What there is after the transaction of that number. */
export function stateAfter(seed: number, last: number): ReadonlyMap<string, unknown> {
  const state = new Map<string, unknown>();
  for (let number = 1; number <= last; number++)
    for (const { key, value } of transaction(seed, number).writes)
      if (value === undefined) state.delete(key);
      else state.set(key, value);
  return state;
}
