import type { Resource, ResourceKey } from "./resource.ts";

/** Who wants a resource, for marks, messages and sharing. */
export interface Owner {
  readonly type: "network" | "endpoint" | "sandbox" | "peer";
  readonly id: string;
  readonly name: string;
}

/** One step of a plan. `replace` changes an object in place where the kind can, otherwise makes it anew. */
export type Change =
  | { readonly op: "create"; readonly key: ResourceKey; readonly resource: Resource; readonly owner: Owner }
  | {
      readonly op: "replace";
      readonly key: ResourceKey;
      readonly resource: Resource;
      readonly previous: Resource;
      readonly owner: Owner;
    }
  | { readonly op: "remove"; readonly key: ResourceKey; readonly resource: Resource; readonly owner: Owner };

/** Steps in the order of execution. */
export type Plan = readonly Change[];

/** One field in which the kernel differs from what is stored. */
export interface Difference {
  readonly field: string;
  readonly wanted: unknown;
  readonly found: unknown;
}

/** What a handler read for one resource: there as wanted, there but different, or missing. */
export type Reading =
  | { readonly state: "same" }
  | { readonly state: "different"; readonly differences: readonly Difference[] }
  | { readonly state: "missing" };

/** Takes back what one `apply` did, as far as it can; throws one error that names all that failed. */
export type Undo = () => Promise<void>;

/** What a handler may know of its surroundings. */
export interface HandlerContext {
  /** Words that mark netkit's objects, see Instance. */
  readonly mark: string;
  /** A path that opens the namespace of a sandbox; throws NAMESPACE_NOT_FOUND when it is gone. */
  namespacePath(id: string): string;
  /** Called with the time of each kernel request or command, for `--timings`. */
  readonly onRequest?: ((what: string, ms: number) => void) | undefined;
}

export interface ApplyOptions {
  /** What was done before a failure may stay, for the caller carries the same changes out again: it removes. */
  readonly forward?: boolean | undefined;
}

/**
 * Makes, removes, reads and renders the resources of some kinds. It applies changes in runs: everything that can go
 * into one kernel request or transaction does.
 */
export interface ResourceHandler {
  readonly kinds: ReadonlySet<Resource["kind"]>;
  /**
   * Applies the changes, in order, all or nothing: when it throws, what it had done is undone already.
   * Creating what is there already as wanted, and removing what is gone, are no errors; finding a stranger's object
   * in the place of a new one is (LINK_TAKEN, RESOURCE_CONFLICT).
   */
  apply(changes: readonly Change[], options?: ApplyOptions): Promise<Undo>;
  /** One reading per resource, in order. Never changes anything. */
  read(resources: readonly Resource[]): Promise<Reading[]>;
  /** Objects that carry this instance's mark and whose keys aren't in `known`, as resources that `apply` can remove. */
  strays(known: ReadonlySet<ResourceKey>): Promise<Resource[]>;
  /** The changes as shell commands (ip, bridge, nft, iptables, sysctl), one a line, ready to be pasted as root. */
  toShell(changes: readonly Change[]): string[];
  close(): void;
}

/** The order in which kinds are made; removal goes the other way round. */
const rank: Readonly<Record<Resource["kind"], number>> = {
  netns: 0,
  file: 1,
  link: 2,
  bridge: 3,
  dummy: 3,
  ifb: 3,
  vlan: 3,
  // A network's own port of its bridge before those of endpoints, whatever is mended.
  vxlan: 4,
  macvlan: 5,
  ipvlan: 5,
  veth: 5,
  sysctl: 6,
  address: 7,
  route: 8,
  rule: 9,
  neighbour: 9,
  fdb: 9,
  shaper: 9,
  redirect: 9,
  isolation: 10,
  masquerade: 10,
  untracked: 10,
  guard: 10,
  sender: 11,
  familiar: 11,
  open: 11,
  publish: 11,
};

/** Whether there are resources of this kind; a driver in JavaScript may say anything. */
export function isResourceKind(kind: string): kind is Resource["kind"] {
  return Object.hasOwn(rank, kind);
}

/** The rank of a kind in {@link Plan} order: lower is made earlier and removed later. */
export function rankOf(kind: Resource["kind"]): number {
  return rank[kind];
}
