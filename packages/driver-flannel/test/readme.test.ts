import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { driver } from "./views.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

test("the README has each option, with flanneld's other name for it and its default", () => {
  for (const [name, { aliases = [], ...option }] of Object.entries(driver.options)) {
    const [, row] = new RegExp(`\\n\\| \`${name}\` \\| ([^\\n]*)`).exec(readme) ?? [];
    for (const alias of aliases) expect(row?.startsWith(`\`${alias}\` | `), name).toBe(true);
    const value = "default" in option ? `| \`${String(option.default)}\` |` : "| th";
    expect(row).toContain(value);
  }
});
