import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { driver } from "./views.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

/** What Docker has no option for. */
const netkitOnly: ReadonlySet<string> = new Set(["host-access"]);

test("the README has each option, with Docker's name for it and its default", () => {
  for (const [name, { aliases = [], ...option }] of Object.entries(driver.options)) {
    const alias = aliases.map((each) => `\`${each}\``).join(", ") || (netkitOnly.has(name) ? "none" : "the same");
    const value = "default" in option ? `\`${String(option.default)}\` |` : "";
    expect(readme).toContain(`\n| \`${name}\` | ${alias} | ${value}`);
  }
});
