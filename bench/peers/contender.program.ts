/** One contender on a host of its own, in a process of its own. Its parent tells it when it has its turn. */
import { answerCalls } from "@netkit/testing/calls";
import { numbers } from "../pairs.ts";
import type { Box, Contender, Entry, Found } from "./contender.ts";
import { pathOf } from "./namespaces.ts";
import type { PathKind } from "./figures.ts";
import { Path } from "./path.ts";
import type { ContenderId } from "./registry.ts";

const root = "/var/lib/netkit";
/** Only what is used is loaded: a library's process is measured here, too. */
const entries: Record<ContenderId, () => Promise<Entry>> = {
  library: async () => (await import("./netkit.ts")).library,
  agent: async () => (await import("./netkit.ts")).agent,
  cli: async () => (await import("./netkit.ts")).cli,
  "cni-plugin": async () => (await import("./netkit.ts")).cniPlugin,
  "podman-backend": async () => (await import("./netkit.ts")).podmanBackend,
  docker: async () => (await import("./docker.ts")).docker,
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
  open: async (first: number, count: number, ports: number): Promise<void> => {
    for (const number of numbers(first, count)) {
      const box: Box = { number, ports, path: pathOf(number) };
      await contender().open(box);
      boxes.set(number, box);
    }
  },
  /** Attaches and detaches them, all at the same time. */
  turn: async (first: number, count: number): Promise<Turn> =>
    await turn(numbers(first, count).map((number) => boxes.get(number) ?? raise(`there is no box ${number}`))),
  /** As many turns as its code needs to be compiled. */
  warm: async (first: number, turns: number): Promise<void> => {
    for (let count = 0; count < turns; count++) await calls.turn(first, 1);
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
  send: async (): Promise<Record<PathKind, number>> => (await path?.measure()) ?? raise(`${id} isn't connected`),
  stop: async (): Promise<void> => {
    path?.close();
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
