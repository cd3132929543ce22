import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseSources } from "../src/index.ts";
import { anySource } from "./arbitraries.ts";
import { refusal } from "./refusals.ts";

describe("sources", () => {
  test.each<[texts: string[], sources: string[]]>([
    [[], []],
    [["192.0.2.1"], ["192.0.2.1/32"]],
    [["2001:DB8:0::1"], ["2001:db8::1/128"]],
    [["10.1.2.0/24", "10.0.0.0/8", "10.255.0.1"], ["10.0.0.0/8"]],
    [
      ["10.0.0.0/9", "10.128.0.0/9"],
      ["10.0.0.0/9", "10.128.0.0/9"],
    ],
    [
      ["0.0.0.0/0", "192.0.2.0/24", "::/0", "fd00::/8"],
      ["0.0.0.0/0", "::/0"],
    ],
    // Not as text: 10 is before 9, and 8::/13 doesn't hold 80::/16.
    [
      ["10.0.0.0/8", "9.0.0.0/8"],
      ["9.0.0.0/8", "10.0.0.0/8"],
    ],
    [
      ["80::/16", "8::/13"],
      ["8::/13", "80::/16"],
    ],
  ])("%j are %j", (texts, sources) => {
    expect(parseSources(texts)).toEqual(sources);
  });

  test("with bits behind the prefix are refused, with what may be meant", () => {
    expect(refusal("ADDRESS_INVALID", () => parseSources(["10.20.0.1/8"])).hint).toBe(
      "Write 10.0.0.0/8 for the subnet, or 10.20.0.1 for the one address.",
    );
    expect(refusal("ADDRESS_INVALID", () => parseSources(["fd00::1/64"])).hint).toContain("fd00::/64");
  });

  test("are the same in any order, given twice, and read from themselves", () => {
    fc.assert(
      fc.property(fc.array(anySource, { maxLength: 20 }), (texts) => {
        const sources = parseSources(texts);
        expect(parseSources(texts.toReversed())).toEqual(sources);
        expect(parseSources([...texts, ...sources])).toEqual(sources);
        expect(parseSources(sources)).toEqual(sources);
      }),
    );
  });
});
