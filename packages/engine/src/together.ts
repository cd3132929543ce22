import { isNetkitError, type ErrorCode, type NetkitError } from "@netkit/core";
import type { ChangeOptions } from "./api.ts";
import type { Draft } from "./draft.ts";
import { perform, type Context, type Operation } from "./operation.ts";

/** So many at most: others wait for them all. */
const most = 64;
/** What is no operation's own fault: each would be told the same. */
const everybodys: ReadonlySet<ErrorCode> = new Set(["LOCKED", "PERMISSION", "STATE_UNWRITABLE"]);

/**
 * {@link operate} for what only adds: such operations of this process that wait for their turn at the same time take it as one, with
 * one plan, one journal entry, one transaction of each handler and one wait for the disk. When that fails, nothing has changed, and
 * each is carried out by itself, so that none fails for another's reasons.
 */
export async function operateTogether<T>(
  context: Context,
  title: string,
  build: (draft: Draft) => Promise<T>,
  options: ChangeOptions = {},
  reads: readonly string[] = [],
): Promise<T> {
  const operation: Operation<T> = { title, build, reads };
  const { dryRun, onPlan, signal, onWarning } = options;
  // A plan that somebody looks at, or that can be given up, is one's own.
  const isAlone = dryRun === true || onPlan !== undefined || signal !== undefined;
  if (isAlone) return await perform(context, operation, options);
  const { waiting } = context;
  const group = waiting.group?.isOpen === true ? waiting.group : new Group();
  const index = group.add(operation, onWarning);
  if (waiting.group !== group) {
    const warn = (warning: NetkitError): void => group.warn(warning);
    // It may fail before it has begun: what comes later begins anew.
    group.results = perform(context, group, { onWarning: warn }).finally(() => group.close());
    waiting.group = group;
  }
  try {
    return (await group.results)[index] as T;
  } catch (error) {
    if (group.size === 1 || (isNetkitError(error) && everybodys.has(error.code))) throw error;
  }
  return await perform(context, operation, options);
}

/** The group that still takes in others. */
export interface Waiting {
  group: Group | undefined;
}

class Group implements Operation<readonly unknown[]> {
  readonly #operations: Operation<unknown>[] = [];
  readonly #listeners: NonNullable<ChangeOptions["onWarning"]>[] = [];
  #isClosed = false;
  results: Promise<readonly unknown[]> = Promise.resolve([]);

  get isOpen(): boolean {
    return !this.#isClosed && this.size < most;
  }

  get size(): number {
    return this.#operations.length;
  }

  /** The place of its result. */
  add(operation: Operation<unknown>, onWarning: ChangeOptions["onWarning"]): number {
    if (onWarning !== undefined) this.#listeners.push(onWarning);
    return this.#operations.push(operation) - 1;
  }

  /** Takes in no others. */
  close(): void {
    this.#isClosed = true;
  }

  warn(warning: NetkitError): void {
    for (const listener of this.#listeners) listener(warning);
  }

  get title(): string {
    const [first, ...others] = this.#operations.map(({ title }) => title);
    return others.length === 0 ? (first ?? "") : `${first} and ${others.length} more`;
  }

  get reads(): readonly string[] {
    return this.#operations.flatMap(({ reads }) => reads);
  }

  async build(draft: Draft): Promise<readonly unknown[]> {
    this.close();
    const results: unknown[] = [];
    for (const operation of this.#operations) {
      results.push(await operation.build(draft));
      // The stores that hosts share take only so much in one commit.
      if (this.size > 1 && !draft.shared.isEmpty) throw new Error("other hosts have a say in one of them");
    }
    return results;
  }
}
