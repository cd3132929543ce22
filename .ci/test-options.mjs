// What the tests are asked for; alone, as `npm test` runs it before anything is set up, it ends where that can't be read.
import { readCommandLine, refuse } from "../packages/testing/src/command-line.ts";
import { privateHost } from "../vm/private-host.ts";

export const tiers = {
  types: { gates: ["tsc -b", "tsc -p tsconfig.test.json"] },
  lint: { gates: ["oxlint --deny-warnings . .ci"] },
  format: { gates: ["oxfmt --check . .ci"] },
  architecture: { gates: ["turbo boundaries"] },
  unused: { gates: ["knip --treat-config-hints-as-errors"] },
  changesets: { gates: ["changeset status"] },
  gates: { project: "gates" },
  unit: { project: "unit" },
  packed: { project: "packed", root: true },
  // Much of it waits for packets that don't come: three parts, each on a host of its own, take little longer than one.
  kernel: { project: "kernel", root: true, wrap: privateHost, shards: 3 },
  // What these do is mostly waiting for others.
  hosts: { project: "hosts", root: true, wrap: privateHost },
  runtimes: { project: "runtimes", root: true, wrap: privateHost, beside: "hosts" },
  soak: { project: "soak", root: true, wrap: privateHost },
};

const usage = `usage: npm test -- [--tier TIER[,TIER]...] [FILTER...]

Runs the tiers, a line for each, and what those that fail have said; CONTRIBUTING.md says what each is.

  --tier TIER   only these: ${Object.keys(tiers).join(", ")}
  FILTER        only the tests of packages, hosts, engines and the soak whose path holds this

NETKIT_REQUIRE=all, or a list of tiers, turns what is skipped into failures.`;

const { values, positionals } = readCommandLine({ name: "test", usage, options: { tier: { type: "string" } } });
export const filters = positionals;
/** Filters choose among the tests of packages, examples, several hosts and other engines, and the soak. */
const withFiles = ["unit", "kernel", "hosts", "runtimes", "soak"];
export const chosen = values.tier?.split(",") ?? (filters.length > 0 ? withFiles : Object.keys(tiers));
const unknown = chosen.filter((name) => !(name in tiers));
if (unknown.length > 0)
  refuse("test", `no tier is named ${unknown.join(", ")}; there are ${Object.keys(tiers).join(", ")}`);
