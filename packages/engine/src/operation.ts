import { isNetkitError, NetkitError, type Plan } from "@netkit/core";
import type { AgentLink, ChangeOptions, Expectation, NetkitOptions, Preview, Timing } from "./api.ts";
import { announceAll } from "./announcements.ts";
import { Draft } from "./draft.ts";
import type { Instance, Ip, Store } from "@netkit/core";
import { bootId } from "@netkit/sandbox";
import type { Drivers } from "./drivers.ts";
import { explained, needsRoot } from "./explained.ts";
import { chooseFirewall, makeFlushedAnew, settle } from "./firewall.ts";
import type { Host } from "./host.ts";
import { giveUpIfAborted, throwIfAborted, type Lock } from "./lock.ts";
import { inverse, planDraft } from "./planning.ts";
import { clearing } from "./obstacle.ts";
import type { OtherRoots } from "./other-roots.ts";
import { Again, untilDone } from "./shared/again.ts";
import { commitShared, withdraw } from "./shared/committing.ts";
import type { Shared } from "./shared/shared.ts";
import type { Waiting } from "./together.ts";
import { keys, namespacePrefix, portsPrefix, type JournalEntry, type Owned, type Write } from "./state.ts";

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

async function carryOut(
  context: Context,
  title: string,
  draft: Draft,
  plan: Plan,
  own: readonly Write[],
  signal: AbortSignal | undefined,
  time: Stopwatch,
): Promise<number> {
  const { store, host } = context;
  const sharing = sharingOf(context, draft, time);
  if (plan.length === 0 && sharing === undefined) {
    const revision = await commit(store, [...own, ...draft.lateWrites(() => "")], draft.durable);
    time("commit");
    return revision;
  }
  const { execute, handlers, firewall, namespaceCookie } = await host.open();
  const concerned = plan.some(({ resource }) => firewall.kinds.has(resource.kind));
  const writes = [...own, ...(await settle(context, concerned, draft))];
  const entry: JournalEntry = {
    title,
    started: new Date().toISOString(),
    recovery: draft.recovery,
    boot: bootId(),
    writes,
    ...(concerned ? { firewall: firewall.kind() } : {}),
    namespaces: Object.fromEntries(draft.namespaces),
    ...(sharing === undefined ? {} : { shared: sharing.journalled }),
  };
  // It holds the writes too, and is flushed while the kernel is at work: then the end of the operation need not be.
  await commit(store, [{ key: keys.journal, value: entry }], false);
  const flushed = draft.durable ? store.flush() : Promise.resolve();
  flushed.catch(() => {}); // awaited below, once there is something to take back
  time("intent");
  const closed: Write = { key: keys.journal, value: undefined };
  const end = async (): Promise<number> => {
    const revision = await commit(store, [...writes, ...draft.lateWrites(namespaceCookie), closed], false);
    time("commit");
    return revision;
  };

  if (draft.recovery === "finish") {
    // A namespace that went can't be brought back: what was begun is finished, now or by the next operation.
    const attempt = async (onDisk: Promise<void>): Promise<number> => {
      // The kernel waits for its grace period meanwhile. From now on it can only go forward.
      const telling = Promise.allSettled([sharing?.remove()]);
      try {
        await execute(plan, handlers, { forward: true });
        if (concerned) await makeFlushedAnew(context, plan);
        time("kernel");
        await onDisk;
      } finally {
        await telling;
      }
      for (const told of await telling) if (told.status === "rejected") throw told.reason;
      return await end();
    };
    await sharing?.commit().catch(async (error: unknown) => {
      await commit(store, [closed]);
      throw error;
    });
    try {
      return await attempt(flushed).catch(async () => await attempt(store.flush()));
    } catch (error) {
      throw unfinished(title, explained(error));
    }
  }

  try {
    await sharing?.commit();
    const undo = await execute(plan, handlers, signal === undefined ? {} : { signal });
    try {
      if (concerned) await makeFlushedAnew(context, plan);
      time("kernel");
      await flushed;
      await giveUpIfAborted(signal);
      return await end();
    } catch (error) {
      await undo();
      throw error;
    }
  } catch (error) {
    await sharing?.takeBack(error);
    // When undoing failed too, or this can't be written, the journal stays open for the next operation to mend.
    if (!isNetkitError(error) || error.code !== "TEARDOWN") await commit(store, [closed]).catch(() => {});
    throw error;
  }
}

/** What an operation does in the store that hosts share. */
interface Sharing {
  readonly journalled: NonNullable<JournalEntry["shared"]>;
  commit(): Promise<void>;
  remove(): Promise<void>;
  takeBack(error: unknown): Promise<void>;
}

/** Undefined for one that concerns this host alone. */
function sharingOf(context: Context, draft: Draft, time: Stopwatch): Sharing | undefined {
  const { shared } = draft;
  if (shared.isEmpty) return undefined;
  const written = [...shared.writes.values()].map(({ key, id }) => ({ key, id }));
  return {
    journalled: { written, removed: shared.removals },
    async commit() {
      await commitShared(context, draft);
      time("share");
    },
    async remove() {
      await withdraw(context, shared.removals);
      time("share");
    },
    async takeBack(error) {
      // Of what another host was faster with, nothing was written.
      if (!(error instanceof Again)) await withdraw(context, written);
    },
  };
}

/**
 * Mends what an operation left behind whose process died: takes back what it had begun to make, finishes what it had
 * begun to remove. After a power cut it may have been at its end: then its writes are made again. Call it with the lock
 * held.
 */
export async function recover(context: Context): Promise<JournalEntry | undefined> {
  const entry = (await context.store.get(keys.journal))?.value as JournalEntry | undefined;
  if (entry === undefined) return undefined;
  const closed: Write = { key: keys.journal, value: undefined };
  if (entry.boot !== bootId()) {
    await commit(context.store, [...entry.writes, closed]);
    return entry;
  }
  const { execute, handlers, firewall } = await context.host.open();
  if (entry.firewall !== undefined) firewall.use(entry.firewall);
  for (const [id, path] of Object.entries(entry.namespaces)) context.host.namespaces.set(id, path);
  const finish = entry.recovery === "finish";
  try {
    const plan = await planOf(context.store, entry);
    await execute(finish ? plan : inverse(plan), handlers, { forward: true });
    await withdraw(context, (finish ? entry.shared?.removed : entry.shared?.written) ?? []);
    await commit(context.store, [...(finish ? entry.writes : []), closed]);
  } catch (error) {
    throw unfinished(entry.title, explained(error));
  } finally {
    await chooseFirewall(context);
  }
  return entry;
}

/** The plan follows from what is written at the end: nobody has written since it was made from that. */
async function planOf(store: Store, { writes }: JournalEntry): Promise<Plan> {
  const draft = new Draft(store);
  for (const { key, value } of writes) {
    if (!key.startsWith(keys.owned(""))) continue;
    const owned = value as Owned | undefined;
    const owner = owned?.owner ?? (await draft.get<Owned>(key))?.owner;
    if (owner !== undefined) draft.want(owner, owned?.resources ?? []);
  }
  return (await planDraft(draft)).plan;
}

function unfinished(title: string, cause: unknown): NetkitError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new NetkitError("TEARDOWN", `'${title}' was begun and could not be finished: ${why}`, {
    hint: "The next change goes on with it, once the reason is gone; to do that now: netkit gc",
    details: { title },
    cause,
  });
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

/** The revision of the writes. @throws NetkitError STATE_UNWRITABLE, STATE_CHANGED */
export async function commit(store: Store, writes: readonly Write[], durable = true): Promise<number> {
  // A later write of a key stands for the earlier ones. No checks: every writer holds the lock.
  const last = new Map(writes.map((write) => [write.key, write]));
  const result = await store.commit({ checks: [], writes: [...last.values()], durable });
  if (!result.committed) throw new NetkitError("STATE_CHANGED", "the state was changed by somebody else");
  return result.revision;
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

type Stopwatch = (what: string) => void;

function stopwatch(onTiming: ((timing: Timing) => void) | undefined): Stopwatch {
  if (onTiming === undefined) return () => {};
  let last = performance.now();
  return (what) => {
    const now = performance.now();
    onTiming({ what, ms: now - last });
    last = performance.now();
  };
}
