import { casesFor } from "@netkit/conformance";
import { bridge } from "@netkit/driver-bridge";
import { none } from "@netkit/driver-none";
import { overlay } from "@netkit/driver-overlay";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { contractMutants } from "./mutants/drivers.ts";
import { runCases } from "./mutants/run-cases.ts";

// A case asks a hundred random questions, of which few concern a rare option: whether they find a driver out isn't to be chance.
fc.configureGlobal({ seed: 1 });

describe("a driver that breaks the contract in one way", () => {
  test.each(Object.entries(contractMutants))("%s is found out", async (_, { killedBy, driver }) => {
    const sound = [none(), overlay()].find(({ name }) => name === driver.name) ?? bridge();
    if (casesFor(sound, { only: [killedBy] }).length > 0) await runCases(sound, killedBy);
    await expect(runCases(driver, killedBy)).rejects.toThrow(expect.not.objectContaining({ name: "RangeError" }));
  });
});
