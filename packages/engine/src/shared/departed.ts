import type { HostId, SharedHost } from "@netkit/core";
import type { Draft } from "../draft.ts";
import type { Reader } from "../lookup.ts";
import { keys } from "../state.ts";

/** A host whose lease has ended: what was known of it last. */
export interface Departed extends SharedHost {
  /** When this host heard of it. ISO 8601, UTC. */
  readonly since: string;
}

/** So long are they remembered: whoever misses one looks for it within a day. */
const rememberedMs = 24 * 3_600_000;

/** Takes note of a host that has come, or gone. */
export async function noteHost(
  draft: Draft,
  id: HostId,
  now: SharedHost | undefined,
  before: SharedHost | undefined,
): Promise<void> {
  if (now === undefined) draft.delete(keys.host(id));
  else draft.put(keys.host(id), now);
  for (const { key, value } of await draft.range<Departed>(keys.departed("")))
    if (value.id === id || !isRemembered(value)) draft.delete(key);
  if (now === undefined && before !== undefined) {
    draft.put(keys.departed(id), { ...before, since: new Date().toISOString() } satisfies Departed);
  }
}

export async function departedHosts(reader: Reader): Promise<Departed[]> {
  const found = (await reader.range<Departed>(keys.departed(""))).map(({ value }) => value);
  return found.filter(isRemembered);
}

function isRemembered({ since }: Departed): boolean {
  return Date.now() - Date.parse(since) < rememberedMs;
}
