import type { HostId, NetworkId, RemoteEndpoint, SharedHost } from "@netkit/core";
import type { Draft } from "../draft.ts";
import type { Reader } from "../lookup.ts";
import { keys } from "../state.ts";

/** A host whose lease has ended: what was known of it last. */
export interface Departed extends SharedHost {
  /** When this host heard of it. ISO 8601, UTC. */
  readonly since: string;
}

/** A network that such a host was on. */
export interface DepartedFrom extends Pick<Departed, "since"> {
  readonly host: Pick<SharedHost, "id" | "name" | "vtep">;
  readonly network: NetworkId;
}

/** Of all hosts. */
export const departedFromAll = "departed-from/";

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
  else {
    draft.put(keys.host(id), now);
    for (const { key } of await draft.range(keys.departedFrom(id, ""))) draft.delete(key);
  }
  for (const { key, value } of await draft.range<Departed>(keys.departed("")))
    if (value.id === id || !isRemembered(value)) draft.delete(key);
  for (const { key, value } of await draft.range<DepartedFrom>(departedFromAll))
    if (!isRemembered(value)) draft.delete(key);
  if (now === undefined && before !== undefined) {
    draft.put(keys.departed(id), { ...before, since: new Date().toISOString() } satisfies Departed);
  }
}

/** Takes note of what a host was on that has gone with its lease. */
export function noteDepartedFrom(draft: Draft, { host, hostName: name, vtep, network }: RemoteEndpoint): void {
  const record: DepartedFrom = { host: { id: host, name, vtep }, network, since: new Date().toISOString() };
  draft.put(keys.departedFrom(host, network), record);
}

/** Those that were on a network when their lease ended. */
export async function departedFrom(reader: Reader, network: NetworkId): Promise<DepartedFrom[]> {
  const found = (await reader.range<DepartedFrom>(departedFromAll)).map(({ value }) => value);
  return found.filter((one) => one.network === network && isRemembered(one));
}

export async function departedHosts(reader: Reader): Promise<Departed[]> {
  const found = (await reader.range<Departed>(keys.departed(""))).map(({ value }) => value);
  return found.filter(isRemembered);
}

function isRemembered({ since }: Pick<Departed, "since">): boolean {
  return Date.now() - Date.parse(since) < rememberedMs;
}
