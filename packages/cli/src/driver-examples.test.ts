import { expect, test } from "vitest";
import { networkCreate } from "./commands/network-create.ts";
import { driverExamples } from "./driver-examples.ts";
import { loadDriver } from "./drivers.ts";
import { parsePairs } from "./pairs.ts";
import { parseWords } from "./parse.ts";

test.each(Object.entries(driverExamples))(
  "the examples for %s name it and options that it has",
  async (name, lines) => {
    const driver = await loadDriver(name, { drivers: [], folders: [] });
    for (const [line] of lines) {
      const [, , , ...words] = line.split(" ");
      const { options } = parseWords(networkCreate, words);
      expect(options["driver"]).toBe(name);
      const given = Object.keys(parsePairs("--opt", options["opt"] as string[]));
      expect(Object.keys(driver?.options ?? {})).toEqual(expect.arrayContaining(given));
    }
  },
);
