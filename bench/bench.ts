/**
 * netkit beside what it can't be faster than: `npm run bench`, as root. Each part runs in a network namespace of its
 * own that plays the host, with its state on the disk that the checkout is on.
 *
 * usage: npm run bench -- [--quick] [--json] [--check] [--write] [attach] [ports] [memory] [scale] [commands] [agent] [dns] [hosts] [docker] [ipam] [peers] [faults] [simulate]
 *        npm run bench -- --tables
 *
 * Without names it runs all of them but `faults` and `simulate`; with `--quick` only `peers`, which is done in two minutes.
 * `--write` puts the figures into bench/published, and README.md; `--tables` makes those again from the figures that are there.
 */
import { spawnSync } from "node:child_process";
import { globSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { build } from "rolldown";
import { machineLine, thisMachine } from "./machine.ts";
import { publish, type Published } from "./published/published.ts";
import { isOver, tableOf, type Row } from "./report.ts";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    check: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    tables: { type: "boolean", default: false },
  },
});
const bundles = join(import.meta.dirname, "dist");
const parts = ["attach", "ports", "memory", "scale", "commands", "agent", "dns", "hosts", "docker", "ipam", "peers"];
/** What is about others' systems, and done in two minutes. */
const quickParts = ["peers"];
/** They take their time, and tell nothing of speed: only when they are named. */
const more = ["faults", "simulate"];

await main();

async function main(): Promise<void> {
  if (options.tables) return publish({});
  if (process.getuid?.() !== 0) fail("the bench makes network namespaces: run it as root");
  const unknown = positionals.find((name) => ![...parts, ...more].includes(name));
  if (unknown !== undefined) fail(`no part is named '${unknown}'; there are ${[...parts, ...more].join(", ")}`);
  const started = performance.now();
  await bundle();
  const wanted =
    positionals.length === 0
      ? options.quick
        ? quickParts
        : parts
      : [...parts, ...more].filter((name) => positionals.includes(name));
  // Before the bench is itself a load.
  const machine = thisMachine();
  const byPart = wanted.map((part) => ({ part, rows: measured(part) }));
  const rows = byPart.flatMap((one) => one.rows);
  const over = rows.filter(isOver);
  if (options.json)
    console.log(JSON.stringify({ machine, quick: options.quick, rows: rows.map(judged) }, undefined, 2));
  else {
    console.log(`${machineLine(machine)}\n`);
    console.log(tableOf(rows));
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    console.log(`\n${rows.length} figures in ${seconds} s, ${over.length === 0 ? "none" : over.length} over budget`);
  }
  if (options.write) {
    const date = new Date().toISOString().slice(0, 10);
    const of = (some: Row[]): Published[string] => ({ date, machine, quick: options.quick, rows: some });
    publish(Object.fromEntries(byPart.map(({ part, rows: some }) => [part, of(some)])));
  }
  if (options.check && over.length > 0) process.exitCode = 1;
}

/** The parts as JavaScript: what is published runs without Node's type stripping, which takes 50 MB. */
async function bundle(): Promise<void> {
  await build({
    cwd: import.meta.dirname,
    input: ["part.ts", ...globSync("*/*.program.ts", { cwd: import.meta.dirname })],
    platform: "node",
    // What only the bench itself uses of tests finds its servers by where it lies.
    external: ["koffi", "dns-packet", "@netkit/testing", "@netkit/testing/docker", "@netkit/testing/hosts"],
    output: { dir: bundles, cleanDir: true },
    logLevel: "warn",
  });
}

/** Runs one part on a host of its own, whose disk is a folder that goes afterwards. */
function measured(part: string): Row[] {
  const cache = join(import.meta.dirname, "../node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  const disk = mkdtempSync(join(cache, "netkit-bench-"));
  const script = `
    for folder in /run/netns /run/netkit; do mkdir -p "$folder" && mount -t tmpfs tmpfs "$folder" || exit; done
    for folder in /var/lib/netkit /etc/netns /var/cache/netkit; do
      mkdir -p "$0$folder" "$folder" && mount --bind "$0$folder" "$folder" || exit
    done
    ip link set lo up && exec "$@"`;
  const command = [process.execPath, join(bundles, "part.js"), part, options.quick ? "quick" : "full"];
  const host = ["--net", "--mount", "--propagation", "private", "--", "sh", "-c", script, disk, ...command];
  const { status, stdout } = spawnSync("unshare", host, {
    cwd: dirname(import.meta.dirname),
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
    maxBuffer: 1e8,
  });
  rmSync(disk, { recursive: true, force: true });
  if (status !== 0) fail(`part '${part}' ended with status ${status}`);
  return JSON.parse(stdout) as Row[];
}

function judged(row: Row): object {
  return { ...row, ok: !isOver(row) };
}

function fail(message: string): never {
  console.error(`bench: ${message}`);
  process.exit(2);
}
