import { join } from "node:path";
import { openNetkit } from "@netkit/engine";
import { openSqliteStore } from "@netkit/store-sqlite";
import { after, differing, examined, type Complaint } from "./complaint.ts";
import { holdings } from "./holdings.ts";
import { removeAll } from "./lab.ts";
import { compareSnapshots, type Snapshot } from "./snapshot.ts";
import type { Subject } from "./subject.ts";
import type { Course, Sweep } from "./sweep.ts";
import { openPlace, pictureOf, type Place } from "./sweep-place.ts";
import { startProcess, type SweepProcess } from "./sweep-process.ts";
import type { Did, Survived } from "./sweep-worker.ts";

/**
 * Kills a process before each change of a driver's lifecycle in turn, at two places at once: much of the time the kernel
 * is waited for, which removes links and namespaces.
 */
export async function sweepDeaths(
  subject: Subject,
  course: Course,
  signal: AbortSignal,
  onFault: () => void,
): Promise<Sweep> {
  await using places = new AsyncDisposableStack();
  const [first, second] = [places.use(await openPlace()), places.use(await openPlace())];
  const pictures = [await pictureOf(first), await pictureOf(second)] as const;
  const start = (place: Place) => (): SweepProcess => startProcess(place, subject, course);
  // What these have compiled is there for those that are killed before they write it.
  const [way] = [await goThrough(start(first)()), await goThrough(start(second)())];
  const stop = new AbortController();
  const deaths = new Deaths(way, AbortSignal.any([signal, stop.signal]), onFault);
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

/** Goes through it unharmed. @returns what there has to be, before all and after each operation */
async function goThrough(process: SweepProcess): Promise<Did[]> {
  const way: Did[] = [];
  for await (const said of process.run<Did | Survived>({ mode: "kill", at: 0 })) {
    if ("step" in said) way.push(said);
    else if (said.error !== undefined) throw new Error(`without any fault: ${said.error}`);
  }
  return way;
}

class Deaths {
  readonly #way: readonly Did[];
  readonly #signal: AbortSignal;
  readonly #onFault: () => void;
  readonly #complaints = new Map<number, readonly Complaint[]>();
  #faults = Infinity;
  #judging: Promise<unknown> = Promise.resolve();

  constructor(way: readonly Did[], signal: AbortSignal, onFault: () => void) {
    this.#way = way;
    this.#signal = signal;
    this.#onFault = onFault;
  }

  /** Every `step`-th change at one place, as long as there is one. */
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
        // How often it has spoken: the operation that it died over is the one behind that.
        let did = 0;
        for await (const said of process.run<Did | Survived>({ mode: "kill", at })) {
          if ("step" in said) {
            did++;
            continue;
          }
          if (said.error !== undefined)
            this.#complaints.set(at, [{ kind: "error", message: `without any fault: ${said.error}` }]);
          this.#faults = Math.min(this.#faults, at - 1);
          return;
        }
        const found = await this.#judge(place, before, did);
        this.#onFault();
        this.#complaints.set(at, after(`fault ${at} (killed over: ${this.#way[did]?.step ?? "the end"})`, found));
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
    const inOrder = [...this.#complaints].toSorted(([a], [b]) => a - b);
    return {
      operations: this.#way.slice(1).map(({ step }) => step),
      faults: this.#faults,
      complaints: inOrder.flatMap(([, complaints]) => complaints),
    };
  }

  /** One at a time, for it moves the thread. */
  async #judge(place: Place, before: Snapshot, did: number): Promise<Complaint[]> {
    // What was acknowledged is there; what it died over has been done, or hasn't.
    const possible = this.#way.slice(Math.max(0, did - 1), did + 1).map(({ holds }) => holds.join("; "));
    const turn = this.#judging.then(async () => await judge(place, before, possible));
    this.#judging = turn.catch(() => {});
    return await turn;
  }
}

/**
 * What somebody who comes after a death has to complain of. A driver isn't needed to clean up.
 * @param possible what there may be, as {@link holdings} on one line
 */
async function judge(place: Place, before: Snapshot, possible: readonly string[]): Promise<Complaint[]> {
  const complaints: Complaint[] = [];
  using _ = place.host.enter();
  // No power is cut here, and waiting for the disk would take half of the time.
  const store = openSqliteStore({ path: join(place.root, "state.db"), synchronous: "off" });
  await using netkit = await openNetkit({ root: place.root, drivers: [], store });
  try {
    await netkit.doctor({ repair: true });
    const { findings } = await netkit.doctor();
    complaints.push(...examined(findings));
    const held = (await holdings(netkit)).join("; ");
    if (!possible.includes(held))
      complaints.push({ kind: "loss", message: `there is '${held}' instead of '${possible.join("' or '")}'` });
    await removeAll(netkit);
    complaints.push(...differing(compareSnapshots(before, await pictureOf(place))));
    if (complaints.length > 0) await netkit.doctor({ repair: true });
  } catch (error) {
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    complaints.push({ kind: "loss", message: `recovery: ${why}` });
  }
  return complaints;
}
