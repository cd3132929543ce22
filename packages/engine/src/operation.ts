import { NetkitError, type Instance, type Ip, type Plan, type Store } from "@netkit/core";
import type { AgentLink, ChangeOptions, Expectation, NetkitOptions, Preview, Timing } from "./api.ts";
import { announceAll } from "./announcements.ts";
import { carryOut } from "./carrying-out.ts";
import { Draft } from "./draft.ts";
import type { Drivers } from "./drivers.ts";
import { explained, needsRoot } from "./explained.ts";
import { chooseFirewall } from "./firewall.ts";
import type { Host } from "./host.ts";
import { giveUpIfAborted, throwIfAborted, type Lock } from "./lock.ts";
import { planDraft } from "./planning.ts";
import { clearing } from "./obstacle.ts";
import type { OtherRoots } from "./other-roots.ts";
import { recover } from "./recovery.ts";
import { untilDone } from "./shared/again.ts";
import type { Shared } from "./shared/shared.ts";
import { keys, namespacePrefix, portsPrefix, type Write } from "./state.ts";
import type { Waiting } from "./together.ts";

/** What the parts of an instance share. */
export interface Context {
  readonly instance: Instance;
  readonly store: Store;
  /** Why nothing can be changed: what there is can be looked at alone. */
  readonly unwritable: NetkitError | undefined;
  readonly drivers: Drivers;
  readonly host: Host;
  readonly lock: Lock;
  /** Who waits for it, and may be joined. */
  readonly waiting: Waiting;
  readonly otherRoots: OtherRoots;
  readonly networkDefaults: NonNullable<NetkitOptions["networkDefaults"]>;
  readonly hostGateway: readonly Ip[];
  readonly onTiming: ((timing: Timing) => void) | undefined;
  readonly agent: AgentLink | undefined;
  readonly shared: Shared;
  readonly openStore: NetkitOptions["openStore"];
}

/**
 * The one way in which anything changes: under the lock, a draft is built and planned; the intent is stored; the
 * kernel is changed; the draft's writes are stored and the intent is closed. What fails before the end leaves
 * everything as it was; what dies is mended by the next operation (see {@link recover}).
 * @param reads keys that `build` will ask for, to be read in one go
 */
export async function operate<T>(
  context: Context,
  title: string,
  build: (draft: Draft) => Promise<T>,
  options: ChangeOptions = {},
  reads: readonly string[] = [],
): Promise<T> {
  return await perform(context, { title, build, reads }, options);
}

/** What is to be done, and what is told of it. */
export interface Operation<T> {
  readonly title: string;
  /** Keys that `build` will ask for, to be read in one go. */
  readonly reads: readonly string[];
  build(draft: Draft): Promise<T>;
}

/** As {@link operate}; its title is asked for once it is built. */
export async function perform<T>(context: Context, operation: Operation<T>, options: ChangeOptions): Promise<T> {
  // What comes later isn't to be carried out before it, with others that were here first.
  context.waiting.group = undefined;
  try {
    return await untilDone((assumed) =>
      clearing(context, options, () => performUnexplained(context, operation, options, assumed)),
    );
  } catch (error) {
    throw explained(error);
  }
}

async function performUnexplained<T>(
  context: Context,
  operation: Operation<T>,
  options: ChangeOptions,
  assumed: Map<string, unknown>,
): Promise<T> {
  const time = stopwatch(context.onTiming);
  const { result, revision, needed, expectation } = await underLock(context, operation, options, assumed, time);
  if (revision !== undefined && context.agent !== undefined) {
    // Not under the lock: an agent that is slow must not keep others waiting.
    const isReady = (await expectation?.met()) === true;
    await context.agent.changed({ revision, needed, isReady });
    time("agent");
  }
  return result;
}

interface Done<T> {
  readonly result: T;
  /** Absent: nothing has changed. */
  readonly revision?: number;
  readonly needed: boolean;
  readonly expectation?: Expectation | undefined;
}

async function underLock<T>(
  context: Context,
  operation: Operation<T>,
  options: ChangeOptions,
  assumed: Map<string, unknown>,
  time: Stopwatch,
): Promise<Done<T>> {
  const { host } = context;
  throwIfAborted(options.signal);
  if (options.dryRun !== true) requireChanging(context);
  using _ = await turn(context, options.signal);
  time("lock");
  const draft = await beginDraft(context, operation.reads, assumed, options.dryRun);
  await using undoing = new AsyncDisposableStack();
  undoing.defer(async () => await draft.undone());
  const result = await operation.build(draft);
  const { title } = operation;
  const planned = await planDraft(draft);
  time("plan");
  await registerNamespaces(context, draft);
  if (options.onPlan !== undefined) {
    if (planned.plan.length > 0) await chooseFirewall(context, draft);
    const handlers = planned.plan.length === 0 ? [] : (await host.open()).handlers;
    options.onPlan(previewOf(title, planned.plan, handlers));
  }
  const unchanged = { result, needed: false };
  if (options.dryRun === true) return unchanged;

  const writes = [...draft.writes(), ...planned.writes];
  if (writes.length === 0 && planned.plan.length === 0) return unchanged;
  await giveUpIfAborted(options.signal);
  if (writes.some(({ key }) => key.startsWith(portsPrefix))) context.otherRoots.concerned = true;
  using held = new DisposableStack();
  held.use(await draft.hold());
  using failing = new DisposableStack();
  const expectation = failing.use(await expectationOf(context, draft));
  const revision = await carryOut(context, title, draft, planned.plan, writes, options.signal, time);
  forgetNamespaces(context, writes);
  if (draft.announcements.length > 0) {
    await announceAll(context, draft);
    time("announce");
  }
  failing.move();
  undoing.move();
  await draft.done();
  return { result, revision, needed: draft.needsAgent, expectation };
}

/** An agent that is told beforehand does its part while the kernel does its own; of many it is told afterwards. */
async function expectationOf({ agent }: Context, { expected, awaitsAgent }: Draft): Promise<Expectation | undefined> {
  const [namespace] = expected;
  if (namespace === undefined || expected.size > 1 || awaitsAgent) return undefined;
  return await agent?.expect?.(namespace);
}

/** Until its end this is the one operation of the root, and the only writer of its store. */
async function turn({ lock, store }: Context, signal: AbortSignal | undefined): Promise<Disposable> {
  const held = new DisposableStack();
  held.use(await lock.acquire(signal));
  held.use(store.alone?.());
  return held;
}

/** A draft of what there is once an operation that died has been mended; a dry run leaves that alone. */
async function beginDraft(
  context: Context,
  reads: readonly string[],
  assumed: Map<string, unknown>,
  dryRun?: boolean,
): Promise<Draft> {
  const draft = new Draft(context.store, dryRun, assumed);
  await draft.prefetch([keys.journal, keys.firewall, ...reads]);
  if (dryRun === true || !(await draft.has(keys.journal))) return draft;
  await recover(context);
  return new Draft(context.store, false, assumed);
}

/** Handlers look namespaces up by id while they apply: all that the plan can name are made known to them. */
async function registerNamespaces(context: Context, draft: Draft): Promise<void> {
  for (const [id, path] of draft.namespaces) context.host.namespaces.set(id, path);
}

/** Of those that went with the operation: a process may live as long as the host, and see many. */
function forgetNamespaces({ host }: Context, writes: readonly Write[]): void {
  for (const { key, value } of writes)
    if (value === undefined && key.startsWith(namespacePrefix))
      host.namespaces.delete(key.slice(namespacePrefix.length));
}

export function previewOf(title: string, plan: Plan, handlers: readonly Handler[]): Preview {
  return {
    title,
    plan,
    toShell: () => groupByHandler(plan, handlers).flatMap(({ handler, changes }) => handler.toShell(changes)),
  };
}

type Handler = import("@netkit/core").ResourceHandler;

function groupByHandler(plan: Plan, handlers: readonly Handler[]): { handler: Handler; changes: Plan }[] {
  const groups: { handler: Handler; changes: Plan[number][] }[] = [];
  for (const change of plan) {
    const handler = handlers.find((candidate) => candidate.kinds.has(change.resource.kind));
    if (handler === undefined) continue;
    const last = groups.at(-1);
    if (last?.handler === handler) last.changes.push(change);
    else groups.push({ handler, changes: [change] });
  }
  return groups;
}

/** @throws NetkitError PERMISSION, STATE_UNWRITABLE */
export function requireChanging({ unwritable }: Context): void {
  requireRoot();
  if (unwritable !== undefined) throw unwritable;
}

export function requireRoot(what = "change networks"): void {
  if (process.geteuid?.() !== 0) {
    throw new NetkitError("PERMISSION", `netkit needs root to ${what}`, {
      hint: needsRoot,
    });
  }
}

/** Tells how long it has been since it was last asked. */
export type Stopwatch = (what: string) => void;

function stopwatch(onTiming: ((timing: Timing) => void) | undefined): Stopwatch {
  if (onTiming === undefined) return () => {};
  let last = performance.now();
  return (what) => {
    const now = performance.now();
    onTiming({ what, ms: now - last });
    last = performance.now();
  };
}
