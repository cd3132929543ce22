import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { root } from "./workspace.ts";

const readme = join(root, "packages/cli/README.md");

interface Row {
  readonly feature: string;
  readonly netkit: string;
  readonly tests: readonly { readonly title: string; readonly path: string }[];
}

/** The rows of the table "Beside Docker and Podman". */
function readRows(text: string): Row[] {
  const [, section = ""] = /\n## Beside Docker and Podman\n([^]*?)\n## /.exec(text) ?? [];
  const lines = section.split("\n").filter((line) => line.startsWith("| "));
  return lines.slice(2).map((line) => {
    const [feature = "", , , netkit = "", proof = ""] = line.slice(2, -2).split(" | ");
    const links = [...proof.trim().matchAll(/\[([^\]]+)\]\(([^)]+)\)/g)];
    const tests = links.map(([, title = "", path = ""]) => ({ title, path: join(dirname(readme), path) }));
    return { feature: feature.trim(), netkit: netkit.trim(), tests };
  });
}

/** Whether the source has a test of that title, `test("title"` or `test.each(...)("title"`. */
function hasTest(source: string, title: string): boolean {
  const escaped = JSON.stringify(title).replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`);
  return new RegExp(String.raw`(?:\btest|\))\(\s*${escaped},`).test(source);
}

const rows = readRows(readFileSync(readme, "utf8"));

test("the table beside Docker and Podman has rows", () => {
  expect(rows.length).toBeGreaterThan(20);
});

describe.each(rows)("$feature", ({ netkit, tests }) => {
  test("is proved by a test, unless netkit has it not", () => {
    expect(tests.length > 0 || netkit.startsWith("no: ")).toBe(true);
    for (const { title, path } of tests) {
      expect(existsSync(path), path).toBe(true);
      expect(hasTest(readFileSync(path, "utf8"), title), `${path} has no test '${title}'`).toBe(true);
    }
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
