import { isNetkitError, type Store } from "@netkit/core";
import { openNetkit, type Netkit } from "@netkit/engine";
import { differing, examined, type Complaint } from "./complaint.ts";
import type { Fuse } from "./fuse.ts";
import { compareSnapshots, takeSnapshot, type Snapshot } from "./snapshot.ts";
import { spaceOf } from "./space.ts";
import type { Step } from "./steps.ts";

/** What became of one call that failed, or of all of a step. */
export interface Broken {
  readonly step: string;
  /** How many faults there were up to here. */
  readonly fault: number;
  /** Which call it was. */
  readonly broke: string;
  readonly complaints: readonly Complaint[];
}

/** What is gone through, on the host that the process is on. */
export interface Going {
  readonly netkit: Netkit;
  readonly store: Store;
  /** The path of a namespace that others have made. */
  readonly theirs: string;
  readonly steps: readonly Step[];
}

/** What is looked at after each failure, besides what doctor compares: it costs no process. */
interface Picture {
  readonly files: Snapshot;
  readonly state: readonly string[];
}

/**
 * Fails each call of a driver's lifecycle in turn, one after the other in this process and in the namespace that
 * it is in: each step is tried again with its next call failing, until none is left to fail. A step that makes
 * something is then taken back, and must have left nothing of all its tries in the kernel; where nothing is left in the
 * state, nothing may be left in the kernel either.
 */
export async function* sweepErrors({ netkit, store, theirs, steps }: Going, fuse: Fuse): AsyncGenerator<Broken> {
  const { root, mark } = netkit.instance;
  const names = [`${mark}.`];
  const spaces = { host: spaceOf("/proc/thread-self/ns/net"), theirs: spaceOf(theirs) };
  const kernel = async (): Promise<Snapshot> => await takeSnapshot(spaces, { names });
  const take = async (): Promise<Picture> => ({
    files: await takeSnapshot({}, { names }),
    state: await documents(store),
  });
  const untouched = await kernel();
  const documentsAtFirst = keysOf(await documents(store));
  let fault = 0;
  for (const step of withLook(netkit, steps)) {
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
      fault++;
      const complaints = [...explainedOf(error), ...(await drift(root, step))];
      const after = await take();
      const done = error === undefined || after.state.join() !== before.state.join();
      if (error !== undefined && !(done && step.removes)) complaints.push(...difference(before, after));
      const empty = keysOf(after.state).join() === documentsAtFirst.join();
      if (done && empty) complaints.push(...differing(compareSnapshots(untouched, await kernel())));
      if (done) await step.back();
      yield { step: step.what, fault, broke, complaints };
    }
    if (step.removes) continue;
    await step.back();
    const complaints = differing(compareSnapshots(kernelBefore, await kernel()));
    yield { step: step.what, fault, broke: "all of it", complaints };
    await step.run();
  }
  const complaints = differing([
    ...compareSnapshots(untouched, await kernel()),
    ...differentLines(documentsAtFirst, keysOf(await documents(store))),
  ]);
  yield { step: "look", fault, broke: "after all of them", complaints };
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
function explainedOf(error: unknown): Complaint[] {
  if (error === undefined) return [];
  if (!isNetkitError(error))
    return unexplained(`not an error for a user: ${error instanceof Error ? error.stack : typeof error}`);
  if (error.code === "INTERNAL") return unexplained(`an internal error: ${error.message}`);
  return error.hint === undefined ? unexplained(`an error that doesn't say what to do: ${error.message}`) : [];
}

function unexplained(message: string): Complaint[] {
  return [{ kind: "error", message }];
}

/**
 * Another process opens the state, which ends what failed half-way, and finds kernel and state to agree; of damage that was to be
 * mended, once it has mended it.
 */
async function drift(root: string, { mends }: Step): Promise<Complaint[]> {
  await using netkit = await openNetkit({ root, drivers: [] });
  if (mends === true) await netkit.doctor({ repair: true });
  const { findings } = await netkit.doctor();
  if (findings.length > 0) await netkit.doctor({ repair: true });
  return examined(findings);
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

function difference(before: Picture, after: Picture): Complaint[] {
  return differing([...compareSnapshots(before.files, after.files), ...differentLines(before.state, after.state)]);
}

function differentLines(before: readonly string[], after: readonly string[]): string[] {
  const [old, now] = [new Set(before), new Set(after)];
  return [
    ...before.filter((line) => !now.has(line)).map((line) => `state: - ${line}`),
    ...after.filter((line) => !old.has(line)).map((line) => `state: + ${line}`),
  ];
}
