import { join } from "node:path";
import { openNetkit } from "@netkit/engine";
import { openSqliteStore } from "@netkit/store-sqlite";
import { compareSnapshots, type Snapshot } from "./snapshot.ts";
import type { Subject } from "./subject.ts";
import type { Sweep } from "./sweep.ts";
import { openPlace, pictureOf, type Place } from "./sweep-place.ts";
import { startProcess, type SweepProcess } from "./sweep-process.ts";
import type { Survived } from "./sweep-worker.ts";

/**
 * Kills a process before each operation of a driver's lifecycle in turn, at two places at once: much of the time the kernel
 * is waited for, which removes links and namespaces.
 */
export async function sweepDeaths(subject: Subject, signal: AbortSignal): Promise<Sweep> {
  await using places = new AsyncDisposableStack();
  const [first, second] = [places.use(await openPlace()), places.use(await openPlace())];
  const pictures = [await pictureOf(first), await pictureOf(second)] as const;
  const compiled = join(first.root, "compiled");
  const start = (place: Place) => (): SweepProcess => startProcess(place, subject, compiled);
  await goThrough(start(first)());
  const stop = new AbortController();
  const deaths = new Deaths(AbortSignal.any([signal, stop.signal]));
  const both = await Promise.allSettled(
    [
      deaths.sweep(first, start(first), pictures[0], { from: 1, step: 2 }),
      deaths.sweep(second, start(second), pictures[1], { from: 2, step: 2 }),
    ].map(async (lane) => {
      try {
        await lane;
      } catch (error) {
        stop.abort(error);
        throw error;
      }
    }),
  );
  for (const lane of both) if (lane.status === "rejected") throw lane.reason;
  return deaths.result();
}

/** Goes through it unharmed: what this process has compiled is there for those that are killed before they write it. */
async function goThrough(process: SweepProcess): Promise<void> {
  for await (const { error } of process.run<Survived>({ mode: "kill", at: 0 }))
    if (error !== undefined) throw new Error(`without any fault: ${error}`);
}

class Deaths {
  readonly #signal: AbortSignal;
  readonly #failures = new Map<number, readonly string[]>();
  #operations = Infinity;
  #judging: Promise<unknown> = Promise.resolve();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** Every `step`-th operation at one place, as long as there is one. */
  async sweep(
    place: Place,
    start: () => SweepProcess,
    picture: Snapshot,
    { from, step }: { readonly from: number; readonly step: number },
  ): Promise<void> {
    let before = picture;
    // Starting a process takes longer than all the rest; the next one starts while this one works.
    let process = start();
    let spare = start();
    try {
      for (let at = from; ; at += step) {
        this.#signal.throwIfAborted();
        for await (const { error } of process.run<Survived>({ mode: "kill", at })) {
          if (error !== undefined) this.#failures.set(at, [`without any fault: ${error}`]);
          this.#operations = Math.min(this.#operations, at - 1);
          return;
        }
        const found = await this.#judge(place, before);
        this.#failures.set(
          at,
          found.map((failure) => `operation ${at} (killed): ${failure}`),
        );
        // What has leaked once is told once.
        if (found.length > 0) before = await pictureOf(place);
        process = spare;
        spare = start();
      }
    } finally {
      await process.stop();
      await spare.stop();
    }
  }

  result(): Sweep {
    const inOrder = [...this.#failures].toSorted(([a], [b]) => a - b);
    return { operations: this.#operations, failures: inOrder.flatMap(([, failures]) => failures) };
  }

  /** One at a time, for it moves the thread. */
  async #judge(place: Place, before: Snapshot): Promise<string[]> {
    const turn = this.#judging.then(async () => await judge(place, before));
    this.#judging = turn.catch(() => {});
    return await turn;
  }
}

/** What somebody who comes after a death has to complain of. A driver isn't needed to clean up. */
async function judge(place: Place, before: Snapshot): Promise<string[]> {
  const failures: string[] = [];
  using _ = place.host.enter();
  // No power is cut here, and waiting for the disk would take half of the time.
  const store = openSqliteStore({ path: join(place.root, "state.db"), synchronous: "off" });
  await using netkit = await openNetkit({ root: place.root, drivers: [], store });
  try {
    await netkit.doctor({ repair: true });
    const { findings } = await netkit.doctor();
    failures.push(...findings.map(({ message }) => `doctor: ${message}`));
    for (const { id } of await netkit.sandboxes.list()) await netkit.sandboxes.remove(id, { force: true });
    await netkit.networks.prune();
    failures.push(...compareSnapshots(before, await pictureOf(place)));
    if (failures.length > 0) await netkit.doctor({ repair: true });
  } catch (error) {
    failures.push(`recovery: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
  return failures;
}
