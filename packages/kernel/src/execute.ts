import { setImmediate } from "node:timers/promises";
import { NetkitError, type Change, type Plan, type ResourceHandler, type Undo } from "@netkit/core";
import { failTogether } from "./failures.ts";

/** Consecutive changes of one handler, which it applies together. */
export interface Run {
  readonly handler: ResourceHandler;
  readonly changes: readonly Change[];
}

export interface ExecuteOptions {
  /** Gives up between two runs: what was done is undone, and CANCELLED thrown. */
  readonly signal?: AbortSignal | undefined;
  /** A failure leaves what was done before it: the caller carries the same plan out again until all of it is done. */
  readonly forward?: boolean | undefined;
  /** Called for each change before its run is applied. */
  readonly onStep?: ((change: Change) => void) | undefined;
}

/** Splits a plan where the handler changes. @throws NetkitError UNSUPPORTED for a kind that no handler has */
export function groupRuns(plan: Plan, handlers: readonly ResourceHandler[]): Run[] {
  const runs: { handler: ResourceHandler; changes: Change[] }[] = [];
  for (const change of plan) {
    const { kind } = change.resource;
    const handler = handlers.find(({ kinds }) => kinds.has(kind));
    if (handler === undefined) throw new NetkitError("UNSUPPORTED", `no handler knows resources of kind '${kind}'`);
    const last = runs.at(-1);
    if (last?.handler === handler) last.changes.push(change);
    else runs.push({ handler, changes: [change] });
  }
  return runs;
}

/**
 * Applies a plan in order, all or (unless `forward`) nothing, and returns what takes all of it back.
 * @throws NetkitError what a handler threw, CANCELLED, or TEARDOWN when undoing failed as well
 */
export async function execute(
  plan: Plan,
  handlers: readonly ResourceHandler[],
  options: ExecuteOptions = {},
): Promise<Undo> {
  const undos: Undo[] = [];
  const undo = (): Promise<void> => undoAll(undos.toReversed());
  try {
    for (const { handler, changes } of groupRuns(plan, handlers)) {
      if (options.signal !== undefined) {
        // What aborts may be a signal of the process: those are delivered when the event loop turns.
        await setImmediate();
        if (options.signal.aborted) throw cancelled(options.signal);
      }
      for (const change of changes) options.onStep?.(change);
      undos.push(await handler.apply(changes, options));
    }
  } catch (error) {
    if (options.forward === true) throw error;
    try {
      await undo();
    } catch (second) {
      throw failTogether([error, second]);
    }
    throw error;
  }
  return undo;
}

async function undoAll(undos: readonly Undo[]): Promise<void> {
  const failures: unknown[] = [];
  for (const undo of undos) {
    try {
      await undo();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failTogether(failures);
}

function cancelled(signal: AbortSignal): NetkitError {
  return new NetkitError("CANCELLED", "cancelled; what had been done was undone", { cause: signal.reason });
}
