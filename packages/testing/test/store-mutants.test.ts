import { runStoreCase, storeCasesFor } from "@netkit/conformance";
import { describe, expect, test } from "vitest";
import { storeMutants } from "./mutants/stores.ts";
import { sqlite } from "./stores/sqlite.ts";

describe("a store that is wrong in one way", () => {
  test.concurrent.for(Object.entries(storeMutants))(
    "%s is found out",
    async ([, { killedBy, subject }], { expect }) => {
      const [found] = storeCasesFor(subject, { only: [killedBy] });
      if (found === undefined) throw new RangeError(`${killedBy} is no case for this store`);
      await expect(runStoreCase(found, subject)).rejects.toThrow(expect.objectContaining({ name: "AssertionError" }));
    },
  );
});

test("every case finds one out", () => {
  const killers = new Set(Object.values(storeMutants).map(({ killedBy }) => killedBy));
  expect([...killers].toSorted()).toEqual(
    storeCasesFor(sqlite)
      .map(({ id }) => id)
      .toSorted(),
  );
});
