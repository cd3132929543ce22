// Many power cuts, at random points of what a writer asked of its disk.
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { isDeepStrictEqual } from "node:util";
import { openSqliteStore } from "../../src/index.ts";
import { Disk } from "./disk.ts";
import { randoms, upTo } from "./random.ts";
import { record, type Event } from "./recording.ts";
import { lastKey, stateAfter } from "./transactions.ts";
import type { Way } from "./writer.program.ts";

/** What a writer asked of its disk. */
export interface Recording {
  readonly seed: number;
  readonly folder: string;
  readonly events: readonly Event[];
}

export interface CutOptions {
  readonly cuts: number;
  /** What a disk says to have flushed and hasn't: these are left out. */
  readonly liar?: (event: Event) => boolean;
}

/** Goes on with the transactions of a seed where a file has them end. */
export const program: string = join(import.meta.dirname, "writer.program.ts");

export interface Survival {
  readonly cuts: number;
  /** How many bytes had been asked for and weren't flushed when the power was cut, on the average. */
  readonly pendingBytes: number;
  /** In words, with the seed and the event of the cut. */
  readonly failures: readonly string[];
}

/** @param folder for what it writes */
export function recordWriter(folder: string, seed: number, transactions: number, way: Way = "right"): Recording {
  const place = join(folder, "written");
  mkdirSync(place, { mode: 0o700 });
  const command = [process.execPath, program, join(place, "state.db"), String(seed), String(transactions), way];
  return { seed, folder: place, events: record(command, place, join(folder, "strace")) };
}

/** @param folder for what is left each time */
export async function cutPower(
  folder: string,
  { seed, folder: written, events: all }: Recording,
  { cuts, liar = () => false }: CutOptions,
): Promise<Survival> {
  const events = all.filter((event) => !liar(event));
  const random = randoms(seed);
  const points = Array.from({ length: cuts }, () => upTo(events.length, random)).toSorted((a, b) => a - b);
  const disk = new Disk(written);
  const failures: string[] = [];
  let [at, acknowledged, pendingBytes] = [0, 0, 0];
  for (const [number, point] of points.entries()) {
    for (const event of events.slice(at, point)) {
      disk.apply(event);
      if (event.kind === "said" && /^\d/.test(event.text)) acknowledged = Number(event.text);
    }
    at = point;
    const after = join(folder, "after");
    disk.cut(seed * 100_003 + number, after);
    pendingBytes += disk.pendingBytes();
    try {
      const wrong = await examine(join(after, "state.db"), seed, acknowledged);
      if (wrong !== undefined) failures.push(`seed ${seed}, cut ${number} before event ${point}: ${wrong}`);
    } finally {
      rmSync(after, { recursive: true });
    }
  }
  return { cuts, pendingBytes: pendingBytes / cuts, failures };
}

/** What is wrong with a file that a writer left with `acknowledged` as the last number it said; undefined: nothing. */
export async function examine(path: string, seed: number, acknowledged: number): Promise<string | undefined> {
  try {
    // What comes after the cut isn't cut.
    const store = openSqliteStore({ path, synchronous: "off" });
    try {
      const found = new Map((await store.range("key/")).map(({ key, value }) => [key, value]));
      const last = Number((await store.get(lastKey))?.value ?? 0);
      if (last < acknowledged) return `of ${acknowledged} transactions that were acknowledged ${last} are there`;
      const wanted = new Map(stateAfter(seed, last));
      wanted.delete(lastKey);
      if (!isDeepStrictEqual(found, wanted)) return `it isn't as transaction ${last} left it`;
      await store.commit({ checks: [], writes: [{ key: "more", value: true }] });
      await store.commit({ checks: [], writes: [{ key: "more", value: undefined }] });
    } finally {
      await store.close();
    }
    const database = new DatabaseSync(path, { readOnly: true });
    const row = database.prepare("PRAGMA integrity_check").get();
    database.close();
    return row?.["integrity_check"] === "ok" ? undefined : `damaged: ${JSON.stringify(row)}`;
  } catch (error) {
    return `it doesn't open: ${error instanceof Error ? error.message : String(error)}`;
  }
}
