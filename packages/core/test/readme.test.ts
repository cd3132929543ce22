import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readmePath, withCodeTable } from "./code-table.ts";

test("the table of codes is current (node packages/core/test/code-table.ts makes it so)", () => {
  const readme = readFileSync(readmePath, "utf8");
  expect(readme).toBe(withCodeTable(readme));
});
