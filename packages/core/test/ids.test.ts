import { expect, test } from "vitest";
import { isId, shortId, type NetworkId } from "../src/index.ts";
import { randomId } from "./random-id.ts";

test("an id is 64 hex digits, and no two are equal", () => {
  const ids = Array.from({ length: 1000 }, () => randomId<NetworkId>());
  expect(new Set(ids).size).toBe(1000);
  expect(ids.every(isId)).toBe(true);
});

test.each(["", "0".repeat(63), "0".repeat(65), "A".repeat(64), `${"0".repeat(64)}\n`, "g".repeat(64)])(
  "%j is none",
  (text) => {
    expect(isId(text)).toBe(false);
  },
);

test("the short form is its first 12 digits", () => {
  expect(shortId(`0123456789ab${"c".repeat(52)}`)).toBe("0123456789ab");
});
