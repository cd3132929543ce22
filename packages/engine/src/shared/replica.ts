import {
  backoffMs,
  NetkitError,
  stableJson,
  toNetkitError,
  type EndpointId,
  type Entry,
  type Network,
  type Store,
  type WatchEvent,
} from "@netkit/core";
import { readerOf } from "../lookup.ts";
import { operate, type Context } from "../operation.ts";
import type { Replication, SharingState } from "../api.ts";
import { troubleOf } from "../trouble.ts";
import { pause } from "../pause.ts";
import { isStoreError } from "./committing.ts";
import { sharedKeys } from "./keys.ts";
import { introductionOf, LeaseHolder } from "./lease-holder.ts";
import type { Follower } from "./peers-file/following.ts";
import { Mirror, subjectOf, type Subject } from "./mirror.ts";
import { refreshThisHost } from "./moving.ts";
import { compareOwn, mendOwn, type OwnDifference } from "./own-records.ts";
import { findLost, restore } from "./restoring.ts";
import { findNameless, takeIn } from "./taking-in.ts";
import type { LocalHost } from "./this-host.ts";
import { findTooLarge } from "./underlay-mtu.ts";

/** Of several hosts that are heard of at the same time, networks come before what is on them. */
const order: Readonly<Record<Subject["type"], number>> = { host: 0, network: 1, endpoint: 2 };
type Work = "present" | "follow" | "take in";
type Topic = "host" | "mtu" | "addresses" | "networks";

/** So long those of hosts alone may wait for others, in ms: nothing but a list of hosts needs them, and many may start at once. */
const hostsWaitMs = 500;
/** So long who ends waits for a store that others have, in ms: a host that goes in due form is forgotten at once. */
const farewellMs = 2_000;
/** A batch is one operation; of a first reading there are several. */
const perOperation = 500;

/**
 * This host's part in the store that hosts share: it follows what others write there and takes it into the state of this host,
 * keeps the lease that this host's own records are under, and writes those again that the store has lost.
 */
export class Replica implements Replication {
  readonly #context: Context;
  readonly #complain: (error: NetkitError) => void;
  readonly #mirror: Mirror;
  readonly #holder: LeaseHolder;
  readonly #leaseMs: number;
  readonly #dirty = new Map<string, Subject>();
  /** What something on this host is in the way of. */
  readonly #deferred = new Map<string, Subject>();
  /** Why this host's kernel or a driver takes nothing for what others have, by the record's key: it is tried again and again. */
  readonly #refused = new Map<string, NetkitError>();
  readonly #ended = new AbortController();
  readonly #following: Promise<void>;
  readonly #first = Promise.withResolvers<void>();
  readonly #file: Follower | undefined;
  #outdated: readonly NetkitError[] = [];
  #host: LocalHost | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** One after the other: what takes in, and what writes. */
  #turn: Promise<unknown> = Promise.resolve();
  #isScheduled = false;
  #hostsTimer: NodeJS.Timeout | undefined;
  #isRead = false;
  /** All up to this revision has been noted... */
  #complete = 0;
  /** ...and of what the watch tells, all up to this one already. */
  #ahead = 0;
  /** All of this host's records have to be written anew. */
  #owes = false;
  /** What is wrong as long as it is, by what it is about. */
  readonly #troubles = new Map<Topic, readonly NetkitError[]>();
  /** What is tried again and again, with why it goes wrong, and since when. */
  readonly #failing = new Map<Work, { readonly error: NetkitError; readonly since: string }>();

  /** @throws NetkitError CONFIG_INVALID: a file in place of the store was never right */
  static async open(context: Context, complain: (error: NetkitError) => void): Promise<Replica> {
    const { file } = context.shared;
    if (file === undefined) return new Replica(context, complain, undefined, undefined);
    const { Follower } = await import("./peers-file/following.ts");
    let replica: Replica | undefined;
    const follower = new Follower(context, file, () => replica?.lookAgain(), complain);
    return (replica = new Replica(context, complain, follower, await follower.self()));
  }

  private constructor(
    context: Context,
    complain: (error: NetkitError) => void,
    file: Follower | undefined,
    self: LocalHost | undefined,
  ) {
    this.#context = context;
    this.#complain = complain;
    this.#file = file;
    this.#host = self;
    this.#leaseMs = context.shared.options.leaseMs ?? 15_000;
    this.#holder = new LeaseHolder(context, this.#leaseMs);
    this.#mirror = new Mirror((key) => complain(misfit(key)));
    this.#first.promise.catch(() => {});
    this.#following = this.#follow();
    void this.#tick();
  }

  async ready(): Promise<void> {
    await this.#inTurn(async () => await this.#present());
    await this.#first.promise;
    await this.#inTurn(async () => await this.#catchUp());
  }

  get file(): Replication["file"] {
    if (this.#file === undefined) return undefined;
    const { path, trouble } = this.#file;
    return { path, troubles: [...(trouble === undefined ? [] : [trouble]), ...this.#outdated] };
  }

  lookAgain(): void {
    void this.#inTurn(async () => await this.#present()).catch((error: unknown) => this.#tell("present", error));
  }

  state(isHere: (endpoint: EndpointId) => boolean): SharingState {
    const failing = [...this.#failing.values()];
    const away = failing.find(({ error }) => isStoreError(error));
    const others = failing.flatMap(({ error }) => (isStoreError(error) ? [] : error));
    const all = [...others, ...this.#troubles.values()].flat();
    const present = all.filter(({ details: { endpoint } }) => endpoint === undefined || isHere(endpoint as EndpointId));
    const troubles = new Map([...present, ...this.#refused.values()].map((error) => [error.message, error]));
    return {
      holdsLease: this.#holder.lives,
      ...(away === undefined ? {} : { away: { since: away.since, message: away.error.message } }),
      troubles: [...troubles.values()].map(troubleOf),
    };
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#file?.close();
    clearTimeout(this.#hostsTimer);
    this.#ended.abort();
    this.#first.reject(new NetkitError("CANCELLED", "the agent ends"));
    const { shared } = this.#context;
    using ending = new DisposableStack();
    if (this.#file === undefined) {
      // Whatever it is still being asked fails then.
      const late = setTimeout(() => void shared.close(), farewellMs);
      ending.defer(() => clearTimeout(late));
    }
    await this.#turn;
    await this.#following;
    const present = [...(await readerOf(this.#context.store).range<Network>("network/"))];
    // What is on global networks works on without an agent: the next one finds its lease, or takes another.
    if (present.some(({ value }) => value.share?.host !== undefined)) return;
    await this.#holder.revoke().catch((error: unknown) => this.#unlessAway(error));
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#turn.then(work);
    this.#turn = next.catch(() => {});
    return await next;
  }

  /** Holds the lease, sees that the store has what is of this host, and comes again. */
  async #tick(): Promise<void> {
    try {
      await this.#inTurn(async () => await this.#present());
    } catch (error) {
      this.#tell("present", error);
    }
    if (!this.#ended.signal.aborted) this.#timer = setTimeout(() => void this.#tick(), this.#leaseMs / 3);
  }

  /** @throws NetkitError STORE_UNAVAILABLE */
  async #present(): Promise<void> {
    if (this.#ended.signal.aborted) return;
    const store = await this.#context.shared.open();
    const self = await this.#lookAtHost();
    await this.#file?.bring(store, self);
    const known = this.#mirror.hosts.get(self.id)?.value;
    if (await this.#holder.renew(store, self, stableJson(known) === stableJson(introductionOf(self))))
      this.#owes = true;
    for (const [key, subject] of this.#deferred) this.#dirty.set(key, subject);
    this.#deferred.clear();
    await this.#takeAll();
    await this.#mend();
    const reader = readerOf(this.#context.store);
    const networks = (await reader.range<Network>("network/")).map(({ value }) => value);
    this.#suffer("mtu", await findTooLarge(this.#context, reader, networks));
    const outdated = (await this.#file?.outdated(store)) ?? [];
    const before = new Set(this.#outdated.map(({ message }) => message));
    this.#outdated = outdated;
    for (const error of outdated) if (!before.has(error.message)) this.#complain(error);
    this.#failing.delete("present");
  }

  /** As it is now, or as it was, if it has lost what it advertises. */
  async #lookAtHost(): Promise<LocalHost> {
    // The file says which address it is known by; whether it has that is found out when the agent starts.
    if (this.#file !== undefined && this.#host !== undefined) return this.#host;
    const found: NetkitError[] = [];
    try {
      this.#host = await refreshThisHost(this.#context, this.#host, (error) => found.push(error));
    } catch (error) {
      if (this.#host === undefined) throw error;
      found.push(toNetkitError(error));
    }
    this.#suffer("host", found);
    return this.#host;
  }

  async #self(): Promise<LocalHost> {
    return this.#host ?? (await this.#lookAtHost());
  }

  /** Under the lock no operation is in between: each has written here and there before it ends. */
  async #mend(): Promise<void> {
    const { store: state, lock, shared } = this.#context;
    if (!this.#isRead || this.#holder.id === undefined) return;
    const reader = readerOf(state);
    const self = await this.#self();
    const compare = async (): Promise<OwnDifference> => await compareOwn(reader, this.#mirror, self, this.#owes);
    const { missing, leftOver } = await compare();
    if (missing.length > 0 || leftOver.length > 0) {
      using _ = await lock.acquire();
      const lease = this.#holder.id;
      const lost: NetkitError[] = [];
      this.#owes = !(await mendOwn(await shared.open(), await compare(), lease, this.#owes, (error) =>
        lost.push(error),
      ));
      this.#suffer("addresses", lost);
    } else {
      this.#owes = false;
      this.#suffer("addresses", []);
    }
  }

  /** What is wrong by now is told when it begins. */
  #suffer(what: Topic, errors: readonly NetkitError[]): void {
    const before = new Set(this.#troubles.get(what)?.map(({ message }) => message));
    this.#troubles.set(what, errors);
    for (const error of errors) if (!before.has(error.message)) this.#complain(error);
  }

  /** Without waiting for the watch, which then tells of it again. */
  async #catchUp(): Promise<void> {
    const store = await this.#context.shared.open();
    const { events, revision } = await store.changes("", this.#complete);
    if (events.some(({ type }) => type === "resync")) this.#noteAll(await readWhole(this.#context, store));
    else for (const event of events) this.#note(event);
    this.#complete = this.#ahead = revision;
    await this.#takeAll();
  }

  #note(event: WatchEvent): void {
    if (event.type === "resync") return;
    this.#mirror.note(event.key, event.type === "put" ? event.value : undefined, event.revision);
    this.#mark(event.key);
  }

  #noteAll({ known, entries }: Reading): void {
    this.#mirror.forget();
    for (const entry of entries) this.#note({ type: "put", ...entry, value: entry.value });
    for (const key of known) this.#mark(key);
  }

  async #follow(): Promise<void> {
    const { signal } = this.#ended;
    for (let failures = 0; !signal.aborted;) {
      try {
        const store = await this.#context.shared.open();
        await this.#readAll(store);
        failures = 0;
        this.#failing.delete("follow");
        for await (const event of store.watch("", this.#complete, signal)) {
          if (event.type === "resync") await this.#readAll(store);
          else if (event.revision > this.#ahead) {
            this.#note(event);
            // Others of the same revision may follow.
            this.#complete = Math.max(this.#complete, event.revision - 1);
          }
        }
      } catch (error) {
        if (signal.aborted) return;
        this.#tell("follow", error);
        await pause(backoffMs(++failures), signal);
      }
    }
  }

  async #readAll(store: Store): Promise<void> {
    const reading = await readWhole(this.#context, store);
    await this.#inTurn(async () => {
      this.#noteAll(reading);
      // The watch tells of all that is newer, whatever was noted of it before.
      this.#complete = this.#ahead = reading.revision;
      this.#isRead = true;
      await this.#takeAll();
      await this.#mend();
    });
    this.#first.resolve();
  }

  #mark(key: string): void {
    const subject = subjectOf(key);
    if (subject !== undefined) this.#dirty.set(key, subject);
    // Those on a network that was not known wait for it.
    if (subject?.type === "network")
      for (const { value } of this.#mirror.endpoints.values())
        if (value.network === subject.network) this.#mark(sharedKeys.endpoint(value.network, value.id));
    if (subject?.type === "host") this.#hostsTimer ??= setTimeout(() => this.#schedule(), hostsWaitMs).unref();
    else if (key === sharedKeys.networks || subject !== undefined) this.#schedule();
  }

  /** Once all has been noted that has come with it: what one revision has changed belongs together. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      const taking = this.#inTurn(async () => await this.#takeAll());
      taking.then(
        () => this.#failing.delete("take in"),
        (error: unknown) => this.#tell("take in", error),
      );
    });
  }

  async #takeAll(): Promise<void> {
    if (!this.#isRead || this.#ended.signal.aborted) return;
    clearTimeout(this.#hostsTimer);
    this.#hostsTimer = undefined;
    await this.#restoreLost();
    // The network of this host alone that had its name is gone.
    for (const { id } of await findNameless(readerOf(this.#context.store)))
      if (this.#mirror.networks.has(id)) this.#mark(sharedKeys.network(id));
    while (this.#dirty.size > 0) {
      const batch = [...this.#dirty].toSorted(([, a], [, b]) => order[a.type] - order[b.type]).slice(0, perOperation);
      for (const [key] of batch) this.#dirty.delete(key);
      await this.#take(batch);
    }
    if (this.#owes) await this.#mend();
  }

  /** Before it is taken for removed by somebody. */
  async #restoreLost(): Promise<void> {
    // What a file doesn't list any more is meant to go.
    if (this.#file !== undefined) return;
    const lost = await findLost(readerOf(this.#context.store), this.#mirror);
    const left: NetkitError[] = [];
    if (lost.length === 0) return this.#suffer("networks", left);
    const store = await this.#context.shared.open();
    for (const network of lost) {
      await restore(this.#context, store, network);
      const key = sharedKeys.network(network.id);
      const entry = await store.get(key);
      if (entry === undefined) {
        left.push(notRestored(network));
        continue;
      }
      this.#mirror.note(key, entry.value, entry.revision);
      this.#owes = true;
    }
    this.#suffer("networks", left);
  }

  /** One that this host's kernel or a driver refuses must not keep the others out. */
  async #take(batch: readonly (readonly [key: string, subject: Subject])[]): Promise<void> {
    try {
      await operate(this.#context, "take in what other hosts have", async (draft) => {
        // The shared store has it all.
        draft.durable = false;
        for (const [key, subject] of batch)
          if (!(await takeIn(this.#context, draft, this.#mirror, subject))) this.#deferred.set(key, subject);
      });
      for (const [key] of batch) this.#refused.delete(key);
    } catch (thrown) {
      const error = toNetkitError(thrown);
      if (error.kind === "unavailable") {
        for (const [key, subject] of batch) this.#dirty.set(key, subject);
        throw error;
      }
      const [first, ...others] = batch;
      if (first !== undefined && others.length === 0) return await this.#refuse(...first, error);
      for (const [key, subject] of batch) this.#dirty.set(key, subject);
      for (const one of batch) {
        this.#dirty.delete(one[0]);
        await this.#take([one]);
      }
    }
  }

  /** Others reach it by name still, as soon as they reach it at all. */
  async #refuse(key: string, subject: Subject, error: NetkitError): Promise<void> {
    if (this.#refused.get(key)?.message !== error.message) this.#complain(error);
    this.#refused.set(key, error);
    this.#deferred.set(key, subject);
    await operate(this.#context, "take note of what other hosts have", async (draft) => {
      draft.durable = false;
      await takeIn(this.#context, draft, this.#mirror, subject, true);
    });
  }

  /** Once, until it has gone well or goes wrong otherwise. */
  #tell(work: Work, thrown: unknown): void {
    if (this.#ended.signal.aborted) return;
    const error = toNetkitError(thrown);
    const before = this.#failing.get(work);
    const isKnown = [...this.#failing.values()].some((one) => one.error.message === error.message);
    this.#failing.set(work, { error, since: before?.since ?? new Date().toISOString() });
    if (!isKnown) this.#complain(error);
  }

  #unlessAway(error: unknown): void {
    if (!isStoreError(error)) throw error;
  }
}

interface Reading {
  readonly known: readonly string[];
  readonly revision: number;
  readonly entries: readonly Entry[];
}

/** In this order: what this host knows was there before, and what is newer than the revision comes again. */
async function readWhole(context: Context, store: Store): Promise<Reading> {
  const known = await knownKeys(context);
  const revision = await store.revision();
  return { known, revision, entries: await store.range("") };
}

/** The keys that there would be of what this host knows of others. */
async function knownKeys({ store }: Context): Promise<string[]> {
  const reader = readerOf(store);
  const networks = await reader.range<Network>("network/");
  const remotes = await reader.range("remote/");
  const hosts = await reader.range("host/");
  return [
    ...networks.flatMap(({ key, value }) => (value.scope === "global" ? [key] : [])),
    ...remotes.map(({ key }) => key.replace(/^remote\//, "endpoint/")),
    ...hosts.map(({ key }) => key),
  ];
}

function notRestored({ id, name }: Network): NetkitError {
  return new NetkitError(
    "NAME_TAKEN",
    `network '${name}' is no more in the store that hosts share, and another network has its name or what it claims there`,
    { hint: "Disconnect the sandboxes that are on it here, and connect them to the other one.", details: { name, id } },
  );
}

function misfit(key: string): NetkitError {
  return new NetkitError(
    "STATE_NEWER",
    `the record '${key}' of the shared store is none that this netkit understands`,
    {
      hint: "Is a host of another version of netkit, or somebody else, writing under the same prefix?",
      details: { key },
    },
  );
}
