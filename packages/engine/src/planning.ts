import {
  keyOf,
  NetkitError,
  rankOf,
  sameData,
  type Change,
  type NamespaceId,
  type Owner,
  type Plan,
  type Resource,
  type ResourceKey,
} from "@netkit/core";
import type { Draft } from "./draft.ts";
import { keys, type Owned, type Write } from "./state.ts";

export interface Planned {
  readonly plan: Plan;
  /** `owned` and `held` as they will be. */
  readonly writes: readonly Write[];
}

/**
 * What must change in the kernel for the draft: wanted - stored, stored - wanted. A resource that another owner
 * holds is shared if it is the same, and a conflict otherwise.
 * @throws NetkitError RESOURCE_CONFLICT before anything has changed
 */
export async function planDraft(draft: Draft): Promise<Planned> {
  const owners = await before(draft);
  const holders = await Holders.load(
    draft,
    new Set(owners.flatMap(({ stored, wanted }) => [...stored.keys(), ...wanted.keys()])),
  );
  const changes: Change[] = [];
  const owned: Write[] = [];
  /** What the owners of this draft will have, by key: they may share among themselves. */
  const created = new Map<ResourceKey, { resource: Resource; owner: Owner }>();

  for (const { owner, stored, wanted, resources } of owners) {
    for (const [key, resource] of wanted) {
      const own = stored.get(key);
      if (own !== undefined && sameData(own, resource)) continue;
      const other = created.get(key) ?? holders.outside(key);
      if (other !== undefined && !sameData(other.resource, resource)) throw conflict(resource, owner, other.owner);
      if (own === undefined) holders.add(key, owner.id);
      if (other !== undefined) continue;
      created.set(key, { resource, owner });
      changes.push(
        own === undefined
          ? { op: "create", key, resource, owner }
          : { op: "replace", key, resource, previous: own, owner },
      );
    }
    for (const [key, resource] of stored) {
      if (wanted.has(key)) continue;
      holders.delete(key, owner.id);
      changes.push({ op: "remove", key, resource, owner });
    }
    const value = resources.length === 0 ? undefined : ({ owner, resources } satisfies Owned);
    owned.push({ key: keys.owned(owner.id), value });
  }
  const kept = new Set(owners.flatMap(({ wanted }) => [...wanted.keys()]));
  return { plan: order(withoutShared(kept, holders, changes)), writes: [...owned, ...holders.writes()] };
}

/** An owner of the draft with its resources as stored and as they will be, by key. */
interface OwnerChange extends Owned {
  readonly stored: ReadonlyMap<ResourceKey, Resource>;
  readonly wanted: ReadonlyMap<ResourceKey, Resource>;
}

async function before(draft: Draft): Promise<OwnerChange[]> {
  const wanted = [...draft.wanted.values()].flatMap(({ resources }) => resources.map(keyOf));
  await draft.prefetch([...[...draft.wanted.keys()].map(keys.owned), ...wanted.filter(hasEntry).map(keys.held)]);
  return await Promise.all(
    [...draft.wanted].map(async ([id, { owner, resources }]) => ({
      owner,
      resources,
      stored: byKey((await draft.stored(id))?.resources ?? []),
      wanted: byKey(resources),
    })),
  );
}

function byKey(resources: readonly Resource[]): Map<ResourceKey, Resource> {
  return new Map(resources.map((resource) => [keyOf(resource), resource]));
}

/**
 * Who holds which resource: as stored, and as the draft will leave it. On the host anybody may, so that each resource has
 * an entry that names its holders, except published ports: those are never shared, and have keys of their own. A
 * sandbox's namespace has few owners, who are asked.
 */
class Holders {
  readonly #stored: ReadonlyMap<ResourceKey, readonly string[]>;
  /** Of each resource one holder outside the draft, if there is one. */
  readonly #outside = new Map<ResourceKey, { readonly resource: Resource; readonly owner: Owner }>();
  readonly #changed = new Map<ResourceKey, Set<string>>();

  private constructor(stored: ReadonlyMap<ResourceKey, readonly string[]>) {
    this.#stored = stored;
  }

  static async load(draft: Draft, resources: ReadonlySet<ResourceKey>): Promise<Holders> {
    const withEntry = [...resources].filter(hasEntry);
    await draft.prefetch(withEntry.map(keys.held));
    const stored = new Map<ResourceKey, readonly string[]>();
    for (const key of withEntry) stored.set(key, (await draft.get<string[]>(keys.held(key))) ?? []);
    for (const namespace of new Set([...resources].map(namespaceOfKey))) {
      if (namespace === "host") continue;
      for (const [key, ids] of await holdersInside(draft, namespace)) stored.set(key, ids);
    }
    const holders = new Holders(stored);
    for (const key of resources) {
      const outside = stored.get(key)?.find((id) => !draft.wanted.has(id));
      const owned = outside === undefined ? undefined : await draft.stored(outside);
      const resource = owned?.resources.find((candidate) => keyOf(candidate) === key);
      if (owned !== undefined && resource !== undefined) holders.#outside.set(key, { resource, owner: owned.owner });
    }
    return holders;
  }

  add(key: ResourceKey, owner: string): void {
    this.#change(key).add(owner);
  }

  delete(key: ResourceKey, owner: string): void {
    this.#change(key).delete(owner);
  }

  /** An owner outside the draft that holds the resource. */
  outside(key: ResourceKey): { readonly resource: Resource; readonly owner: Owner } | undefined {
    return this.#outside.get(key);
  }

  writes(): Write[] {
    return [...this.#changed]
      .filter(([key]) => hasEntry(key))
      .map(([key, owners]) => ({ key: keys.held(key), value: owners.size === 0 ? undefined : [...owners] }));
  }

  #change(key: ResourceKey): Set<string> {
    let owners = this.#changed.get(key);
    if (owners === undefined) this.#changed.set(key, (owners = new Set(this.#stored.get(key))));
    return owners;
  }
}

/** The holders of all that is in a sandbox's namespace: the sandbox, whose id it has, and its endpoints. */
async function holdersInside(draft: Draft, namespace: string): Promise<Map<ResourceKey, string[]>> {
  const prefix = keys.member(namespace as NamespaceId, "");
  const members = (await draft.range(prefix)).map(({ key }) => key.slice(prefix.length));
  const holders = new Map<ResourceKey, string[]>();
  for (const id of [namespace, ...members]) {
    for (const resource of (await draft.stored(id))?.resources ?? []) {
      const key = keyOf(resource);
      holders.set(key, [...(holders.get(key) ?? []), id]);
    }
  }
  return holders;
}

function namespaceOfKey(key: ResourceKey): string {
  return key.split(" ", 2)[1] ?? "";
}

function hasEntry(key: ResourceKey): boolean {
  return namespaceOfKey(key) === "host" && !key.startsWith("publish ");
}

/**
 * Settles what several owners do with one key: what somebody keeps isn't removed, what several let go is removed once,
 * and what passes from one owner to another (a default route) is replaced, or left alone if it stays the same.
 */
function withoutShared(kept: ReadonlySet<ResourceKey>, holders: Holders, changes: readonly Change[]): Change[] {
  const removed = new Map<ResourceKey, Change>();
  for (const change of changes) if (change.op === "remove") removed.set(change.key, change);

  const settled: Change[] = [];
  for (const change of changes) {
    const { key, resource, owner } = change;
    const before = removed.get(key);
    if (change.op === "create" && before !== undefined) {
      if (!sameData(before.resource, resource)) {
        settled.push({ op: "replace", key, resource, previous: before.resource, owner });
      }
    } else if (change.op !== "remove") {
      settled.push(change);
    } else if (!kept.has(key) && before === change && holders.outside(key) === undefined) {
      settled.push(change);
    }
  }
  return settled;
}

/** Removals first, children before parents; then the rest, parents before children. */
export function order(changes: readonly Change[]): Plan {
  const removals = changes.filter((change) => change.op === "remove");
  const others = changes.filter((change) => change.op !== "remove");
  return [...sortByDependency(removals).toReversed(), ...sortByDependency(others)];
}

/** The plan that takes a plan back. */
export function inverse(plan: Plan): Plan {
  return plan.toReversed().map((change): Change => {
    switch (change.op) {
      case "create":
        return { ...change, op: "remove" };
      case "remove":
        return { ...change, op: "create" };
      case "replace":
        return { ...change, resource: change.previous, previous: change.resource };
    }
  });
}

/** By rank of kind, within it as the driver listed them; `dependsOn` moves a resource behind what it names. */
function sortByDependency(changes: readonly Change[]): Change[] {
  const byKey = new Map(changes.map((change) => [change.key, change]));
  const sorted: Change[] = [];
  const done = new Set<ResourceKey>();
  const visit = (change: Change, path: readonly ResourceKey[]): void => {
    if (done.has(change.key)) return;
    if (path.includes(change.key)) {
      throw new NetkitError(
        "DRIVER_INVALID",
        `the resources of ${change.owner.type} '${change.owner.name}' depend on each other in a circle`,
        {
          details: { keys: path },
        },
      );
    }
    for (const key of change.resource.dependsOn ?? []) {
      const needed = byKey.get(key);
      if (needed !== undefined) visit(needed, [...path, change.key]);
    }
    done.add(change.key);
    sorted.push(change);
  };
  for (const change of changes.toSorted((a, b) => rankOf(a.resource.kind) - rankOf(b.resource.kind))) visit(change, []);
  return sorted;
}

function conflict(resource: Resource, owner: Owner, other: Owner): NetkitError {
  return new NetkitError(
    "RESOURCE_CONFLICT",
    `${owner.type} '${owner.name}' needs ${describe(resource)}, which ${other.type} '${other.name}' holds with other settings`,
    { hint: `Remove ${other.type} '${other.name}' first, or choose another one.`, details: { resource, owner, other } },
  );
}

/** A resource in words, for messages: `bridge netkit0`, `route 10.0.0.0/8`. */
export function describe(resource: Resource): string {
  const [kind, , ...identity] = keyOf(resource).split(" ");
  return resource.kind === "netns" ? `namespace ${resource.name}` : `${kind} ${identity.join(" ")}`;
}
