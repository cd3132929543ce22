import { setTimeout } from "node:timers/promises";
import { backoffMs, decodeValue, endOfPrefix, isNetkitError, type WatchEvent } from "@netkit/core";
import type { Cluster } from "./cluster.ts";
import type { WatchRequest, WatchResponse } from "./messages.ts";
import { watch } from "./rpc.ts";

export interface Watched {
  /** What all keys begin with in etcd. */
  readonly root: string;
  readonly prefix: string;
  /** The latest revision. */
  readonly now: () => Promise<number>;
}

/** What etcd reports from a revision on, through as many connections as it takes. @throws NetkitError STORE_REFUSED */
export async function* watchChanges(
  cluster: Cluster,
  watched: Watched,
  revision: number,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent> {
  let seen = revision;
  let failures = 0;
  while (!signal.aborted) {
    try {
      // A server may be behind the others, but none knows a revision that there hasn't been.
      const latest = await watched.now();
      if (seen > latest) yield { type: "resync", revision: (seen = latest) };
      const begin = seen;
      for await (const response of cluster.stream(watch, requestOf(watched, begin), signal)) {
        failures = 0;
        if (response.compactRevision > 0) {
          yield { type: "resync", revision: (seen = await watched.now()) };
          break;
        }
        if (response.canceled) throw cluster.canceled(response.cancelReason);
        for (const event of eventsOf(response, watched.root, begin)) {
          seen = event.revision;
          yield event;
          if (signal.aborted) return;
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!isNetkitError(error) || error.code !== "STORE_UNAVAILABLE") throw error;
      await setTimeout(backoffMs(++failures), undefined, { signal }).catch(() => {});
    }
  }
}

/**
 * From the last revision on that was seen, not from the one behind it: compacting etcd up to a revision drops removals at just
 * that revision (etcd before 3.4.34 and 3.5.15, issue 18089), and says nothing of it to a watch that begins there.
 */
function requestOf({ root, prefix }: Watched, seen: number): WatchRequest {
  return { create: { key: root + prefix, rangeEnd: root + endOfPrefix(prefix), startRevision: Math.max(seen, 1) } };
}

/** Those after `begin`. The events of one revision come in one response, so that none of them is left for the next watch. */
function eventsOf({ events }: WatchResponse, root: string, begin: number): WatchEvent[] {
  return events.flatMap(({ type, kv }) => {
    if (kv === undefined || kv.modRevision <= begin) return [];
    const at = { key: kv.key.slice(root.length), revision: kv.modRevision };
    return type === 1 ? { type: "delete", ...at } : { type: "put", ...at, value: decodeValue(kv.value) };
  });
}
