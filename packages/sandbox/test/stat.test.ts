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
        isEnding: false,
      });
    }),
  );
});

/** What is read of a task with those flags and that mask of pending signals. */
function isEnding(flags: number, pending: number): boolean | undefined {
  return parseStat(`42 (a) ${tail.replace("4194560", String(flags))} 1 2 3 4 5 ${pending} 0 0 0`)?.isEnding;
}

test("who is exiting, or has SIGKILL before it, is ending", () => {
  expect(isEnding(4194560, 0)).toBe(false);
  expect(isEnding(4194560 | 4, 0)).toBe(true);
  expect(isEnding(4194560, 256)).toBe(true);
  // SIGTERM may be handled.
  expect(isEnding(4194560, 16384)).toBe(false);
});

test("what is cut off is no stat", () => {
  expect(parseStat("")).toBeUndefined();
  expect(parseStat("42 (a) S 1 77")).toBeUndefined();
});

test("reads the running kernel's", () => {
  const stat = parseStat(readFileSync("/proc/self/stat", "latin1"));
  expect(stat?.state).toBe("R");
  expect(Number(stat?.startTime)).toBeGreaterThan(0);
  expect(stat?.isEnding).toBe(false);
});
