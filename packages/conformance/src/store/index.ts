import type { StoreCase } from "./case.ts";
import { changesCases } from "./changes.ts";
import { commitCases } from "./commit.ts";
import { leaseCases } from "./lease.ts";
import { readCases } from "./read.ts";
import { serverCases } from "./server.ts";
import { watchCases } from "./watch.ts";

/** Every case for stores, in the order in which they tell most. */
export const storeCases: readonly StoreCase[] = [
  ...readCases,
  ...commitCases,
  ...watchCases,
  ...changesCases,
  ...leaseCases,
  ...serverCases,
];
