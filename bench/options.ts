/** What the bench is asked for; alone, as `npm run bench` runs it before anything is fetched, it ends where that can't be read. */
import { readCommandLine, refuse } from "@netkit/testing/command-line";
import { subjects } from "./subjects.ts";

const name = "bench";
const all = ["attach", "ports", "memory", "scale", "commands", "agent", "dns", "hosts", "docker", "ipam", "peers"];
/** What is about others' systems, and done in two minutes. */
const short = ["peers"];
/** They take their time, and tell nothing of speed: only when they are named. */
const more = ["faults", "simulate"];
const drivers = [...new Set(subjects.map(({ driver }) => driver))];

const usage = `usage: npm run bench -- [--quick] [--json] [--check] [--write] [PART...]
       npm run bench -- faults [--quick] [--driver DRIVER]... [--json]
       npm run bench -- --tables

netkit beside what it can't be faster than, as root; bench/README.md says how it is measured.

parts: ${all.join(", ")}: all without a name, three quarters of an hour
       faults (half an hour, with --quick 20 minutes), simulate: only by name

  --quick           fewer turns; without a part: ${short.join(", ")} alone, two minutes
  --driver DRIVER   of faults, only this driver's: ${drivers.join(", ")}
  --json            the figures as data on stdout; npm's own lines are above them unless it is npm -s run bench
  --check           status 1 when a figure is over its budget
  --write           puts the figures into bench/published and README.md
  --tables          makes README.md and the chart again from the figures that are there`;

const { values, positionals } = readCommandLine({
  name,
  usage,
  options: {
    quick: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    check: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    tables: { type: "boolean", default: false },
    driver: { type: "string", multiple: true, default: [] },
  },
});
const parts = [...all, ...more];
const unknown = positionals.find((part) => !parts.includes(part));
if (unknown !== undefined) refuse(name, `no part is named '${unknown}'; there are ${parts.join(", ")}`);
if (values.tables && process.argv.length > 3) refuse(name, "--tables measures nothing, and stands alone");
const stranger = values.driver.find((driver) => !drivers.includes(driver));
if (stranger !== undefined) refuse(name, `no driver is named '${stranger}'; there are ${drivers.join(", ")}`);
if (values.driver.length > 0 && positionals.join(" ") !== "faults")
  refuse(name, "--driver is of the part faults alone");
if (values.driver.length > 0 && values.write) refuse(name, "--write is of all drivers' faults, without --driver");

export const { quick, json, check, write, tables, driver: chosenDrivers } = values;
/** In their order. */
export const chosenParts: readonly string[] =
  positionals.length > 0 ? parts.filter((part) => positionals.includes(part)) : quick ? short : all;
