import {
  didYouMean,
  isId,
  keyOf,
  NetkitError,
  type Endpoint,
  type ErrorCode,
  type Namespace,
  type NamespaceId,
  type Network,
  type NetworkId,
  type Owner,
  type RemoteEndpoint,
  type Resource,
  type ResourceKey,
  type Sandbox,
  type SandboxId,
  type Store,
} from "@netkit/core";
import type { Joined } from "./network-joins.ts";
import { checkReference } from "./request-shape.ts";
import { keys, type Owned } from "./state.ts";

/** What can be read of a state: a store's documents, or a draft's view of them. */
export interface Reader {
  get<T>(key: string): Promise<T | undefined>;
  /** The values of those keys that have one. */
  getAll<T>(keys: readonly string[]): Promise<ReadonlyMap<string, T>>;
  range<T>(prefix: string, options?: { from?: string; limit?: number }): Promise<{ key: string; value: T }[]>;
}

/**
 * A network by its id, its name or a prefix of its id, or by the id of another engine's that stands for it, or a prefix of that.
 * @param fits says which networks an error may propose instead
 * @throws NetkitError NETWORK_NOT_FOUND with the nearest name, ID_AMBIGUOUS
 */
export async function findNetwork(reader: Reader, ref: string, fits?: (network: Network) => boolean): Promise<Network> {
  const joined = isId(ref) ? await reader.get<Joined>(keys.joined(ref)) : undefined;
  const own = joined?.network ?? ref;
  const joinedAs = async (prefix: string): Promise<Network[]> => {
    const found = await reader.range<Joined>(keys.joined(prefix));
    // Another host may have removed it.
    return [...(await reader.getAll<Network>(found.map(({ value }) => keys.network(value.network)))).values()];
  };
  const nameKey = keys.networkName(own);
  return await select<Network>(reader, "network", "NETWORK_NOT_FOUND", own, nameKey, { fits, called: joinedAs });
}

/** @throws NetkitError SANDBOX_NOT_FOUND with the host that has it, or the nearest name, ID_AMBIGUOUS */
export async function findSandbox(reader: Reader, ref: string): Promise<Sandbox> {
  const elsewhere = async (): Promise<string | undefined> => await elsewhereIs(reader, ref);
  const alias = async (): Promise<string | undefined> => await aliasHolder(reader, ref);
  return await select<Sandbox>(reader, "sandbox", "SANDBOX_NOT_FOUND", ref, keys.sandboxName(ref), {
    elsewhere,
    alias,
  });
}

/** Who is called so on a network: a container of CNI's, whose runtime has a name for it, say. */
async function aliasHolder(reader: Reader, name: string): Promise<string | undefined> {
  const endpoints = (await reader.range<Endpoint>("endpoint/")).map(({ value }) => value);
  const ids = new Set(endpoints.flatMap(({ sandbox, aliases }) => (aliases.includes(name) ? [sandbox] : [])));
  if (ids.size === 0) return undefined;
  const names = await Promise.all([...ids].map(async (id) => `'${(await sandboxOf(reader, id)).name}'`));
  return `That is an alias of ${names.join(", ")}: give that name.`;
}

/** Where a sandbox is that others have on a network that this host knows. */
async function elsewhereIs(reader: Reader, name: string): Promise<string | undefined> {
  const remotes = (await reader.range<RemoteEndpoint>("remote/")).map(({ value }) => value);
  const hosts = remotes.flatMap(({ sandbox, hostName }) => (sandbox?.name === name ? [`'${hostName}'`] : []));
  if (hosts.length === 0) return undefined;
  return `There is a '${name}' on host ${[...new Set(hosts)].join(", ")}: give the command there.`;
}

interface Selection<T> {
  readonly fits?: ((found: T) => boolean) | undefined;
  readonly elsewhere?: () => Promise<string | undefined>;
  /** What to say where it is somebody's further name. */
  readonly alias?: () => Promise<string | undefined>;
  /** Those that have another id with that prefix beside their own. */
  readonly called?: (prefix: string) => Promise<readonly T[]>;
}

/**
 * A full id first, then a name, then a unique prefix of an id, as Docker does. What is a name on another host is no prefix:
 * who means that one would hit something of this host.
 */
async function select<T extends { id: string; name: string }>(
  reader: Reader,
  what: "network" | "sandbox",
  missing: ErrorCode,
  ref: string,
  nameKey: string,
  {
    fits = () => true,
    elsewhere = async () => undefined,
    alias = async () => undefined,
    called = async () => [],
  }: Selection<T>,
): Promise<T> {
  checkReference(`the ${what}`, ref);
  if (/^[0-9a-f]{64}$/.test(ref)) {
    const found = await reader.get<T>(`${what}/${ref}`);
    if (found !== undefined) return found;
  }
  const id = await reader.get<string>(nameKey);
  const named = id === undefined ? undefined : await reader.get<T>(`${what}/${id}`);
  if (named !== undefined) return named;
  const there = await elsewhere();
  if (there === undefined && /^[0-9a-f]{1,64}$/.test(ref)) {
    const own = await reader.range<T>(`${what}/${ref}`, { limit: 2 });
    const matches = new Map([...own.map(({ value }) => value), ...(await called(ref))].map((each) => [each.id, each]));
    if (matches.size > 1) {
      throw new NetkitError("ID_AMBIGUOUS", `the prefix '${ref}' selects more than one ${what}`, {
        hint: "Give more digits, or the name.",
        details: { prefix: ref },
      });
    }
    const [found] = matches.values();
    if (found !== undefined) return found;
  }
  const names = (await reader.range<T>(`${what}/`)).flatMap(({ value }) => (fits(value) ? [value.name] : []));
  throw new NetkitError(missing, `no ${what} '${ref.slice(0, 130)}'`, {
    hint: there ?? (await alias()) ?? didYouMean(ref.slice(0, 130), names, `'netkit ${what} ls' lists them.`),
    details: { ref },
  });
}

export async function networkOf(reader: Reader, id: NetworkId): Promise<Network> {
  return await required<Network>(reader, keys.network(id));
}

export async function sandboxOf(reader: Reader, id: SandboxId): Promise<Sandbox> {
  return await required<Sandbox>(reader, keys.sandbox(id));
}

export async function namespaceOf(reader: Reader, id: NamespaceId): Promise<Namespace> {
  return await required<Namespace>(reader, keys.namespace(id));
}

/** The endpoints of a namespace, in the order in which they were made. */
export async function endpointsOfNamespace(reader: Reader, id: NamespaceId): Promise<Endpoint[]> {
  return await endpointsUnder(reader, keys.member(id, ""));
}

export async function endpointsOfNetwork(reader: Reader, id: NetworkId): Promise<Endpoint[]> {
  return await endpointsUnder(reader, keys.attached(id, ""));
}

async function endpointsUnder(reader: Reader, prefix: string): Promise<Endpoint[]> {
  const entries = await reader.range<1>(prefix);
  if (entries.length === 0) return [];
  const ids = entries.map(({ key }) => `endpoint/${key.slice(prefix.length)}`);
  const found = await reader.getAll<Endpoint>(ids);
  return byAge(ids.map((key) => present(found.get(key), key)));
}

/** In order of creation. */
export function byAge<T extends { readonly created: string }>(records: readonly T[]): T[] {
  return records.toSorted((a, b) => (a.created < b.created ? -1 : Number(a.created > b.created)));
}

async function required<T>(reader: Reader, key: string): Promise<T> {
  return present(await reader.get<T>(key), key);
}

/** @throws NetkitError that {@link isMissingDocument} */
export function present<T>(found: T | undefined, key: string): T {
  if (found !== undefined) return found;
  throw new NetkitError("INTERNAL", `the state has no '${key}', which another document names`, {
    details: { missing: key },
  });
}

/** True for the error that says that a document is missing that another one names. */
export function isMissingDocument({ code, details }: NetkitError): boolean {
  return code === "INTERNAL" && details["missing"] !== undefined;
}

/** A resource and one of those who hold it. */
export interface Held {
  readonly resource: Resource;
  readonly owner: Owner;
}

export async function everythingHeld(
  reader: Reader,
  without: ReadonlySet<string> = new Set(),
): Promise<Map<ResourceKey, Held>> {
  const held = new Map<ResourceKey, Held>();
  for (const { value } of await reader.range<Owned>("owned/")) {
    if (without.has(value.owner.id)) continue;
    for (const resource of value.resources) {
      const key = keyOf(resource);
      if (!held.has(key)) held.set(key, { resource, owner: value.owner });
    }
  }
  return held;
}

/** A store as a reader. */
export function readerOf(store: Store): Reader {
  return {
    get: async <T>(key: string) => (await store.get(key))?.value as T | undefined,
    getAll: async <T>(wanted: readonly string[]) =>
      new Map([...(await store.getAll(wanted))].map(([key, { value }]) => [key, value as T])),
    range: async <T>(prefix: string, options = {}) =>
      (await store.range(prefix, options)) as unknown as { key: string; value: T }[],
  };
}
