/** One contender on a host of its own, in a process of its own. Its parent tells it when it has its turn. */
import { answerCalls } from "@netkit/testing/calls";
import { numbers } from "../pairs.ts";
import {
  numbersOf,
  startKinds,
  type Box,
  type Contender,
  type Entry,
  type Found,
  type Program,
  type StartKind,
} from "./contender.ts";
import { pathOf } from "./namespaces.ts";
import { Path } from "./path.ts";
import type { ContenderId } from "./registry.ts";
import { run } from "./run.ts";

const root = "/var/lib/netkit";
/** Only what is used is loaded: a library's process is measured here, too. */
const entries: Record<ContenderId, () => Promise<Entry>> = {
  library: async () => (await import("./netkit.ts")).library,
  unguarded: async () => (await import("./netkit.ts")).unguarded,
  agent: async () => (await import("./netkit.ts")).agent,
  cli: async () => (await import("./netkit.ts")).cli,
  "cni-plugin": async () => (await import("./netkit.ts")).cniPlugin,
  "podman-backend": async () => (await import("./netkit.ts")).podmanBackend,
  docker: async () => (await import("./docker.ts")).docker,
  "docker-cli": async () => (await import("./docker.ts")).dockerCli,
  "netavark-nftables": async () => (await import("./netavark.ts")).netavark("nftables"),
  "netavark-iptables": async () => (await import("./netavark.ts")).netavark("iptables"),
  "cni-nftables": async () => (await import("./cni.ts")).referencePlugins("nftables"),
  "cni-iptables": async () => (await import("./cni.ts")).referencePlugins("iptables"),
  floor: async () => (await import("./floors.ts")).bareRequests,
  "floor-programs": async () => (await import("./floors.ts")).programs,
};

/** What a turn took, in ms. */
export interface Turn {
  readonly attach: number;
  readonly detach: number;
}

/** An engine that starts containers is done with them sooner. */
const openedAtOnce = 16;

const [id = ""] = process.argv.slice(2);
const entry = await entries[id as ContenderId]();
const boxes = new Map<number, Box>();
let running: Contender | undefined;
let path: Path | undefined;

function contender(): Contender {
  if (running === undefined) throw new Error(`${id} hasn't been started`);
  return running;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

async function turn(some: readonly Box[]): Promise<Turn> {
  const { attach, detach } = contender();
  return {
    attach: await timed(async () => await Promise.all(some.map(attach))),
    detach: await timed(async () => await Promise.all(some.map(detach))),
  };
}

const calls = {
  find: async (): Promise<Found> => await entry.find(),
  start: async (): Promise<void> => void (running = await entry.start(root)),
  /** Boxes, off the clock. @param first the number of the first */
  open: async (first: number, count: number, ports: number, range = false): Promise<void> => {
    const some = numbers(first, count).map((number): Box => ({ number, ports, range, path: pathOf(number) }));
    for (let at = 0; at < count; at += openedAtOnce)
      await Promise.all(some.slice(at, at + openedAtOnce).map(contender().open));
    for (const box of some) boxes.set(box.number, box);
  },
  /** Attaches and detaches them, all at the same time. */
  turn: async (first: number, count: number): Promise<Turn> =>
    await turn(numbers(first, count).map((number) => boxes.get(number) ?? raise(`there is no box ${number}`))),
  /** As many turns as its code needs to be compiled. */
  warm: async (first: number, turns: number): Promise<void> => {
    for (let count = 0; count < turns; count++) await calls.turn(first, 1);
  },
  /** Attaches them one after the other, and lets them be. @returns ms for each */
  line: async (first: number, count: number): Promise<number[]> => {
    const took: number[] = [];
    for (const number of numbers(first, count)) {
      const box = boxes.get(number) ?? raise(`there is no box ${number}`);
      took.push(await timed(async () => await contender().attach(box)));
    }
    return took;
  },
  /**
   * Attaches boxes with so many ports each, off the clock, until there are enough, or the time is over.
   * @returns how many ports there are then
   */
  publish: async (first: number, each: number, enough: number, patienceMs: number): Promise<number> => {
    const until = performance.now() + patienceMs;
    let published = 0;
    for (; published < enough && performance.now() < until; published += each) {
      const number = first + numbersOf(published);
      await calls.open(number, 1, each);
      await calls.line(number, 1);
    }
    return published;
  },
  /** What whoever types starts; undefined: nobody types it. */
  program: async (): Promise<Program | undefined> => await Promise.resolve(running?.program),
  /** @returns ms for each whole process */
  begin: async (): Promise<Partial<Record<StartKind, number>>> => {
    const words = contender().program?.words ?? {};
    const took: Partial<Record<StartKind, number>> = {};
    for (const kind of startKinds) {
      const said = words[kind];
      if (said !== undefined) took[kind] = await timed(async () => await run(said));
    }
    return took;
  },
  close: async (first: number, count: number): Promise<void> => {
    for (const number of numbers(first, count)) {
      const box = boxes.get(number);
      if (box !== undefined) await contender().close(box);
      boxes.delete(number);
    }
  },
  /** Two of the boxes, attached, with what sends between them. False: its packets go another contender's way. */
  connect: async (server: number, client: number): Promise<boolean> => {
    const [to, from] = [boxes.get(server), boxes.get(client)];
    const { place } = contender();
    if (place === undefined || to === undefined || from === undefined) return false;
    for (const box of [to, from]) await contender().attach(box);
    path = await Path.open(place, to, from);
    return true;
  },
  /** Detaches what {@link calls.connect} has attached. */
  part: async (...ends: number[]): Promise<void> => {
    await path?.close();
    path = undefined;
    for (const number of ends) await contender().detach(boxes.get(number) ?? raise(`there is no box ${number}`));
  },
  send: async (): ReturnType<Path["measure"]> => await (path ?? raise(`${id} isn't connected`)).measure(),
  /** @returns new connections a second */
  knock: async (): Promise<number> => await (path ?? raise(`${id} isn't connected`)).connect(),
  stop: async (): Promise<void> => {
    await path?.close();
    await running?.stop?.();
  },
};

export type ContenderCalls = typeof calls;

answerCalls(calls);
// Whatever is still under way after a failure.
process.on("disconnect", () => process.exit());

function raise(message: string): never {
  throw new Error(message);
}
