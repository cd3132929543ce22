import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parseStat } from "../src/stat.ts";

const tail = "S 1 77 66 34816 77 4194560 1 2 3 4 5 6 7 8 20 0 1 0 399589 1000 2 18446744073709551615";

test("a name of blanks, parentheses and digits shifts no field", () => {
  const name = fc.string({ maxLength: 15 }).filter((text) => !text.includes("\0"));
  fc.assert(
    fc.property(name, (name) => {
      expect(parseStat(`42 (${name}) ${tail}\n`)).toEqual({
        state: "S",
        processGroup: 77,
        session: 66,
        terminal: 34816,
        foregroundGroup: 77,
        startTime: "399589",
      });
    }),
  );
});

test("what is cut off is no stat", () => {
  expect(parseStat("")).toBeUndefined();
  expect(parseStat("42 (a) S 1 77")).toBeUndefined();
});

test("reads the running kernel's", () => {
  const stat = parseStat(readFileSync("/proc/self/stat", "latin1"));
  expect(stat?.state).toBe("R");
  expect(Number(stat?.startTime)).toBeGreaterThan(0);
});
