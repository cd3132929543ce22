import { setTimeout } from "node:timers/promises";
import { isNetkitError, NetkitError, type Store } from "@netkit/core";
import type { Draft } from "../draft.ts";
import type { Context } from "../operation.ts";
import { keys } from "../state.ts";
import { Again } from "./again.ts";
import type { SharedItem } from "./changes.ts";
import { renewLease, type LeaseRecord } from "./lease.ts";

/** Records are removed so many at a time: what every store takes. */
const perCommit = 20;
/** A store that is there answers in a tenth of it. */
const patienceMs = 1_000;

/**
 * Writes what the draft wants of the shared store: all or nothing.
 * @throws Again when somebody else was faster; NetkitError STORE_UNAVAILABLE
 */
export async function commitShared(context: Context, draft: Draft): Promise<void> {
  const { preparations, checks, writes } = draft.shared;
  const store = await context.shared.open();
  for (const prepare of preparations) await prepare(store);
  if (writes.size === 0) return;
  const lease = await draft.get<LeaseRecord>(keys.lease);
  const result = await store.commit({
    checks: [...checks].map(([key, { revision }]) => ({ key, revision })),
    writes: [...writes.values()].map(({ key, value, leased }) => ({
      key,
      value,
      ...(leased && lease !== undefined ? { lease: lease.id } : {}),
    })),
  });
  if (!result.committed) throw await conflictIn(context, draft, store, result.conflicts);
  draft.shared.revision = result.revision;
}

async function conflictIn(
  context: Context,
  { shared }: Draft,
  store: Store,
  conflicts: readonly string[],
): Promise<Again> {
  const found = await store.getAll(conflicts);
  let reason: NetkitError | undefined;
  for (const key of conflicts) {
    const check = shared.checks.get(key);
    const now = found.get(key);
    if (check === undefined || (now?.revision ?? 0) === check.revision) continue;
    reason = await check.conflict(now);
  }
  if (reason !== undefined) return new Again(reason);
  // Nobody has them: what they were to be written under has ended.
  const ended = new NetkitError(
    "STORE_UNAVAILABLE",
    "the lease of this host in the shared store ends again and again",
    {
      hint: "See 'netkit agent status', and whether the store's servers are overloaded.",
    },
  );
  return new Again(ended, async () => await renewLease(context));
}

/** Removes records of this host: of what it has removed, or failed to make. If the store is away, they are left to the agent. */
export async function withdraw({ shared }: Context, items: readonly SharedItem[]): Promise<void> {
  if (items.length === 0) return;
  const removing = (async () => await removeShared(await shared.open(), items))().catch((error: unknown) => {
    if (!shared.isOthers || !isStoreError(error)) throw error;
  });
  // Others on this host wait for the lock meanwhile. Of a network the agent wouldn't know what is left.
  if (!shared.isOthers || !items.every(({ key }) => /^(endpoint|address)\//.test(key))) return await removing;
  await Promise.race([removing, setTimeout(patienceMs, undefined, { ref: false })]);
  removing.catch(() => {});
}

/** Removes those records that are still of whom they were. */
export async function removeShared(store: Store, items: readonly SharedItem[]): Promise<void> {
  for (let start = 0; start < items.length; start += perCommit) {
    const some = items.slice(start, start + perCommit);
    const found = await store.getAll(some.map(({ key }) => key));
    const own = some.flatMap(({ key, id }) => {
      const entry = found.get(key);
      return entry !== undefined && (entry.value as { readonly id?: unknown } | null)?.id === id ? [entry] : [];
    });
    if (own.length === 0) continue;
    const result = await store.commit({
      checks: own.map(({ key, revision }) => ({ key, revision })),
      writes: own.map(({ key }) => ({ key, value: undefined })),
    });
    // One of them has changed since: those that are left are looked at again.
    if (!result.committed) start -= perCommit;
  }
}

/** The servers are away, or refuse this host. */
export function isStoreError(error: unknown): boolean {
  return isNetkitError(error) && (error.code === "STORE_UNAVAILABLE" || error.code === "STORE_REFUSED");
}
