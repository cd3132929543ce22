import { NetkitError, type Store } from "@netkit/core";
import type { Write } from "./state.ts";

/** The revision of the writes. @throws NetkitError STATE_UNWRITABLE, STATE_CHANGED */
export async function commit(store: Store, writes: readonly Write[], durable = true): Promise<number> {
  // A later write of a key stands for the earlier ones. No checks: every writer holds the lock.
  const last = new Map(writes.map((write) => [write.key, write]));
  const result = await store.commit({ checks: [], writes: [...last.values()], durable });
  if (!result.committed) throw new NetkitError("STATE_CHANGED", "the state was changed by somebody else");
  return result.revision;
}
