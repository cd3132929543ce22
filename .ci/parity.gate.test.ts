import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { expectThere, hasTest, readClaims } from "./proved.ts";
import { root } from "./workspace.ts";

const readme = join(root, "packages/cli/README.md");

/** The rows of the table "Beside Docker and Podman". */
function readRows(text: string) {
  return readClaims(text, "Beside Docker and Podman", readme).map(({ cells, tests }) => {
    const [feature = "", , , netkit = ""] = cells;
    return { feature, netkit, tests };
  });
}

const rows = readRows(readFileSync(readme, "utf8"));

test("the table beside Docker and Podman has rows", () => {
  expect(rows.length).toBeGreaterThan(20);
});

describe.each(rows)("$feature", ({ netkit, tests }) => {
  test("is proved by a test, unless netkit has it not", () => {
    expect(tests.length > 0 || netkit.startsWith("no: ")).toBe(true);
    expectThere(tests);
  });
});

test("a title that no test has is found out, and one within another test's title", () => {
  const source = 'test("a thing works", () => {});\ntest.each([1])(\n  "a case %s (x)", () => {});';
  expect(hasTest(source, "a thing works")).toBe(true);
  expect(hasTest(source, "a case %s (x)")).toBe(true);
  expect(hasTest(source, "a thing")).toBe(false);
  expect(hasTest(source, "works")).toBe(false);
  expect(
    readRows(
      "\n## Beside Docker and Podman\n| a | b | c | d | e |\n| - | - | - | - | - |\n| f | y | y | yes | - |\n## x",
    ),
  ).toEqual([{ feature: "f", netkit: "yes", tests: [] }]);
});
