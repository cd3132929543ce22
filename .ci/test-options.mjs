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

const usage = `usage: npm test -- [--tier TIER[,TIER]...] [--title REGEXP] [FILTER...]

Runs the tiers, a line for each, and what those that fail have said; CONTRIBUTING.md says what each is.

  --tier TIER     only these: ${Object.keys(tiers).join(", ")}
  --title REGEXP  only the tests of packages, hosts, engines and the soak whose title, with those around it, matches
  FILTER          only those of them whose path holds this

From the environment:

  NETKIT_REQUIRE=all|TIER,...   what is skipped (there) fails
  NETKIT_FUZZ_SECONDS=N         how long each reader of bytes or text is fuzzed; 0.5 unless told
  NETKIT_FUZZ_SEED=N            the same inputs again, as a failure names it
  NETKIT_POWER_CUTS=N           how often the state file's power is cut, and its writer killed; 60 and 10 unless told
  NETKIT_POWER_SEED=N           of other recordings
  NETKIT_SOAK_SEED=N            of another soak
  NETKIT_TIME_SCALE=N           how many times slower this machine is than time limits are meant for`;

const options = { tier: { type: "string" }, title: { type: "string" } };
const { values, positionals } = readCommandLine({ name: "test", usage, options });
export const filters = positionals;
export const title = values.title === undefined ? undefined : regExp(values.title);
/** These choose among the tests of packages, examples, several hosts and other engines, and the soak. */
const withFiles = ["unit", "kernel", "hosts", "runtimes", "soak"];
export const chosen = values.tier?.split(",") ?? (filters.length > 0 || title ? withFiles : Object.keys(tiers));
export const required = process.env.NETKIT_REQUIRE?.split(",") ?? [];
const unknown = [...chosen, ...required.filter((name) => name !== "all")].filter((name) => !(name in tiers));
if (unknown.length > 0)
  refuse("test", `no tier is named ${unknown.join(", ")}; there are ${Object.keys(tiers).join(", ")}`);

/** With what isn't such a number tests would do nothing, and pass. */
const numbers = [
  {
    names: ["NETKIT_FUZZ_SECONDS", "NETKIT_TIME_SCALE"],
    grammar: /^(?=.*[1-9])\d+(\.\d+)?$/,
    what: "a number above 0",
  },
  { names: ["NETKIT_POWER_CUTS"], grammar: /^(?=.*[1-9])\d+$/, what: "an integer above 0" },
  { names: ["NETKIT_POWER_SEED", "NETKIT_SOAK_SEED"], grammar: /^\d+$/, what: "an integer from 0 on" },
  { names: ["NETKIT_FUZZ_SEED"], grammar: /^-?\d+$/, what: "an integer" },
];
for (const { names, grammar, what } of numbers)
  for (const name of names) {
    const value = process.env[name];
    if (value !== undefined && !grammar.test(value)) refuse("test", `${name}=${value} isn't ${what}`);
  }

function regExp(source) {
  try {
    return new RegExp(source);
  } catch (error) {
    return refuse("test", `--title: ${error.message}`);
  }
}
