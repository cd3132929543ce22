import { describe, expect, test } from "vitest";
import { kernelMutants } from "./mutants/drivers.ts";
import { runCases } from "./mutants/run-cases.ts";

describe("a driver that is wrong in one way", () => {
  test.each(Object.entries(kernelMutants))("%s is found out", { timeout: 120_000 }, async (_, { killedBy, driver }) => {
    await expect(runCases(driver, killedBy)).rejects.toThrow(
      expect.objectContaining({ name: expect.stringMatching(/AssertionError|NetkitError/) }),
    );
  });
});
