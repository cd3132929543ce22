import {
  keyOf,
  NetkitError,
  rankOf,
  sameData,
  type Change,
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
  const changes: Change[] = [];
  const holders = new Holders(draft);
  const owned: Write[] = [];
  /** What the owners of this draft will have, by key: they may share among themselves. */
  const created = new Map<ResourceKey, { resource: Resource; owner: Owner }>();

  for (const [id, { owner, resources }] of draft.wanted) {
    const before = new Map((await draft.stored(id))?.resources.map((resource) => [keyOf(resource), resource]) ?? []);
    const after = new Map(resources.map((resource) => [keyOf(resource), resource]));
    for (const [key, resource] of after) {
      const own = before.get(key);
      if (own !== undefined && sameData(own, resource)) continue;
      const other = created.get(key) ?? (await holders.other(key, id));
      if (other !== undefined && !sameData(other.resource, resource)) throw conflict(resource, owner, other.owner);
      if (own === undefined) await holders.add(key, id);
      if (other !== undefined) continue;
      created.set(key, { resource, owner });
      changes.push(
        own === undefined
          ? { op: "create", key, resource, owner }
          : { op: "replace", key, resource, previous: own, owner },
      );
    }
    for (const [key, resource] of before) {
      if (after.has(key)) continue;
      await holders.delete(key, id);
      changes.push({ op: "remove", key, resource, owner });
    }
    const value = resources.length === 0 ? undefined : ({ owner, resources } satisfies Owned);
    owned.push({ key: keys.owned(id), value });
  }
  return { plan: order(await withoutShared(draft, holders, changes)), writes: [...owned, ...holders.writes()] };
}

/** Who holds which resource: as stored, and as the draft will leave it. */
class Holders {
  readonly #draft: Draft;
  readonly #stored = new Map<ResourceKey, readonly string[]>();
  readonly #changed = new Map<ResourceKey, Set<string>>();

  constructor(draft: Draft) {
    this.#draft = draft;
  }

  async add(key: ResourceKey, owner: string): Promise<void> {
    (await this.#change(key)).add(owner);
  }

  async delete(key: ResourceKey, owner: string): Promise<void> {
    (await this.#change(key)).delete(owner);
  }

  /** An owner outside the draft that holds the resource. */
  async other(key: ResourceKey, except: string): Promise<{ resource: Resource; owner: Owner } | undefined> {
    for (const id of await this.#read(key)) {
      if (id === except || this.#draft.wanted.has(id)) continue;
      const owned = await this.#draft.stored(id);
      const resource = owned?.resources.find((candidate) => keyOf(candidate) === key);
      if (owned !== undefined && resource !== undefined) return { resource, owner: owned.owner };
    }
    return undefined;
  }

  writes(): Write[] {
    return [...this.#changed].map(([key, owners]) => ({
      key: keys.held(key),
      value: owners.size === 0 ? undefined : [...owners],
    }));
  }

  async #change(key: ResourceKey): Promise<Set<string>> {
    let owners = this.#changed.get(key);
    if (owners === undefined) this.#changed.set(key, (owners = new Set(await this.#read(key))));
    return owners;
  }

  async #read(key: ResourceKey): Promise<readonly string[]> {
    let owners = this.#stored.get(key);
    if (owners === undefined) this.#stored.set(key, (owners = (await this.#draft.get<string[]>(keys.held(key))) ?? []));
    return owners;
  }
}

/**
 * Settles what several owners do with one key: what somebody keeps isn't removed, what several let go is removed once,
 * and what passes from one owner to another (a default route) is replaced, or left alone if it stays the same.
 */
async function withoutShared(draft: Draft, holders: Holders, changes: readonly Change[]): Promise<Change[]> {
  const removed = new Map<ResourceKey, Change>();
  for (const change of changes) if (change.op === "remove") removed.set(change.key, change);
  const wanted = new Set<ResourceKey>();
  for (const { resources } of draft.wanted.values()) for (const resource of resources) wanted.add(keyOf(resource));

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
    } else if (!wanted.has(key) && before === change && (await holders.other(key, owner.id)) === undefined) {
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
