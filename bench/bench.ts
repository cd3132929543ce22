/**
 * netkit beside what it can't be faster than: `npm run bench`, as root. Each part runs in a network namespace of its
 * own that plays the host, with its state on the disk that the checkout is on.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { globSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { build } from "rolldown";
import { check, chosenDrivers, chosenParts, json, quick, tables, write } from "./options.ts";
import { machineLine, thisMachine } from "./machine.ts";
import { publish, type Published } from "./published/published.ts";
import { isOver, tableOf, type Row } from "./report.ts";

const bundles = join(import.meta.dirname, "dist");
/** What has ended the run, if anything has. */
let signalled: NodeJS.Signals | undefined;
const signals = ["SIGINT", "SIGTERM"] as const;

await main();

async function main(): Promise<void> {
  if (tables) return publish({});
  if (process.getuid?.() !== 0) fail("the bench makes network namespaces: run it as root");
  const started = performance.now();
  await bundle();
  // Before the bench is itself a load.
  const machine = thisMachine();
  const byPart: { readonly part: string; readonly rows: Row[] }[] = [];
  for (const part of chosenParts) byPart.push({ part, rows: await measured(part) });
  const rows = byPart.flatMap((one) => one.rows);
  const over = rows.filter(isOver);
  if (json) console.log(JSON.stringify({ machine, quick, rows: rows.map(judged) }, undefined, 2));
  else {
    console.log(`${machineLine(machine)}\n`);
    console.log(tableOf(rows));
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    console.log(`\n${rows.length} figures in ${seconds} s, ${over.length === 0 ? "none" : over.length} over budget`);
  }
  if (write) {
    const date = new Date().toISOString().slice(0, 10);
    const of = (some: Row[]): Published[string] => ({ date, machine, quick, rows: some });
    publish(Object.fromEntries(byPart.map(({ part, rows: some }) => [part, of(some)])));
  }
  if (check && over.length > 0) process.exitCode = 1;
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
async function measured(part: string): Promise<Row[]> {
  const cache = join(import.meta.dirname, "../node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  const disk = mkdtempSync(join(cache, "netkit-bench-"));
  const script = `
    for folder in /run/netns /run/netkit; do mkdir -p "$folder" && mount -t tmpfs tmpfs "$folder" || exit; done
    for folder in /var/lib/netkit /etc/netns /var/cache/netkit; do
      mkdir -p "$0$folder" "$folder" && mount --bind "$0$folder" "$folder" || exit
    done
    ip link set lo up && exec "$@"`;
  const command = [process.execPath, join(bundles, "part.js"), part, quick ? "quick" : "full", ...chosenDrivers];
  const host = ["--net", "--mount", "--propagation", "private", "--", "sh", "-c", script, disk, ...command];
  const child = spawn("unshare", host, { cwd: dirname(import.meta.dirname), stdio: ["ignore", "pipe", "inherit"] });
  // A terminal signals the part as well: it has to end before its disk can go.
  const passOn = (signal: NodeJS.Signals): void => {
    signalled = signal;
    if (signal !== "SIGINT") child.kill(signal);
  };
  for (const signal of signals) process.on(signal, passOn);
  const [stdout, [status]] = await Promise.all([text(child.stdout), once(child, "close") as Promise<[number | null]>]);
  for (const signal of signals) process.off(signal, passOn);
  rmSync(disk, { recursive: true, force: true });
  if (signalled !== undefined) {
    console.error(`bench: ended by ${signalled} in the part '${part}'; nothing is published`);
    process.exit(128 + constants.signals[signalled]);
  }
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
