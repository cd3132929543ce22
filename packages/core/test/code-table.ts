/**
 * The table of error codes in this package's README, between its two markers.
 * `node packages/core/test/code-table.ts` brings the README up to date.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { codes, exitCodes } from "../src/index.ts";

const begin = "<!-- codes: made by test/code-table.ts -->";
const end = "<!-- /codes -->";

export const readmePath: string = join(import.meta.dirname, "../README.md");

/** `readme` with the table as it is by the list of codes: by exit status, in the order of the list. */
export function withCodeTable(readme: string): string {
  const [from, to] = [readme.indexOf(begin), readme.indexOf(end)];
  if (from === -1 || to < from) throw new Error(`${readmePath} has no markers '${begin}' and '${end}'`);
  return `${readme.slice(0, from)}${begin}\n\n${table()}\n\n${readme.slice(to)}`;
}

function table(): string {
  const rows = Object.entries(codes)
    .toSorted(([, a], [, b]) => exitCodes[a.kind] - exitCodes[b.kind])
    .map(([code, { kind, doc }]) => `| \`${code}\` | ${kind} | ${exitCodes[kind]} | ${doc} |`);
  return ["| code | kind | exit status | meaning |", "| --- | --- | --- | --- |", ...rows].join("\n");
}

if (import.meta.main) writeFileSync(readmePath, withCodeTable(readFileSync(readmePath, "utf8")));
