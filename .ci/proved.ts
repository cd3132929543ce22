import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "vitest";

/** A test as a table names it: `[title](path)`. */
interface NamedTest {
  readonly title: string;
  readonly path: string;
}

/** A row of a table of claims: its cells, and the tests that its last one names. */
export interface Claim {
  readonly cells: readonly string[];
  readonly tests: readonly NamedTest[];
}

/** The rows of the table in a section of a document. @param path of the document, which the tests' paths are relative to */
export function readClaims(text: string, heading: string, path: string): Claim[] {
  const [, rest = ""] = text.split(`\n## ${heading}\n`);
  const [section = ""] = rest.split("\n## ");
  const lines = section.split("\n").filter((line) => line.startsWith("| "));
  return lines.slice(2).map((line) => {
    const cells = line.slice(2, -2).split(" | ");
    const links = [...(cells.at(-1) ?? "").matchAll(/\[([^\]]+)\]\(([^)]+)\)/g)];
    const tests = links.map(([, title = "", to = ""]) => ({ title, path: join(dirname(path), to) }));
    return { cells: cells.map((cell) => cell.trim()), tests };
  });
}

/** Whether the source has a test of that title, `test("title"` or `test.each(...)("title"`. */
export function hasTest(source: string, title: string): boolean {
  const escaped = JSON.stringify(title).replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`);
  return new RegExp(String.raw`(?:\btest|\))\(\s*${escaped},`).test(source);
}

export function expectThere(tests: readonly NamedTest[]): void {
  for (const { title, path } of tests) {
    expect(existsSync(path), path).toBe(true);
    expect(hasTest(readFileSync(path, "utf8"), title), `${path} has no test '${title}'`).toBe(true);
  }
}
