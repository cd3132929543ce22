/** The rows about many sandboxes on many networks of one host; for a private host and a process of its own (see bench.ts). */
import { spawnSync } from "node:child_process";
import type { Netkit } from "@netkit/engine";
import { command } from "./command.ts";
import { openLibrary } from "./library.ts";
import { median, numbers } from "./pairs.ts";
import type { Row } from "./report.ts";

const sandboxesEach = 10;
/** What each command is allowed with all of it there. */
const commandMs = 500;

/** @param networks each of them with ten sandboxes */
export async function measureScale(root: string, networks: number, times: number): Promise<Row[]> {
  // oxlint-disable-next-line typescript/await-thenable -- the linter finds no tsconfig with disposables here
  await using netkit = await openLibrary(root);
  const making = await took(async () => await make(netkit, networks));
  const commands = [["network", "ls"], ["sandbox", "ls"], ["doctor"]].map((words) => wholeCommand(words, times));
  const removing = await took(async () => await remove(netkit, networks));
  const sandboxes = networks * sandboxesEach;
  return [
    {
      id: "scale",
      what: `library: ${sandboxes.toLocaleString("en")} sandboxes on ${networks} networks, made and removed`,
      value: making.ms + removing.ms,
      unit: "ms",
      // For the 1,000 that this is about; fewer are done in their share of it.
      budget: 20 * sandboxes,
      how: `made one after another in ${spent(making)}, removed at once in ${spent(removing)}`,
      data: { networks, sandboxes, making, removing },
    },
    ...commands.map(({ words, medianMs, maxMs }): Row => {
      return {
        id: `scale-${words.join("-")}`,
        what: `command: netkit ${words.join(" ")}, with all of these`,
        value: medianMs,
        unit: "ms",
        budget: commandMs,
        how: `median of ${times}, max ${maxMs.toFixed(0)} ms`,
        data: { networks, sandboxes, medianMs, maxMs },
      };
    }),
  ];
}

async function make(netkit: Netkit, networks: number): Promise<void> {
  for (const network of numbers(0, networks)) {
    await netkit.networks.create({ name: `scale-${network}` });
    for (const number of numbers(0, sandboxesEach))
      await netkit.sandboxes.open({ name: `scale-${network}-${number}`, networks: [`scale-${network}`] });
  }
}

async function remove(netkit: Netkit, networks: number): Promise<void> {
  const sandboxes = numbers(0, networks).flatMap((network) =>
    numbers(0, sandboxesEach).map((number) => `scale-${network}-${number}`),
  );
  await netkit.sandboxes.removeAll(sandboxes);
  await netkit.networks.prune();
}

interface Spent {
  readonly ms: number;
  /** Of this process, the kernel's work for it included; the rest was waited, or others had the machine. */
  readonly cpuMs: number;
}

async function took(work: () => Promise<void>): Promise<Spent> {
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return { ms: performance.now() - start, cpuMs: (user + system) / 1e3 };
}

function spent({ ms, cpuMs }: Spent): string {
  return `${(ms / 1e3).toFixed(1)} s (${(cpuMs / 1e3).toFixed(1)} s of CPU)`;
}

/** How long it takes as a process, from its start to its end. */
function wholeCommand(
  words: readonly string[],
  times: number,
): { words: readonly string[]; medianMs: number; maxMs: number } {
  const all = numbers(0, times).map(() => {
    const start = performance.now();
    const { status, stdout, stderr } = spawnSync(process.execPath, [command, ...words], { encoding: "utf8" });
    if (status !== 0) throw new Error(`netkit ${words.join(" ")} ended with status ${status}:\n${stdout}${stderr}`);
    return performance.now() - start;
  });
  return { words, medianMs: median(all), maxMs: Math.max(...all) };
}
