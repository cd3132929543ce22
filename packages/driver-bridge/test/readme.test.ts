import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { driver } from "./views.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");

test("the README has each option, by both its names and with its default", () => {
  const [, table = ""] = /\n## Options of a network\n([^]*?)\n\n[^|\n]/.exec(readme) ?? [];
  const rows = table
    .trim()
    .split("\n")
    .slice(2)
    .map((row) => row.split("|").map((cell) => cell.trim()))
    .map(([, name = "", alias = "", value = ""]) => ({ name, alias, value }));
  const wanted = Object.entries(driver.options).map(([name, { aliases, ...option }], index) => ({
    name: `\`${name}\``,
    alias: (aliases ?? []).map((alias) => `\`${alias}\``).join(", "),
    // What follows from something else is said in words.
    value: "default" in option ? `\`${String(option.default)}\`` : (rows[index]?.value ?? ""),
  }));
  expect(rows).toEqual(wanted);
  for (const { value } of rows) expect(value).not.toBe("");
});
