/** The rows about attaching and detaching beside other systems; for a private host, which is the machine to theirs (see bench.ts). */
import { join } from "node:path";
import { numbers } from "../pairs.ts";
import type { Row } from "../report.ts";
import { Arena } from "./arena.ts";
import { Figures } from "./figures.ts";
import { contenders, type ContenderId } from "./registry.ts";
import { rowsOf } from "./rows.ts";

interface Plan {
  /** Each in hosts of its own. */
  readonly blocks: number;
  /** Turns of each contender in a block, for each number of ports. */
  readonly rounds: number;
  /** Turns of many boxes at the same time, in a block. */
  readonly crowds: number;
  /** Times that something is sent, in a block. */
  readonly streams: number;
  /** Before, of what is compiled while it runs. */
  readonly warmUps: number;
}

const portCounts = [0, 1, 10] as const;
/** So many boxes are attached at the same time, each with one port. */
const crowd = 32;
const crowdPorts = 1;
/** The numbers of the boxes: one for each number of ports, then the crowd. */
const [firstBox, firstOfCrowd] = [3, 10];
/** Whole processes: they only need what they read from the disk in memory. */
const fewWarmUps = 2;
const compiled: readonly ContenderId[] = ["library", "agent", "floor"];

export async function measurePeers(root: string, plan: Plan): Promise<Row[]> {
  const figures = new Figures();
  for (const block of numbers(0, plan.blocks)) await measureBlock(join(root, `block-${block}`), block, plan, figures);
  return rowsOf(figures);
}

async function measureBlock(folder: string, block: number, plan: Plan, figures: Figures): Promise<void> {
  // oxlint-disable-next-line typescript/await-thenable -- the linter finds no tsconfig with disposables here
  await using arenas = new AsyncDisposableStack();
  const present: { readonly id: ContenderId; readonly arena: Arena }[] = [];
  for (const contender of contenders) {
    const arena = arenas.use(await Arena.open(contender, join(folder, contender.id)));
    const found = await arena.call("find");
    figures.found(contender.id, found);
    if ("missing" in found) continue;
    await arena.call("start");
    for (const [index, ports] of portCounts.entries()) await arena.call("open", firstBox + index, 1, ports);
    present.push({ id: contender.id, arena });
  }
  const last = firstBox + portCounts.length - 1;
  for (const { id, arena } of present)
    await arena.call("warm", last, compiled.includes(id) ? plan.warmUps : fewWarmUps);
  /** Everybody has a turn, in the other order than the round before. */
  const round = async (number: number, work: (one: (typeof present)[number]) => Promise<void>): Promise<void> => {
    for (const one of (block + number) % 2 === 0 ? present : present.toReversed()) await work(one);
  };
  for (const number of numbers(0, plan.rounds))
    await round(number, async ({ id, arena }) => {
      // Off the record: the processor has forgotten it since its last turn.
      await arena.call("turn", firstBox, 1);
      // Each number of ports is the first of a turn as often as the others.
      for (const step of portCounts.keys()) {
        const index = (step + number) % portCounts.length;
        const ports = portCounts[index] ?? 0;
        figures.note(id, `${ports}`, await arena.call("turn", firstBox + index, 1));
      }
    });
  for (const { arena } of present) {
    await arena.call("close", firstBox, portCounts.length);
    await arena.call("open", firstOfCrowd, crowd, crowdPorts);
  }
  for (const number of numbers(0, plan.crowds))
    await round(number, async ({ id, arena }) => {
      figures.note(id, "crowd", await arena.call("turn", firstOfCrowd, crowd));
    });
  const connected = new Set<ContenderId>();
  for (const { id, arena } of present)
    if (await arena.call("connect", firstOfCrowd, firstOfCrowd + 1)) connected.add(id);
  for (const number of numbers(0, plan.streams))
    await round(number, async ({ id, arena }) => {
      if (connected.has(id)) figures.notePath(id, await arena.call("send"));
    });
}
