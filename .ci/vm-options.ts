/** What the virtual machines are asked for; alone, as `npm run test:vm` runs it before they are brought, it ends where that can't be read. */
import { readCommandLine, refuse } from "../packages/testing/src/command-line.ts";

const name = "test:vm";
const usage = `usage: npm run test:vm -- [WORD]

Runs in two virtual machines what needs another kernel; vm/README.md says what, and how long it takes.

  WORD   only the parts whose names hold it: "driver bridge", "rare links", "core of the suite of hosts"`;

const { positionals } = readCommandLine({ name, usage, options: {} });
if (positionals.length > 1) refuse(name, "it takes one word; quote one with spaces");

/** Of the parts that run; empty: all. */
export const word: string = positionals[0] ?? "";
