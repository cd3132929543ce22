/** The rows about attaching and detaching beside other systems; for a private host, which is the machine to theirs (see bench.ts). */
import { join } from "node:path";
import { numbers } from "../pairs.ts";
import type { Row } from "../report.ts";
import { Arena } from "./arena.ts";
import { numbersOf } from "./contender.ts";
import { Figures, manyPorts } from "./figures.ts";
import { contenders, type ContenderId } from "./registry.ts";
import { rowsOf } from "./rows.ts";

export interface Plan {
  /** Each in hosts of its own. */
  readonly blocks: number;
  /** Turns of each contender in a block, for each number of ports. */
  readonly rounds: number;
  /** Turns of many boxes at the same time, in a block. */
  readonly crowds: number;
  /** Of all; else of one way into each engine, for its containers take half a minute to start and to end. */
  readonly wholeCrowds: boolean;
  /** Times that something is sent, in a block. */
  readonly streams: number;
  /** Before, of what is compiled while it runs. */
  readonly warmUps: number;
  /** Turns with a range, in the first block; 0: nobody's. */
  readonly ranges: number;
  /** Nobody waits longer for one contender: for its turn with a range, and until it has published many ports. */
  readonly patienceMs: number;
  /** How many of the many ports a box publishes: for some, that takes as long as all that they are given time for. */
  readonly many: number;
  /** Boxes attached one after the other, in the last block; 0: none. */
  readonly line: number;
}

interface Present {
  readonly id: ContenderId;
  readonly arena: Arena;
}

/** All of them that are there, on hosts of their own. */
interface Block {
  readonly number: number;
  readonly plan: Plan;
  readonly figures: Figures;
  readonly present: readonly Present[];
}

const portCounts = [0, 1, 10] as const;
/** The ports of the range, and what tells beforehand how long it will take. */
const [rangePorts, probePorts] = [1_000, 100];
/** So many boxes are attached at the same time, each with one port. */
const crowd = 32;
const crowdPorts = 1;
/** So many of a line before it is the next one's turn. */
const lineTurn = 10;
/** The numbers of the boxes: one for each number of ports, then the crowd, those with many ports, and the line. */
const [firstBox, firstOfCrowd, firstOfMany, firstOfLine] = [3, 10, 100, 1_150];
/** Whole processes: they only need what they read from the disk in memory. */
const fewWarmUps = 2;
/** Whose code V8 compiles while it runs: that of an agent that plugins ask, too. */
const compiled: readonly ContenderId[] = ["library", "agent", "cni-plugin", "podman-backend", "floor"];
/** Another way into the same engine, whose containers take their time: only few are attached by it. */
const doors: readonly ContenderId[] = ["docker-cli"];
/** What attaches as another one does, and has packets go another way. */
const paths: readonly ContenderId[] = ["unguarded"];

export async function measurePeers(root: string, plan: Plan): Promise<Row[]> {
  const figures = new Figures();
  for (const number of numbers(0, plan.blocks)) {
    const arenas: Arena[] = [];
    // oxlint-disable-next-line typescript/await-thenable -- the linter finds no tsconfig with disposables here
    await using _ = { [Symbol.asyncDispose]: async () => await allOf(arenas, async (arena) => await arena.end()) };
    const present = await openAll(join(root, `block-${number}`), figures, arenas);
    const all: Block = { number, plan, figures, present };
    const block = { ...all, present: present.filter(({ id }) => !paths.includes(id)) };
    await measureTurns(block);
    if (number === 0) await measureRange(block);
    await measureCrowd(block);
    await measurePaths(all);
    if (number === plan.blocks - 1) await measureLine(block);
  }
  return rowsOf(figures);
}

/** @param arenas where they are put, for their end */
async function openAll(folder: string, figures: Figures, arenas: Arena[]): Promise<Present[]> {
  const present: Present[] = [];
  const opened = await Promise.all(
    contenders.map(async (contender) => {
      const arena = await Arena.open(contender, join(folder, contender.id));
      arenas.push(arena);
      return arena;
    }),
  );
  for (const [index, arena] of opened.entries()) {
    const { id } = contenders[index] ?? contenders[0];
    const found = await arena.call("find");
    figures.found(id, found);
    if (!("missing" in found)) present.push({ id, arena });
  }
  await allOf(present, async ({ arena }) => await arena.call("start"));
  return present;
}

function isWhole({ id }: Present): boolean {
  return !doors.includes(id);
}

/** What isn't timed needn't wait for the others. */
async function allOf<T>(all: readonly T[], work: (one: T) => Promise<unknown>): Promise<void> {
  await Promise.all(all.map(work));
}

/** Everybody has a turn, in the other order than the round before. */
async function takeTurns(
  { number: block, present }: Pick<Block, "number" | "present">,
  rounds: number,
  work: (one: Present, round: number) => Promise<void>,
): Promise<void> {
  for (const round of numbers(0, rounds))
    for (const one of (block + round) % 2 === 0 ? present : present.toReversed()) await work(one, round);
}

/** One box with few ports, and whole processes. */
async function measureTurns(block: Block): Promise<void> {
  const { plan, figures, present } = block;
  await allOf(present, async ({ arena }) => {
    for (const [index, ports] of portCounts.entries()) await arena.call("open", firstBox + index, 1, ports);
  });
  for (const { id, arena } of present) {
    const last = firstBox + portCounts.length - 1;
    await arena.call("warm", last, compiled.includes(id) ? plan.warmUps : fewWarmUps);
    await arena.call("begin");
  }
  await takeTurns(block, plan.rounds, async ({ id, arena }, round) => {
    // Off the record: the processor has forgotten it since its last turn.
    await arena.call("turn", firstBox, 1);
    // Each number of ports is the first of a turn as often as the others.
    for (const step of portCounts.keys()) {
      const index = (step + round) % portCounts.length;
      const ports = portCounts[index] ?? 0;
      figures.note(id, `${ports}`, await arena.call("turn", firstBox + index, 1));
    }
    const program = await arena.call("program");
    if (program !== undefined) figures.noteStart(id, program, await arena.call("begin"));
  });
  await allOf(present, async ({ arena }) => await arena.call("close", firstBox, portCounts.length));
}

/** One box with a range, of those who are done with it in time. */
async function measureRange(block: Block): Promise<void> {
  const { plan, figures } = block;
  if (plan.ranges === 0) return;
  const present = block.present.filter(isWhole);
  const spent = new Map<ContenderId, number>();
  await allOf(present, async ({ arena }) => await arena.call("open", firstBox, 1, probePorts, true));
  for (const { id, arena } of present) {
    const { attach, detach } = await arena.call("turn", firstBox, 1);
    const took = attach + detach;
    // Ten times as many ports take ten times as long, or more.
    if (took * (rangePorts / probePorts) > plan.patienceMs)
      figures.leaveOut(id, `${probePorts} ports took ${(took / 1e3).toFixed(1)} s`);
    else spent.set(id, 0);
  }
  await allOf(present, async ({ arena }) => await arena.call("close", firstBox, 1));
  const able = present.filter(({ id }) => spent.has(id));
  await allOf(able, async ({ arena }) => await arena.call("open", firstBox, 1, rangePorts, true));
  for (const { id, arena } of able) if (compiled.includes(id)) await arena.call("warm", firstBox, plan.warmUps);
  await takeTurns({ ...block, present: able }, plan.ranges, async ({ id, arena }) => {
    const before = spent.get(id) ?? 0;
    if (before > plan.patienceMs) return;
    // Off the record, as above; the others are programs that begin anew, or take seconds.
    if (compiled.includes(id)) await arena.call("turn", firstBox, 1);
    const turn = await arena.call("turn", firstBox, 1);
    spent.set(id, before + turn.attach + turn.detach);
    figures.note(id, "range", turn);
  });
  await allOf(able, async ({ arena }) => await arena.call("close", firstBox, 1));
}

/** Many boxes at the same time. */
async function measureCrowd(block: Block): Promise<void> {
  const { plan, figures } = block;
  const present = plan.wholeCrowds ? block.present : block.present.filter(isWhole);
  await allOf(present, async ({ arena }) => await arena.call("open", firstOfCrowd, crowd, crowdPorts));
  const warmUps = Math.floor(plan.warmUps / crowd);
  for (const { id, arena } of present)
    if (compiled.includes(id)) for (const _ of numbers(0, warmUps)) await arena.call("turn", firstOfCrowd, crowd);
  await takeTurns({ ...block, present }, plan.crowds, async ({ id, arena }) => {
    figures.note(id, "crowd", await arena.call("turn", firstOfCrowd, crowd));
  });
}

/** Two of the crowd send to each other, and the host to one; in the first block once more among many ports of others. */
async function measurePaths({ number, plan, figures, present }: Block): Promise<void> {
  const [server, client] = [firstOfCrowd, firstOfCrowd + 1];
  const only = present.filter(({ id }) => paths.includes(id));
  await allOf(only, async ({ arena }) => await arena.call("open", server, 2, crowdPorts));
  const connected: Present[] = [];
  for (const one of present) if (await one.arena.call("connect", server, client)) connected.push(one);
  const block = { number, present: connected };
  await takeTurns(block, plan.streams, async ({ id, arena }) => {
    figures.notePath(id, { ...(await arena.call("send")), connections: await arena.call("knock") });
  });
  if (number > 0) return;
  const reached: Present[] = [];
  for (const one of connected) {
    const { id, arena } = one;
    // The one that is asked for is published amidst them, whichever order rules are gone through in.
    await arena.call("part", server, client);
    const before = await arena.call("publish", firstOfMany, plan.many, manyPorts / 2, plan.patienceMs / 2);
    try {
      await arena.call("connect", server, client);
    } catch (error) {
      // Rules that a peer's own commands have left after many at once, say: it is nothing that others should wait for.
      if (contenders.find((contender) => contender.id === id)?.kind !== "peer") throw error;
      figures.unreached(id, error instanceof Error ? error.message : String(error));
      continue;
    }
    reached.push(one);
    const next = firstOfMany + numbersOf(before);
    figures.notePorts(id, before + (await arena.call("publish", next, plan.many, before, plan.patienceMs / 2)));
  }
  await takeTurns({ number, present: reached }, plan.streams, async ({ id, arena }) => {
    figures.notePath(id, { "connections-many": await arena.call("knock") });
  });
}

/** One box after the other, with a port each, all of which stay. */
async function measureLine(block: Block): Promise<void> {
  const { plan, figures } = block;
  if (plan.line === 0) return;
  const present = block.present.filter(isWhole);
  await allOf(present, async ({ arena }) => await arena.call("open", firstOfLine, plan.line, 1));
  await takeTurns({ ...block, present }, plan.line / lineTurn, async ({ id, arena }, round) => {
    figures.noteRow(id, await arena.call("line", firstOfLine + round * lineTurn, lineTurn));
  });
}
