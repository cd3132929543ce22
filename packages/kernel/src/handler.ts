import {
  NetkitError,
  type ApplyOptions,
  type Change,
  type HandlerContext,
  type NamespaceRef,
  type Reading,
  type Resource,
  type ResourceHandler,
  type ResourceKey,
  type Undo,
} from "@netkit/core";
import { openNetlink, type NetlinkError, type NetlinkSocket } from "@netkit/netlink";
import { failTogether } from "./failures.ts";
import type { KernelKind, KernelResource } from "./kind.ts";
import { isKernelResource, kindOf, kinds } from "./kinds.ts";
import { aliasOf, markOf, type Mark } from "./mark.ts";
import { Namespaces } from "./namespaces.ts";
import { OwnProc } from "./own-proc.ts";
import { missing } from "./reading.ts";
import { notThere, outrivalled, taken } from "./refusal.ts";
import { planRemoval, removeAll } from "./removal.ts";
import { shellOf, type Shell } from "./shell.ts";
import { findStrays } from "./strays.ts";
import { Transaction, type Entry, type Item } from "./transaction.ts";
import { View } from "./view.ts";

/** The handler of all kinds that are plain kernel objects: links, addresses, routes, neighbours, sysctls, files. */
export function kernelHandler(context: HandlerContext): ResourceHandler {
  return new KernelHandler(context);
}

class KernelHandler implements ResourceHandler {
  readonly kinds: ReadonlySet<KernelKind> = new Set(Object.keys(kinds) as KernelKind[]);
  readonly #context: HandlerContext;
  readonly #mark: Mark;
  readonly #hostLinks = new Map<string, number>();
  #host: NetlinkSocket | undefined;
  /** What was read in this turn of the event loop: whoever compares everything asks for strays next. */
  #seen: View | undefined;

  constructor(context: HandlerContext) {
    this.#context = context;
    this.#mark = markOf(context.mark);
  }

  async apply(changes: readonly Change[], { forward = false }: ApplyOptions = {}): Promise<Undo> {
    const [journal, retry] = await this.#attempt(changes, forward);
    if (retry === undefined) return () => this.#undo(journal);
    const [second, failure] = await this.#attempt(changes, forward);
    if (failure !== undefined) throw failure;
    return () => this.#undo(second);
  }

  async read(resources: readonly Resource[]): Promise<Reading[]> {
    using namespaces = this.#namespaces();
    using proc = new OwnProc();
    const view = new View(namespaces, this.#mark, proc);
    this.#seen = view;
    setImmediate(() => (this.#seen = undefined));
    const readings = new Map<Resource, Reading>();
    for (const [ns, group] of Map.groupBy(resources, whereRead)) {
      view.visit(ns, () => {
        for (const resource of group) readings.set(resource, readOne(view, own(resource)));
      });
    }
    return resources.map((resource) => readings.get(resource) ?? missing);
  }

  async strays(known: ReadonlySet<ResourceKey>): Promise<Resource[]> {
    using namespaces = this.#namespaces();
    return findStrays(this.#seen ?? new View(namespaces, this.#mark), this.#mark, known, (id) =>
      this.#context.namespacePath(id),
    );
  }

  toShell(changes: readonly Change[]): string[] {
    const shell = shellOf(this.#context);
    const lines: string[] = [];
    for (let next = 0; next < changes.length;) {
      const removals: Item[] = [];
      for (let change = changes[next]; change?.op === "remove"; change = changes[++next]) removals.push(itemOf(change));
      lines.push(...removalCommands(shell, removals));
      const change = changes[next++];
      if (change !== undefined && change.op !== "remove") lines.push(...makingCommands(shell, change));
    }
    // The folder of several files is there with the first.
    return lines.filter((line, index) => !line.startsWith("mkdir -p ") || lines.indexOf(line) === index);
  }

  close(): void {
    this.#host?.close();
    this.#host = undefined;
    this.#hostLinks.clear();
  }

  /**
   * Applies all changes or, unless `forward`, none. A failure is thrown, or returned where an ifindex that was kept from before may be
   * the reason.
   */
  async #attempt(changes: readonly Change[], forward: boolean): Promise<[Entry[], unknown?]> {
    using namespaces = this.#namespaces();
    const tx = this.#transaction(namespaces);
    try {
      await this.#make(tx, changes);
      return [tx.journal];
    } catch (error) {
      tx.abandon();
      // A link may have been made anew by somebody else since its ifindex was kept; taking back must not go by that either.
      if (tx.usedCache) this.#hostLinks.clear();
      try {
        if (!forward) await this.#undo(tx.journal);
      } catch (second) {
        throw failTogether([error, second]);
      }
      if (!tx.usedCache) throw error;
      return [[], error];
    }
  }

  async #make(tx: Transaction, changes: readonly Change[]): Promise<void> {
    for (let next = 0; next < changes.length;) {
      const removals: Item[] = [];
      for (let change = changes[next]; change?.op === "remove"; change = changes[++next]) removals.push(itemOf(change));
      if (removals.length > 0) await removeAll(tx, removals);
      const change = changes[next++];
      if (change?.op === "create") this.#create(tx, itemOf(change));
      else if (change?.op === "replace") await this.#replace(tx, itemOf(change), own(change.previous));
    }
    await tx.settle();
  }

  #create(tx: Transaction, item: Item): void {
    const { resource, owner } = item;
    tx.begin(item);
    if (resource.ensure === "exists") require(tx, item);
    else kindOf(resource).create(tx, resource, aliasOf(this.#mark, owner));
  }

  async #replace(tx: Transaction, item: Item, previous: KernelResource): Promise<void> {
    const { resource, owner } = item;
    tx.begin(item);
    const kind = kindOf(resource);
    if (resource.ensure !== "exists" && kind.change?.(tx, resource, previous, aliasOf(this.#mark, owner)) === true)
      return;
    if (previous.ensure !== "exists") {
      const old = { resource: previous, owner };
      tx.begin(old);
      if (kind.remove === undefined) await removeAll(tx, [old]);
      else kind.remove(tx, previous);
    }
    this.#create(tx, item);
  }

  /** Takes back what the journal says, newest first. @throws NetkitError TEARDOWN with all that failed */
  async #undo(journal: readonly Entry[]): Promise<void> {
    using namespaces = this.#namespaces();
    const tx = this.#transaction(namespaces);
    const failures: unknown[] = [];
    const newestFirst = journal.toReversed();
    for (let next = 0; next < newestFirst.length;) {
      const created: Item[] = [];
      for (let entry = newestFirst[next]; entry?.done === "created"; entry = newestFirst[++next])
        created.push(entry.item);
      try {
        if (created.length > 0) await removeAll(tx, created);
        const entry = newestFirst[next++];
        if (entry?.done === "removed") this.#create(tx, entry.item);
        else if (entry?.done === "changed") {
          tx.begin(entry.item);
          entry.undo(tx);
        }
        tx.flush();
      } catch (error) {
        tx.abandon();
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failTogether(failures);
  }

  #transaction(namespaces: Namespaces): Transaction {
    return new Transaction({
      namespaces,
      mark: this.#mark,
      hostLinks: this.#hostLinks,
      onRequest: this.#context.onRequest,
      verify,
    });
  }

  #namespaces(): Namespaces {
    return new Namespaces(this.#context, () => this.#socket());
  }

  #socket(): NetlinkSocket {
    return (this.#host ??= openNetlink());
  }
}

/** Something of this name is there already: fine if it is ours and as wanted. */
function verify(tx: Transaction, view: View, item: Item, error: NetlinkError): void {
  const { resource } = item;
  const reading = readOne(view, resource);
  if (reading.state === "same") return;
  tx.begin(item);
  const rival = reading.state === "missing" ? kindOf(resource).rival?.(view, resource) : undefined;
  if (rival !== undefined) throw outrivalled(item, rival, error);
  if (kindOf(resource).takeOver?.(tx, resource, reading, view) !== true) throw taken(item, reading, error);
}

/** What somebody else should have made must be there. */
function require(tx: Transaction, item: Item): void {
  const reading = readOne(tx.look(), item.resource);
  if (reading.state === "missing") throw notThere(item);
  if (reading.state === "different") throw taken(item, reading);
}

function readOne(view: View, resource: KernelResource): Reading {
  // What is to be made is checked by its own kind, even before its namespace is.
  if (resource.kind !== "netns" && !view.exists(resource.ns)) return missing;
  const reading = kindOf(resource).read(view, resource);
  if (resource.ensure !== "exists" || reading.state !== "different") return reading;
  // Somebody else's: how it is set is their affair, but a veth in the place of a bridge won't do.
  const differences = reading.differences.filter(({ field }) => field === "kind");
  return differences.length === 0 ? { state: "same" } : { state: "different", differences };
}

/** The namespace to go to. Of a veth that is where its peer is: what there is to know of the host's links is listed once. */
function whereRead(resource: Resource): NamespaceRef {
  return resource.kind === "veth" && resource.ns === "host" ? resource.peer.ns : resource.ns;
}

function removalCommands(shell: Shell, items: readonly Item[]): string[] {
  const { single, links, namespaces } = planRemoval(items);
  return [...single, ...[...links.values()].flat(), ...namespaces].flatMap(({ resource }) =>
    kindOf(resource).removeCommands(shell, resource),
  );
}

function makingCommands(shell: Shell, change: Exclude<Change, { op: "remove" }>): string[] {
  const resource = own(change.resource);
  if (resource.ensure === "exists") return [];
  const kind = kindOf<KernelResource>(resource);
  const alias = aliasOf(shell.mark, change.owner);
  const create = (): string[] => kind.createCommands(shell, resource, alias);
  if (change.op === "create") return create();
  const previous = own(change.previous);
  return (
    kind.changeCommands?.(shell, resource, previous, alias) ?? [...kind.removeCommands(shell, previous), ...create()]
  );
}

function itemOf({ resource, owner }: Change): Item {
  return { resource: own(resource), owner };
}

function own(resource: Resource): KernelResource {
  if (isKernelResource(resource)) return resource;
  throw new NetkitError("INTERNAL", `the kernel handler was given a resource of kind '${resource.kind}'`);
}
