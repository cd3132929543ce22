import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { driver } from "./views.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

test("the README has each option, with Docker's name for it and its default", () => {
  for (const [name, { aliases = [], ...option }] of Object.entries(driver.options)) {
    const value = "default" in option ? `\`${String(option.default)}\` |` : "";
    expect(readme).toContain(`\n| \`${name}\` | ${aliases.map((each) => `\`${each}\``).join(", ")} | ${value}`);
  }
  for (const name of Object.keys(driver.endpointOptions)) expect(readme).toContain(`\`${name}\``);
});
