import type { WatchEvent } from "@netkit/core";
import { parsed, type Api } from "./api.ts";
import { unavailable } from "./errors.ts";
import { pathOf } from "./options.ts";
import { entryOf, type Pair } from "./pairs.ts";

/** Everything under a prefix, at a revision. */
export interface Listing {
  /** Consul's index of it: that of the last change under the prefix, or a later one. */
  readonly index: number;
  readonly pairs: ReadonlyMap<string, Pair>;
}

export interface Blocking {
  /** Answer when there is a change behind this index... */
  readonly index: number;
  /** ...or when so much time has passed. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

/** Reads everything under a prefix; the store's own key isn't part of it. */
export async function list(api: Api, root: string, prefix: string, blocking?: Blocking): Promise<Listing> {
  const path = pathOf(root + prefix);
  const { address, headers, status, body } = await api.call({
    method: "GET",
    path: `kv/${path.split("/").map(encodeURIComponent).join("/")}`,
    query: {
      recurse: "",
      consistent: "",
      ...(blocking === undefined ? {} : { index: String(blocking.index), wait: `${blocking.waitMs}ms` }),
    },
    repeatable: true,
    // Consul adds a sixteenth, so that not all ask again at once.
    ...(blocking === undefined ? {} : { waitMs: blocking.waitMs * (17 / 16), signal: blocking.signal }),
  });
  const all = status === 404 ? [] : parsed<readonly Pair[]>({ address, body });
  const index = Number(headers["x-consul-index"]);
  // To wait for a change behind it would be not to wait at all.
  if (!(index > 0)) throw unavailable([address], "a list has no index", "none");
  const under = all.filter(({ Key }) => Key.startsWith(root + prefix) && Key !== root);
  return { index, pairs: new Map(under.map((pair) => [pair.Key, pair])) };
}

/**
 * What has changed from one listing to a later one. A removal is seen by what is missing, so it has the later index; it comes
 * before what was put at that one, for it was earlier.
 */
export function differences(before: Listing, now: Listing, root: string): WatchEvent[] {
  const put = [...now.pairs.values()].filter(
    ({ Key, ModifyIndex }) => before.pairs.get(Key)?.ModifyIndex !== ModifyIndex,
  );
  const gone = [...before.pairs.keys()].filter((key) => !now.pairs.has(key));
  const events: WatchEvent[] = [
    ...gone.map((key): WatchEvent => ({ type: "delete", key: key.slice(root.length), revision: now.index })),
    ...put.map((pair): WatchEvent => ({ type: "put", ...entryOf(pair, root) })),
  ];
  return events.toSorted((a, b) => a.revision - b.revision);
}
