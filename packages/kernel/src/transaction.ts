import { setImmediate, setTimeout } from "node:timers/promises";
import type { NamespaceRef, Owner } from "@netkit/core";
import {
  NLM_F_ECHO,
  decodeLink,
  decodeLinkCarrier,
  decodeLinkIndex,
  delLink,
  delLinkGroup,
  isNetlinkError,
  newLink,
  readLink,
  setLink,
  type BatchResult,
  type Link,
  type NetlinkError,
  type NetlinkMessage,
  type NetlinkReply,
  type NetlinkSocket,
  type NewLink,
} from "@netkit/netlink";
import type { KernelResource } from "./kind.ts";
import { isOurs, type Mark } from "./mark.ts";
import { ifThere, type Namespaces } from "./namespaces.ts";
import { View } from "./view.ts";
import { fileRefusal, foreignLink, linkNotFound, refusal } from "./refusal.ts";

/** One resource of a change, with whom it is for. */
export interface Item {
  readonly resource: KernelResource;
  readonly owner: Owner;
}

/** What was done, for taking it back. */
export type Entry =
  | { readonly done: "created" | "removed"; readonly item: Item }
  | { readonly done: "changed"; readonly item: Item; readonly undo: (tx: Transaction) => unknown };

type Undone = () => void;

interface SendOptions {
  /** Errors that mean that there is nothing to do. */
  readonly ignore?: readonly string[];
  /** The message makes (or removes) the whole resource: what else is done to it needs no undo of its own. */
  readonly done?: "created" | "removed";
  readonly receive?: (replies: readonly NetlinkReply[]) => void;
}

interface Queued extends SendOptions {
  readonly item: Item;
  readonly message: NetlinkMessage;
}

/** What the handler gives to each transaction. */
export interface Surroundings {
  readonly namespaces: Namespaces;
  readonly mark: Mark;
  /** Ifindexes of the host's links, kept from one transaction to the next. They may be out of date. */
  readonly hostLinks: Map<string, number>;
  readonly onRequest: ((what: string, ms: number) => void) | undefined;
  /** Decides on an object that exists already, as the tables show it: throws unless it is as wanted. */
  readonly verify: (tx: Transaction, view: View, item: Item, error: NetlinkError) => void;
}

/** Longer than the kernel takes by itself. */
const patienceMs = 2_000;

/** The errors of removing what isn't there. */
export const GONE: readonly string[] = ["ENODEV", "ENOENT", "ESRCH", "EADDRNOTAVAIL"];

/**
 * Collects netlink messages and sends consecutive ones of one namespace as one batch. The kernel carries out a batch
 * to its end whatever fails in between, so each message that succeeded is written into the journal.
 */
export class Transaction {
  readonly mark: Mark;
  readonly journal: Entry[] = [];
  /** An ifindex from the cache was used: a failure may be the cache's fault. */
  usedCache = false;
  readonly #around: Surroundings;
  readonly #links = new Map<string, number>();
  /** Links that get a carrier, by namespace: a port before its bridge. */
  readonly #carrying = new Map<NamespaceRef, Set<number>>();
  #queue: Queued[] = [];
  #glance: View | undefined;
  #ns: NamespaceRef = "host";
  #item: Item | undefined;

  constructor(around: Surroundings) {
    this.#around = around;
    this.mark = around.mark;
  }

  /** Says what the following calls are for. */
  begin(item: Item): void {
    this.#item = item;
  }

  /** What the tables show now. */
  look(): View {
    this.flush();
    return new View(this.#around.namespaces, this.mark);
  }

  /** What the tables showed when this was first asked, or first after {@link lookAway}: what was made since then isn't in it. */
  glance(): View {
    return (this.#glance ??= this.look());
  }

  /** Something goes that a glance has shown. */
  lookAway(): void {
    this.#glance = undefined;
  }

  get item(): Item {
    if (this.#item === undefined) throw new TypeError("nothing was begun");
    return this.#item;
  }

  /** Queues a message. */
  send(ns: NamespaceRef, message: NetlinkMessage, options: SendOptions = {}): void {
    if (ns !== this.#ns) this.flush();
    this.#ns = ns;
    this.#queue.push({ item: this.item, message, ...options });
  }

  /** Queues the making of a link. The kernel's answer tells its ifindex, and that of a veth's peer. */
  makeLink(ns: NamespaceRef, link: NewLink, peer?: { readonly ns: NamespaceRef; readonly name: string }): void {
    const message = newLink(link);
    this.send(
      ns,
      { ...message, flags: message.flags | NLM_F_ECHO },
      {
        done: "created",
        receive: ([reply]) => {
          if (reply === undefined) return;
          const { ifindex, parent } = decodeLinkIndex(reply.payload);
          this.#learn(ns, link.name, ifindex);
          if (peer !== undefined && parent !== undefined) this.#learn(peer.ns, peer.name, parent);
        },
      },
    );
  }

  /**
   * Does something other than netlink with the thread in the namespace, now. What `work` returns undoes it in the
   * same way; undefined says that nothing has changed.
   */
  act(ns: NamespaceRef, what: string, work: () => Undone | undefined): void {
    this.flush();
    const { item } = this;
    const undo = this.#timed(
      () => what,
      () => this.#around.namespaces.within(ns, work),
    );
    if (undo !== undefined) {
      const back = (): undefined => {
        undo();
      };
      this.journal.push({ done: "changed", item, undo: (tx) => ifThere(() => tx.act(ns, `undo: ${what}`, back)) });
    }
  }

  /** Says how to take back what is queued next. */
  changed(undo: (tx: Transaction) => unknown): void {
    this.flush();
    this.journal.push({ done: "changed", item: this.item, undo });
  }

  /** The ifindex of a link. @throws NetkitError LINK_NOT_FOUND */
  ifindex(ns: NamespaceRef, name: string): number {
    const index = this.findIfindex(ns, name);
    if (index === undefined) throw linkNotFound(this.item, ns, name);
    return index;
  }

  /** The ifindex of a link, or undefined when there is none. */
  findIfindex(ns: NamespaceRef, name: string): number | undefined {
    const key = `${ns} ${name}`;
    if (!this.#links.has(key)) this.flush();
    const known = this.#links.get(key);
    if (known !== undefined) return known;
    const cached = ns === "host" ? this.#around.hostLinks.get(name) : undefined;
    if (cached !== undefined) {
      this.usedCache = true;
      // What is asked for again needn't be sent for first.
      this.#links.set(key, cached);
      return cached;
    }
    const found = this.findLink(ns, name)?.ifindex;
    if (found === undefined) return undefined;
    this.#learn(ns, name, found);
    return found;
  }

  /** Reads one link, in one go with what is queued. */
  findLink(ns: NamespaceRef, name: string): Link | undefined {
    let found: Link | undefined;
    this.send(ns, readLink(name, false), {
      ignore: ["ENODEV"],
      receive: ([reply]) => {
        if (reply !== undefined) found = decodeLink(reply.payload, false);
      },
    });
    this.flush();
    return found;
  }

  /** Reads a link that netkit made. @throws NetkitError LINK_TAKEN when it is somebody else's */
  findOwnLink(ns: NamespaceRef, name: string): Link | undefined {
    const link = this.findLink(ns, name);
    if (link !== undefined && !isOurs(this.mark, link)) throw foreignLink(this.item, link);
    return link;
  }

  /** What opens a sandbox's namespace now. */
  path(ns: NamespaceRef): string | undefined {
    return this.#around.namespaces.path(ns);
  }

  fd(ns: NamespaceRef): number {
    return this.#around.namespaces.fd(ns);
  }

  socket(ns: NamespaceRef): NetlinkSocket {
    return this.#around.namespaces.socket(ns);
  }

  /** Forgets a link that was removed. */
  forgetLink(ns: NamespaceRef, name: string): void {
    this.lookAway();
    this.#links.delete(`${ns} ${name}`);
    if (ns === "host") this.#around.hostLinks.delete(name);
  }

  /** Forgets all that is known of links. */
  forgetLinks(): void {
    this.lookAway();
    this.#links.clear();
    this.#around.hostLinks.clear();
  }

  /** Sends what is queued. @throws NetkitError for the first message that failed, once all are in the journal */
  flush(): void {
    if (this.#queue.length === 0) return;
    const queue = this.#queue;
    this.#queue = [];
    const socket = this.socket(this.#ns);
    const results = this.#timed(
      () => describe(queue),
      () => this.#batch(socket, queue),
    );
    const existing: [Item, NetlinkError][] = [];
    let failure: Error | undefined;
    for (const [index, { item, done, ignore, receive }] of queue.entries()) {
      const result = results[index];
      if (result === undefined) continue;
      if (result.ok) {
        if (done !== undefined) this.journal.push({ done, item });
        receive?.(result.replies);
      } else if (ignore?.includes(result.error.code) === true) continue;
      else if (done === "created" && result.error.code === "EEXIST") existing.push([item, result.error]);
      else failure ??= refusal(item, result.error);
    }
    if (failure !== undefined) throw failure;
    if (existing.length === 0) return;
    // What is sent next may be for another item than those that are looked at here.
    const begun = this.#item;
    // One look for all of them: what is sent for one concerns no other.
    const view = this.look();
    for (const [item, error] of existing) this.#around.verify(this, view, item, error);
    this.flush();
    this.#item = begun;
  }

  /** When the kernel's answer is lost, each message counts as carried out: taking back what wasn't is no error. */
  #batch(socket: NetlinkSocket, queue: readonly Queued[]): BatchResult[] {
    try {
      return socket.batch(queue.map(({ message }) => message));
    } catch (error) {
      for (const { item, done } of queue) if (done !== undefined) this.journal.push({ done, item });
      throw error;
    }
  }

  /** Says that what is sent gives a link its carrier. */
  carries(ns: NamespaceRef, ifindex: number): void {
    this.#carrying.set(ns, (this.#carrying.get(ns) ?? new Set()).add(ifindex));
  }

  /**
   * Sends what is queued, and waits until the links that {@link carries} named have seen their carrier. The kernel tells them by itself a moment
   * later, on a busy machine up to a second; until then they drop packets. Reading a link tells it at once (Linux 6.8).
   */
  async settle(): Promise<void> {
    const until = performance.now() + patienceMs;
    for (let behind = true; behind && performance.now() < until;) {
      behind = false;
      const receive = ([reply]: readonly NetlinkReply[]): void => {
        if (reply !== undefined && isBehind(reply.payload)) behind = true;
      };
      for (const [ns, ifindexes] of this.#carrying)
        for (const ifindex of ifindexes) this.send(ns, readLink(ifindex, false), { ignore: GONE, receive });
      this.flush();
      if (behind) await setTimeout(1);
    }
  }

  /** Drops what is queued. */
  abandon(): void {
    this.#queue = [];
  }

  /**
   * Deletes links, and waits until they are gone: out of the tables, with their addresses and routes, and their names free. The kernel
   * answers a grace period later (15 ms and more), when it has freed them, which concerns nobody.
   */
  async deleteLinks(ns: NamespaceRef, items: readonly Item[], ifindexes: readonly number[]): Promise<void> {
    const { onRequest } = this.#around;
    const started = onRequest && performance.now();
    const socket = this.socket(ns);
    const answer = socket.batchAsync(deletion(ifindexes));
    const results = await Promise.race([answer, gone(socket, ifindexes, answer)]);
    if (started !== undefined) onRequest?.(`delete ${items.length} links`, performance.now() - started);
    for (const result of results) {
      if (!result.ok && !GONE.includes(result.error.code)) throw refusal(items[0] ?? this.item, result.error);
    }
  }

  #learn(ns: NamespaceRef, name: string, ifindex: number): void {
    this.#links.set(`${ns} ${name}`, ifindex);
    if (ns === "host") this.#around.hostLinks.set(name, ifindex);
  }

  #timed<T>(what: () => string, work: () => T): T {
    const { onRequest } = this.#around;
    try {
      if (onRequest === undefined) return work();
      const started = performance.now();
      const result = work();
      onRequest(what(), performance.now() - started);
      return result;
    } catch (error) {
      throw isNetlinkError(error) ? refusal(this.item, error) : fileRefusal(this.item, error);
    }
  }
}

/** Has a carrier, and hasn't seen it. */
function isBehind(payload: Buffer): boolean {
  const { carrier, operState } = decodeLinkCarrier(payload);
  return carrier && (operState === "unknown" || operState === "down" || operState === "lower-layer-down");
}

function describe(queue: readonly Queued[]): string {
  const [first] = queue;
  return `${first?.message.op}${queue.length > 1 ? ` and ${queue.length - 1} more` : ""}`;
}

/** Several go as a group, for the kernel waits once for each request. */
function deletion(ifindexes: readonly number[]): NetlinkMessage[] {
  const [first] = ifindexes;
  if (first !== undefined && ifindexes.length === 1) return [delLink(first)];
  const group = 2 ** 24 + Math.floor(Math.random() * (2 ** 31 - 2 ** 24 - 1));
  return [...ifindexes.map((ifindex) => setLink(ifindex, { group })), delLinkGroup(group)];
}

/**
 * Asks until no link is there any more. A request that sets nothing changes nothing, and waits as all changes do until the one
 * before it is through (RTNL), where reading would show a link as gone whose addresses and routes are about to go.
 */
async function gone(
  socket: NetlinkSocket,
  ifindexes: readonly number[],
  answer: Promise<unknown>,
): Promise<BatchResult[]> {
  let answered = false;
  const end = (): void => void (answered = true);
  answer.then(end, end);
  await setImmediate();
  for (;;) {
    if (answered) return [];
    const results = socket.batch(ifindexes.map((ifindex) => setLink(ifindex, {})));
    if (results.every((result) => !result.ok && result.error.code === "ENODEV")) return [];
    await setTimeout(1);
  }
}
