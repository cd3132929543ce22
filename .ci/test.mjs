// Runs the tiers, most of them one after another: a line for each, the output of those that fail, and the sum as the last line.
// usage: npm test -- --help
// NETKIT_REQUIRE=all, or a list of tiers, turns their skips into failures.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chosen, filters, required, tiers, title } from "./test-options.mjs";

// What these tests need of the kernel and the machines that run .ci/run don't have: they may be skipped even if required.
const optional = /\(needs (ipvlan|vlan|dummy|wireguard)\)/;

const environment = { ...process.env, TURBO_TELEMETRY_DISABLED: "1", DO_NOT_TRACK: "1", NO_COLOR: "1" };
const reports = mkdtempSync(join(tmpdir(), "netkit-test-"));
const total = { passed: 0, failed: 0, skipped: 0 };
const notes = [];
/** What the tests that fuzz have come to, and those that cut the power. */
const [fuzzed, cut] = [[], []];

/** Those that have been begun, by name. */
const begun = new Map();

for (const name of chosen) {
  if (process.stdout.isTTY) process.stdout.write(`… ${name}`);
  begin(name);
  for (const other of chosen) if (tiers[other].beside === name) begin(other);
  const { output, seconds, ...counts } = await begun.get(name);
  for (const key of Object.keys(total)) total[key] += counts[key];
  const line = [
    counts.failed > 0 ? "✗" : counts.passed > 0 ? "✓" : "-",
    name.padEnd(13),
    `${seconds.toFixed(1)} s`.padStart(8),
    ` ${summary(counts)}`,
  ].join(" ");
  console.log(`${process.stdout.isTTY ? "\r\u001b[2K" : ""}${line}`);
  if (counts.failed > 0) console.log(output.trimEnd().replaceAll(/^/gm, "  | "));
}
rmSync(reports, { recursive: true });
for (const note of notes) console.log(note);
for (const line of [...fuzzedLine(), ...cutLine()]) console.log(line);
if (Object.values(total).every((count) => count === 0)) console.log(`no test matches ${asked()}`);
console.log(summary(total));
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;

function begin(name) {
  if (begun.has(name)) return;
  const start = Date.now();
  const ended = runTier(name, tiers[name]).then((found) => ({ ...found, seconds: (Date.now() - start) / 1000 }));
  begun.set(name, ended);
}

async function runTier(name, tier) {
  if (tier.root && process.getuid() !== 0) return skipTier(name, "it needs root");
  return tier.gates ? runGates(tier.gates) : runProject(name, tier);
}

function skipTier(name, reason) {
  notes.push(`skipped: tier ${name}: ${reason}`);
  const must = isRequired(name);
  return { passed: 0, failed: must ? 1 : 0, skipped: must ? 0 : 1, output: `required, and ${reason}` };
}

/** Each command is one test: it passes with exit code 0. */
async function runGates(commands) {
  const counts = { passed: 0, failed: 0, skipped: 0, output: "" };
  for (const command of commands) {
    const { code, output } = await run(command.split(" "));
    counts[code === 0 ? "passed" : "failed"] += 1;
    if (code !== 0) counts.output += `$ ${command}\n${output}\n`;
  }
  return counts;
}

async function runProject(name, { project, wrap = [], shards = 1 }) {
  // A filter may leave fewer files than shards.
  const count = filters.length > 0 ? 1 : shards;
  const runs = await Promise.all(
    Array.from({ length: count }, (_, index) => runShard(`${name}-${index}`, project, wrap, `${index + 1}/${count}`)),
  );
  const suites = runs.flatMap((shard) => shard.suites);
  const broken = suites.filter(isBroken).length;
  const tests = suites
    .filter((suite) => !isBroken(suite))
    .flatMap((suite) => suite.assertionResults)
    // The others of a file are in its report, too.
    .filter(({ fullName }) => title?.test(fullName) ?? true);
  fuzzed.push(...tests.filter(({ meta }) => meta.inputs !== undefined));
  cut.push(...tests.filter(({ meta }) => meta.power !== undefined));
  const skips = tests.filter(({ status }) => status !== "passed" && status !== "failed");
  const forbidden = isRequired(name) ? skips.filter(({ fullName }) => !optional.test(fullName)) : [];
  notes.push(...skips.map(({ fullName }) => `skipped: ${fullName}`));
  const failed = tests.filter(({ status }) => status === "failed").length + forbidden.length + broken;
  // An unhandled error is no test of its own.
  const unhandled = runs.filter(({ code, failed }) => code !== 0 && !failed).length;
  const outputs = runs.filter(({ code }) => code !== 0).map(({ output }) => output);
  return {
    passed: tests.filter(({ status }) => status === "passed").length,
    failed: failed + unhandled,
    skipped: skips.length - forbidden.length,
    output: [...outputs, ...forbidden.map(({ fullName }) => `required, yet skipped: ${fullName}`)].join("\n"),
  };
}

async function runShard(name, project, wrap, shard) {
  const file = join(reports, `${name}.json`);
  const vitest = ["node_modules/.bin/vitest", "run", "--project", project, "--reporter=dot", "--reporter=json"];
  const which = filters.length > 0 ? ["--passWithNoTests", ...filters] : [`--shard=${shard}`];
  if (title !== undefined) which.push(`--testNamePattern=${title.source}`);
  const { code, output } = await run([...wrap, ...vitest, `--outputFile.json=${file}`, ...which]);
  const suites = readReport(file);
  return { code, output, suites, failed: suites.some(({ status }) => status === "failed") };
}

/** A file that can't be loaded, or whose preparation fails, is one failure and no skips. */
function isBroken({ status, assertionResults: tests }) {
  return status === "failed" && tests.every((test) => test.status !== "failed");
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8")).testResults;
  } catch {
    return []; // vitest did not come that far; its exit code counts
  }
}

function run([program, ...programArgs]) {
  return new Promise((resolve) => {
    const child = spawn(program, programArgs, { env: environment, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    child.on("error", (error) => resolve({ code: 1, output: `${program} can't be started: ${error.message}` }));
    child.on("close", (code) => resolve({ code, output }));
  });
}

function fuzzedLine() {
  const [fewest] = fuzzed.toSorted((a, b) => a.meta.inputs - b.meta.inputs);
  if (fewest === undefined) return [];
  const inputs = fuzzed.reduce((sum, { meta }) => sum + meta.inputs, 0).toLocaleString("en");
  return [
    `fuzzed: ${fuzzed.length} targets with ${inputs} inputs, the fewest ${fewest.meta.inputs} (${fewest.fullName})`,
  ];
}

function cutLine() {
  if (cut.length === 0) return [];
  const rounds = cut.reduce((sum, { meta }) => sum + meta.power.rounds, 0);
  return [`cut or killed: ${rounds} times, in ${cut.length} tests`];
}

/** What was asked for, as it was typed. */
function asked() {
  const words = title === undefined ? filters : [`--title '${title.source}'`, ...filters];
  return `${words.join(" ")} in ${chosen.join(", ")}`;
}

function isRequired(name) {
  return required.includes("all") || required.includes(name);
}

function summary({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}
