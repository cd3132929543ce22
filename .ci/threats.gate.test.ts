import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { expectThere, readClaims } from "./proved.ts";
import { root } from "./workspace.ts";

const path = join(root, "SECURITY.md");
const threats = readClaims(readFileSync(path, "utf8"), "Threats", path);

test("there are threats", () => {
  expect(threats.length).toBeGreaterThan(15);
});

describe.each(threats.map(({ cells: [threat = ""], tests }) => ({ threat, tests })))("$threat", ({ tests }) => {
  test("is covered by tests that there are", () => {
    expect(tests).not.toEqual([]);
    expectThere(tests);
  });
});
