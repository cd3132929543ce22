import { join } from "node:path";
import { isNetkitError, type AnyDriver, type Store } from "@netkit/core";
import { openNetkit, type Netkit } from "@netkit/engine";
import { openSqliteStore } from "@netkit/store-sqlite";
import type { Fuse } from "./fuse.ts";
import { stepsOf, type Step } from "./lifecycle.ts";
import { compareSnapshots, takeSnapshot, type Snapshot } from "./snapshot.ts";
import { spaceOf } from "./space.ts";

/** What became of one operation that failed. */
export interface Broken {
  readonly operation: number;
  /** Which one it was, and in which step. */
  readonly broke: string;
  readonly failures: readonly string[];
}

/** What is looked at after each failure, besides what doctor compares: it costs no process. */
interface Picture {
  readonly files: Snapshot;
  readonly state: readonly string[];
}

/**
 * Fails each operation of a driver's lifecycle in turn, one after the other in this process and in the namespace that
 * it is in: each step is tried again with its next operation failing, until none is left to fail. A step that makes
 * something is then taken back, and must have left nothing of all its tries in the kernel; where nothing is left in the
 * state, nothing may be left in the kernel either.
 */
export async function* sweepErrors(driver: AnyDriver, root: string, fuse: Fuse): AsyncGenerator<Broken> {
  const store = openSqliteStore({ path: join(root, "state.db"), synchronous: "off" });
  await using netkit = await openNetkit({ root, drivers: [driver], store: fuse.wrap(store) });
  const names = [`${netkit.instance.mark}.`];
  const host = spaceOf("/proc/thread-self/ns/net");
  const kernel = async (): Promise<Snapshot> => await takeSnapshot({ host }, { names });
  const take = async (): Promise<Picture> => ({
    files: await takeSnapshot({}, { names }),
    state: await documents(store),
  });
  const untouched = await kernel();
  const documentsAtFirst = keysOf(await documents(store));
  let operation = 0;
  for (const step of withLook(netkit, stepsOf(netkit, driver))) {
    const kernelBefore = await kernel();
    for (let at = 1; ; at++) {
      const before = await take();
      fuse.arm(at, "error");
      const error = await failureOf(step.run);
      const { broke } = fuse.disarm();
      if (broke === undefined) {
        if (error === undefined) break;
        throw new Error(`${step.what} failed without any fault`, { cause: error });
      }
      operation++;
      const failures = [...explainedOf(error), ...(await drift(root))];
      const after = await take();
      const done = error === undefined || after.state.join() !== before.state.join();
      if (error !== undefined && !(done && step.removes)) failures.push(...difference(before, after));
      const empty = keysOf(after.state).join() === documentsAtFirst.join();
      if (done && empty) failures.push(...compareSnapshots(untouched, await kernel()));
      if (done) await step.back();
      yield { operation, broke: `${step.what}: ${broke}`, failures };
    }
    if (step.removes) continue;
    await step.back();
    const failures = compareSnapshots(kernelBefore, await kernel());
    yield { operation, broke: `all of: ${step.what}`, failures };
    await step.run();
  }
  const failures = [
    ...compareSnapshots(untouched, await kernel()),
    ...differentLines(documentsAtFirst, keysOf(await documents(store))),
  ];
  yield { operation, broke: "after all of them", failures };
}

/** Looks at everything when there is most to see. */
function withLook(netkit: Netkit, steps: readonly Step[]): Step[] {
  const look = async (): Promise<void> => {
    await netkit.doctor();
    await netkit.info();
    for (const { name } of await netkit.networks.list()) await netkit.networks.inspect(name);
    for (const { name } of await netkit.sandboxes.list()) await (await netkit.sandboxes.get(name)).inspect();
  };
  const removal = steps.findIndex(({ removes }) => removes);
  return steps.toSpliced(removal, 0, { what: "look", run: look, back: async () => {}, removes: false });
}

async function failureOf(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** Errors are for users: they have a code, and say what to do next. */
function explainedOf(error: unknown): string[] {
  if (error === undefined) return [];
  if (!isNetkitError(error)) return [`not an error for a user: ${error instanceof Error ? error.stack : typeof error}`];
  if (error.code === "INTERNAL") return [`an internal error: ${error.message}`];
  return error.hint === undefined ? [`an error that doesn't say what to do: ${error.message}`] : [];
}

/** Another process opens the state, which ends what failed half-way, and finds kernel and state to agree. */
async function drift(root: string): Promise<string[]> {
  await using netkit = await openNetkit({ root, drivers: [] });
  const { findings } = await netkit.doctor();
  if (findings.length > 0) await netkit.doctor({ repair: true });
  return findings.map(({ message }) => `doctor: ${message}`);
}

async function documents(store: Store): Promise<string[]> {
  return (await store.range("")).map(({ key, value }) => `${key} ${JSON.stringify(value)}`);
}

/**
 * A predefined network is realised with its first endpoint, a root keeps its firewall, and who it is to other hosts; no other
 * document may be left.
 */
function keysOf(lines: readonly string[]): string[] {
  return lines.map((line) => line.slice(0, line.indexOf(" "))).filter((key) => key !== "firewall" && key !== "host");
}

function difference(before: Picture, after: Picture): string[] {
  return [...compareSnapshots(before.files, after.files), ...differentLines(before.state, after.state)];
}

function differentLines(before: readonly string[], after: readonly string[]): string[] {
  const [old, now] = [new Set(before), new Set(after)];
  return [
    ...before.filter((line) => !now.has(line)).map((line) => `state: - ${line}`),
    ...after.filter((line) => !old.has(line)).map((line) => `state: + ${line}`),
  ];
}
