import { isNetkitError, NetkitError, type Plan } from "@netkit/core";
import { bootId } from "@netkit/sandbox";
import { commit } from "./commit.ts";
import type { Draft } from "./draft.ts";
import { explained } from "./explained.ts";
import { makeFlushedAnew, settle } from "./firewall.ts";
import { giveUpIfAborted } from "./lock.ts";
import type { Context, Stopwatch } from "./operation.ts";
import { Again } from "./shared/again.ts";
import { commitShared, withdraw } from "./shared/committing.ts";
import { keys, type JournalEntry, type Write } from "./state.ts";

/**
 * The second half of an operation: the intent is stored, the kernel changed, the writes are stored and the intent is closed. Call it
 * with the lock held.
 * @returns the revision of the writes
 */
export async function carryOut(
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

/** What was begun stays in the journal. */
export function unfinished(title: string, cause: unknown): NetkitError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new NetkitError("TEARDOWN", `'${title}' was begun and could not be finished: ${why}`, {
    hint: "The next change goes on with it, once the reason is gone; to do that now: netkit gc",
    details: { title },
    cause,
  });
}
