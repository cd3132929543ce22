// Runs what needs another kernel than this machine's in the two virtual machines of vm/README.md: the conformance of every
// driver, and the tests of links that this kernel may lack. A line for each part, the output of those that fail, and the sum as the last line.
// usage: npm run test:vm -- --help
import { spawn } from "node:child_process";
import { existsSync, globSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { files } from "../vm/files.ts";
import { vms, type Vm } from "../vm/vms.ts";
import { word } from "./vm-options.ts";
import { packages, root } from "./workspace.ts";

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

interface Outcome extends Counts {
  readonly output: string;
}

interface Part {
  readonly name: string;
  readonly run: (machine: Vm) => Promise<Outcome>;
}

/**
 * Where processors are emulated everything takes 8 to 20 times as long, but for what waits: limits count so many times. (A limit
 * is waited for in full where nothing may come.)
 */
function timeScale(): string {
  const { accelerator } = JSON.parse(readFileSync(files.prepared, "utf8")) as { readonly accelerator: string };
  return process.env["NETKIT_TIME_SCALE"] ?? (accelerator === "kvm" ? "1" : "3");
}

/** Where the machines have the packages, as installed from their tarballs. */
const installed = "/opt/netkit/netkit";

/**
 * Cases that say more of netkit than of a kernel, and would take an hour: faults at each operation, the loss of each
 * resource and of each element of the firewall, and what is mostly waiting for packets that a rule drops. The kernel tier runs them.
 */
const skipped = [
  "DRV-FAULT",
  "DRV-DRIFT-002",
  "DRV-DRIFT-003",
  "DRV-TRAFFIC-004",
  "DRV-TRAFFIC-007",
  "DRV-TRAFFIC-008",
];

/** Ports that are published by the rules that a bridge network's are: that is tried. */
const bridged = ["overlay", "flannel"];
const ports = ["DRV-TRAFFIC-005", "DRV-TRAFFIC-006"];

/** The contract is of pure functions: no kernel can break it. */
const tiers = ["--tier", "kernel", "--tier", "traffic"];

/** No part may take longer, whatever hangs. */
const partMs = 1_200_000;

/** Longest first, so that both machines end at about the same time. */
const heavy = ["overlay", "flannel", "bridge", "ipvlan", "macvlan"];

/** What tests of sources don't need of the clone: the command, and tools that are large. */
const unneeded = [
  "packages/*/dist",
  "packages/*/.turbo",
  "packages/cli",
  ..."@turbo @typescript typescript@ @oxfmt oxfmt@ @oxlint oxlint knip@ @esbuild highlight.js@"
    .split(" ")
    .map((name) => `node_modules/.pnpm/${name}*`),
];

/** Where a machine has what a driver's tests make around it. */
const labs = `${installed}/labs`;

/** Where a machine has the sources. */
const clone = "/opt/netkit-clone";

const start = performance.now();
const total = { passed: 0, failed: 0, skipped: 0 };
try {
  await using site = await vms();
  const waiting = parts();
  await Promise.all(
    site.machines.map(async (machine) => {
      for (let part = waiting.shift(); part !== undefined; part = waiting.shift()) {
        await report(`${machine.name}: ${part.name}`, () => part.run(machine));
      }
    }),
  );
  // It has both machines to itself.
  const core = "core of the suite of hosts";
  if (existsSync(join(root, "vm/suite")) && core.includes(word))
    await report(`both: ${core}`, () => suite(site.machines));
} catch (error) {
  // On a machine that is to have them, none is a failure.
  total.failed += 1;
  console.log(`✗ machines: ${error instanceof Error ? error.message : String(error)}`);
}
console.log(`took ${seconds(start)}`);
console.log(summary(total));
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;

function parts(): Part[] {
  const drivers = packages().flatMap(({ folder }) => /^driver-(.*)$/.exec(folder)?.[1] ?? []);
  const ofDrivers = drivers.toSorted((a, b) => rank(a) - rank(b)).map(conformance);
  return [{ name: "tests of rare links", run: rareLinks }, ...ofDrivers].filter(({ name }) => name.includes(word));
}

/** The kernel tier's tests of links that it skips where the kernel has none. */
async function rareLinks(machine: Vm): Promise<Outcome> {
  // Those that prove that the others can fail are many, and say nothing of a kernel.
  const files = globSync("packages/*/test/*.netns.test.ts", { cwd: root }).filter(
    (file) => !file.includes("mutants") && /\(needs |needing\(/.test(readFileSync(join(root, file), "utf8")),
  );
  return await fromSources(machine, files, "needs (ipvlan|vlan|dummy)");
}

/** Tests of the kernel tier whose names match. */
async function fromSources(machine: Vm, files: readonly string[], names: string): Promise<Outcome> {
  const copied = await copySources(machine);
  if (copied.status !== 0) return { passed: 0, failed: 1, skipped: 0, output: copied.stderr };
  const vitest = `vitest run --project kernel ${files.join(" ")} -t '${names}' --testTimeout=600000 --reporter=json --outputFile=report`;
  const scale = `NETKIT_TIME_SCALE=${timeScale()}`;
  return vitestOutcome(
    await run([...machine.ssh, `cd ${clone} && ${scale} node_modules/.bin/${vitest} >&2; cat report`]),
  );
}

async function copySources(machine: Vm): Promise<Ended> {
  const excluded = unneeded.map((pattern) => `--exclude=${pattern}`);
  const wanted = [".ci", "package.json", "tsconfig.base.json", "vitest.config.ts", "packages", "node_modules"];
  return await copy(machine, clone, [...excluded, ...wanted]);
}

/** @param chosen of the workspace, in tar's words */
async function copy({ ssh }: Vm, folder: string, chosen: readonly string[]): Promise<Ended> {
  const unpack = `rm -rf ${folder} && mkdir -p ${folder} && tar -C ${folder} -xzf -`;
  const tar = ["tar", "-C", root, "-czf", "-", ...chosen];
  return await run(["sh", "-c", 'ssh=$1; shift; "$@" | eval "$ssh"', "sh", words([...ssh, unpack]), ...tar]);
}

/** As one line for a shell. */
function words(argv: readonly string[]): string {
  return argv.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
}

function rank(driver: string): number {
  return heavy.includes(driver) ? heavy.indexOf(driver) : heavy.length;
}

function conformance(driver: string): Part {
  const left = [...skipped, ...(bridged.includes(driver) ? ports : [])].flatMap((id) => ["--skip", id]);
  const lab = `packages/driver-${driver}/test/lab.ts`;
  const inLab = existsSync(join(root, lab));
  const subject = inLab ? `${labs}/${lab}` : `@netkit/driver-${driver}`;
  const words = ["netkit", "conformance", "--json", ...tiers, ...left, subject];
  const command = `cd ${installed} && NODE_COMPILE_CACHE=/var/cache/netkit-tests NETKIT_REQUIRE=all NETKIT_TIME_SCALE=${timeScale()} ${words.join(" ")}`;
  return {
    name: `driver ${driver}`,
    run: async (machine) => {
      // One that can be tried only in surroundings that its tests make for it: they find the packages that are installed.
      if (inLab) await copy(machine, labs, [`packages/driver-${driver}/src`, lab]);
      const { stdout, stderr } = await run([...machine.ssh, command]);
      const found = parse<Report>(stdout);
      if (found === undefined) return { passed: 0, failed: 1, skipped: 0, output: `$ ${command}\n${stdout}${stderr}` };
      const bad = found.results.filter(({ outcome }) => outcome !== "passed");
      return {
        ...found,
        output: bad.map(({ id, outcome, rule, reason }) => `${outcome} ${id} ${rule}\n${reason}`).join("\n"),
      };
    },
  };
}

interface Report extends Counts {
  readonly results: readonly {
    readonly id: string;
    readonly rule: string;
    readonly outcome: string;
    readonly reason?: string;
  }[];
}

function parse<T>(text: string): T | undefined {
  try {
    return JSON.parse(text) as T;
  } catch {
    return undefined;
  }
}

async function report(name: string, work: () => Promise<Outcome>): Promise<void> {
  const start = performance.now();
  const { output, ...counts } = await work();
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped += counts.skipped;
  const sign = counts.failed > 0 ? "✗" : counts.passed > 0 ? "✓" : "-";
  console.log(`${sign} ${name.padEnd(36)} ${seconds(start).padStart(8)}  ${summary(counts)}`);
  if (output !== "") console.log(output.replaceAll(/^/gm, "  | "));
}

/** The tests of several hosts that are meant for these machines, run from here. */
async function suite(machines: readonly Vm[]): Promise<Outcome> {
  const report = join(files.folder, "report");
  rmSync(report, { force: true });
  const vitest = ["vitest", "run", "--project", "hosts", "-t", "core", "--reporter=json", `--outputFile=${report}`];
  const ended = await run(vitest, { NETKIT_VMS: JSON.stringify(machines), NETKIT_TIME_SCALE: timeScale() });
  return vitestOutcome(existsSync(report) ? { ...ended, stdout: readFileSync(report, "utf8") } : ended);
}

/** Of a run whose filter left tests out: those were not asked for, and count for nothing. */
function vitestOutcome({ stdout, stderr }: Ended): Outcome {
  const found = parse<VitestReport>(stdout);
  if (found === undefined) return { passed: 0, failed: 1, skipped: 0, output: `${stdout}${stderr}` };
  const tests = found.testResults.flatMap(({ assertionResults }) => assertionResults);
  const count = (status: string): number => tests.filter((test) => test.status === status).length;
  const broken = found.testResults.filter(
    ({ status, assertionResults }) => status === "failed" && !assertionResults.some(isFailed),
  );
  const output = [
    ...tests.filter(isFailed).map(({ fullName, failureMessages }) => `${fullName}\n${failureMessages.join("\n")}`),
    ...broken.map(({ message }) => message),
  ];
  return { passed: count("passed"), failed: count("failed") + broken.length, skipped: 0, output: output.join("\n") };
}

interface VitestReport {
  readonly testResults: readonly {
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly VitestTest[];
  }[];
}

interface VitestTest {
  readonly fullName: string;
  readonly status: string;
  readonly failureMessages: readonly string[];
}

function isFailed({ status }: VitestTest): boolean {
  return status === "failed";
}

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run([program = "", ...words]: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(program, words, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
      timeout: partMs,
    });
    const said = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => (said.stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said.stderr += text));
    child.on("error", (error) => resolve({ status: null, stdout: "", stderr: error.message }));
    child.on("close", (status) => resolve({ status, ...said }));
  });
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}

function summary({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}
