import { setTimeout } from "node:timers/promises";
import { backoffMs, isNetkitError, type WatchEvent } from "@netkit/core";
import type { Api } from "./api.ts";
import { differences, list, type Listing } from "./listing.ts";

/** How long one question to Consul waits for a change; then it is asked again. */
const waitMs = 30_000;

export interface Watched {
  /** What all keys begin with in Consul. */
  readonly root: string;
  readonly prefix: string;
  /** Whether nothing under the prefix can have changed since a revision. */
  readonly unchanged: (listing: Listing, revision: number) => Promise<boolean>;
}

/** What follows from comparing one listing with the next. @throws NetkitError STORE_REFUSED */
export async function* watchChanges(
  api: Api,
  watched: Watched,
  revision: number,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent> {
  const { root, prefix } = watched;
  let known: Listing | undefined;
  let failures = 0;
  while (!signal.aborted) {
    try {
      // Servers that were away may have begun anew, and would wait for an index that they don't reach for long.
      const waits = failures === 0 ? known : undefined;
      const blocking = waits === undefined ? undefined : { index: waits.index, waitMs, signal };
      const listing: Listing = await list(api, root, prefix, blocking);
      const events = await eventsOf(watched, known, listing, revision);
      known = listing;
      failures = 0;
      for (const event of events) {
        if (signal.aborted) return;
        yield event;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!isNetkitError(error) || error.code !== "STORE_UNAVAILABLE") throw error;
      await setTimeout(backoffMs(++failures), undefined, { signal }).catch(() => {});
    }
  }
}

/** @param known the listing before this one; undefined at the beginning of the watch, at `revision` */
async function eventsOf(
  { root, unchanged }: Watched,
  known: Listing | undefined,
  listing: Listing,
  revision: number,
): Promise<readonly WatchEvent[]> {
  const resync: WatchEvent = { type: "resync", revision: listing.index };
  if (known === undefined) return (await unchanged(listing, revision)) ? [] : [resync];
  // Consul's servers began anew, or have forgotten when the last key was removed.
  if (listing.index < known.index) return [resync];
  return differences(known, listing, root);
}
