import { expect, test } from "vitest";
import { usableNames } from "../src/aliases.ts";

test("names that nobody could be found by are left out, and none is there twice", () => {
  expect(usableNames(["web", "", "-", "a b", "web", "db.example", "x".repeat(129)])).toEqual(["web", "db.example"]);
});
