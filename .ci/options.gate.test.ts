import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { root } from "./workspace.ts";

const tests = ".ci/test-options.mjs";
const machines = ".ci/vm-options.ts";
const bench = "bench/options.ts";
const soak = "packages/testing/test/soak/options.ts";

function read(
  file: string,
  words: readonly string[],
  env: NodeJS.ProcessEnv = {},
): { readonly status: number | null; readonly said: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [file, ...words], {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
  return { status, said: status === 0 ? stdout : stderr };
}

test.each([tests, machines, bench, soak])("%s says what there is", (file) => {
  for (const word of ["--help", "-h"])
    expect(read(file, [word])).toEqual({ status: 0, said: expect.stringMatching(/^usage: npm /) });
});

test.each([
  [tests, ["--tier", "unit,kernel", "packages/ipam"]],
  [tests, ["--title", "a (port|range) of 10", "packages/netfilter"]],
  [machines, ["driver bridge"]],
  [bench, ["--quick", "--json", "--check", "--write", "attach", "peers"]],
  [bench, ["faults", "--driver", "bridge", "--driver", "none"]],
  [bench, ["--tables"]],
  [soak, ["--minutes", "0.5", "--seed", "7", "--repeat"]],
  [soak, ["--seed", "7", "--path", "0:1:3"]],
])("%s takes %j", (file, words) => {
  expect(read(file, words)).toEqual({ status: 0, said: "" });
});

test.each([
  [tests, ["--bogus"], "Unknown option '--bogus'"],
  [tests, ["--tier"], "Option '--tier <value>' argument missing"],
  [tests, ["--tier", "unit,krenel"], "no tier is named krenel; there are types, "],
  [tests, ["--title", "("], "--title: Invalid regular expression: /(/"],
  [machines, ["driver", "bridge"], "it takes one word"],
  [bench, ["--write=3"], "Option '--write' does not take an argument"],
  [bench, ["atach"], "no part is named 'atach'; there are attach, "],
  [bench, ["--json", "--tables"], "--tables measures nothing, and stands alone"],
  [bench, ["faults", "--driver", "brigde"], "no driver is named 'brigde'; there are none, "],
  [bench, ["--driver", "bridge"], "--driver is of the part faults alone"],
  [bench, ["faults", "--driver", "bridge", "--write"], "--write is of all drivers' faults"],
  [soak, ["frob"], "it takes no argument, and got 'frob'"],
  [soak, ["--minutes", "-1"], "Option '--minutes' argument is ambiguous;"],
  [soak, ["--minutes", "abc"], "--minutes abc isn't a number above 0"],
  [soak, ["--minutes", "0"], "--minutes 0 isn't a number above 0"],
  [soak, ["--seed", "abc"], "--seed abc isn't an integer from 0 to 2147483647"],
  [soak, ["--seed", "2147483648"], "--seed 2147483648 isn't an integer"],
  [soak, ["--repeat"], "--repeat is of the scenario of a seed, and needs --seed N"],
  [soak, ["--path", "0:1"], "--path is of the scenario of a seed, and needs --seed N"],
  [soak, ["--seed", "7", "--path", "x"], "--path x isn't a path"],
  [soak, ["--seed", "7", "--path", "0:9999:3"], "the scenario of --seed 7 has no --path 0:9999:3"],
])("%s refuses %j in one line", (file, words, message) => {
  const { status, said } = read(file, words);
  expect(status).toBe(2);
  expect(said).toMatch(/^\S+: .*; --help says what there is\n$/);
  expect(said).toContain(message);
});

test.each([
  ["NETKIT_FUZZ_SECONDS", ["600", "0.5"], ["abc", "-1", "0", "", "1e3"]],
  ["NETKIT_TIME_SCALE", ["3"], ["0.0"]],
  ["NETKIT_POWER_CUTS", ["1000"], ["0", "0.5", "many"]],
  ["NETKIT_POWER_SEED", ["0", "7"], ["x"]],
  ["NETKIT_FUZZ_SEED", ["7", "-7"], ["7.5", ""]],
  ["NETKIT_SOAK_SEED", ["7"], ["7.5"]],
  ["NETKIT_REQUIRE", ["all", "unit,kernel"], ["krenel"]],
])("tests take %s=%j, not %j", (name, good, bad) => {
  for (const value of good) expect(read(tests, [], { [name]: value }), value).toEqual({ status: 0, said: "" });
  for (const value of bad) expect(read(tests, [], { [name]: value }).status, value).toBe(2);
});
