import { watch, type FSWatcher } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { isNetkitError, NetkitError, stableJson, type HostId, type NetworkId, type Store } from "@netkit/core";
import { readerOf } from "../../lookup.ts";
import type { Context } from "../../operation.ts";
import { keys } from "../../state.ts";
import { sharedKeys } from "../keys.ts";
import { refreshThisHost } from "../moving.ts";
import type { SharedNetwork } from "../records.ts";
import type { LocalHost } from "../this-host.ts";
import { planNetworks } from "./planning.ts";
import { findOutdated } from "./outdated.ts";
import { readPeersFile } from "./reading.ts";
import { recordsFor } from "./records.ts";
import { findSelf, requireListed } from "./this-host.ts";

/** Nobody has written to the file for so long: it is whole. */
const restMs = 100;
/** Records are written so many at a time: what every store takes. */
const perCommit = 20;
/** Whose records they are. */
const sourceKey = "source";

/** Writes what the peers file says into this host's own copy of the store that it stands for, each time that it changes. */
export class Follower {
  readonly path: string;
  readonly #context: Context;
  readonly #onChange: () => void;
  readonly #complain: (error: NetkitError) => void;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** As it was last looked at. */
  #text: string | undefined;
  #trouble: NetkitError | undefined;

  constructor(context: Context, path: string, onChange: () => void, complain: (error: NetkitError) => void) {
    this.#context = context;
    this.path = path;
    this.#onChange = onChange;
    this.#complain = complain;
  }

  /** Why what the file says now doesn't hold. */
  get trouble(): NetkitError | undefined {
    return this.#trouble;
  }

  /**
   * This host as the file has it; while the file is wrong, as it was.
   * @throws NetkitError CONFIG_INVALID: it was never right
   */
  async self(): Promise<LocalHost> {
    const { shared, host, store } = this.#context;
    try {
      const file = readPeersFile(this.path, await readText(this.path));
      const { vtep, name } = findSelf(file, await host.open(), shared.options);
      await planNetworks(this.#context, file);
      return await refreshThisHost(this.#context, undefined, this.#complain, {
        ...shared.options,
        advertise: vtep,
        name,
      });
    } catch (error) {
      const known = await readerOf(store).get<LocalHost>(keys.self);
      const source = (await (await shared.open()).get(sourceKey))?.value;
      if (known === undefined || source !== this.path || !isNetkitError(error)) throw error;
      this.#fail(error);
      return known;
    }
  }

  /** Brings the records into line with the file, if it has changed. What is wrong with it is complained of, and changes nothing. */
  async bring(store: Store, self: LocalHost): Promise<void> {
    this.#watch();
    let records: Map<string, unknown>;
    let text: string | undefined;
    try {
      if (this.#text !== undefined && (await isFresh(this.path))) return this.#comeBack();
      text = await readText(this.path);
      if (text === this.#text) return;
      const file = readPeersFile(this.path, text);
      requireListed(file, self.vtep);
      records = recordsFor(file, await planNetworks(this.#context, file), self);
    } catch (error) {
      if (!isNetkitError(error)) throw error;
      this.#text = text;
      return this.#fail(error);
    }
    await write(store, self.id, records.set(sourceKey, this.path));
    this.#text = text;
    this.#trouble = undefined;
  }

  /** What of this host is otherwise than the file, as it was last right, has it. */
  async outdated(store: Store): Promise<NetkitError[]> {
    return await findOutdated(readerOf(this.#context.store), this.path, await networksIn(store));
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#watcher?.close();
  }

  #fail(error: NetkitError): void {
    if (this.#trouble?.message !== error.message) this.#complain(error);
    this.#trouble = error;
  }

  /** Its folder, for such a file is replaced. Where that can't be watched, the file is looked at each time that the lease is renewed. */
  #watch(): void {
    if (this.#watcher !== undefined) return;
    const name = basename(this.path);
    try {
      this.#watcher = watch(dirname(this.path), { persistent: false }, (_, changed) => {
        if (changed === null || changed === name) this.#comeBack();
      });
      this.#watcher.on("error", () => this.#unwatch());
    } catch {
      this.#unwatch();
    }
  }

  #unwatch(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  #comeBack(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#onChange(), restMs);
  }
}

/** The networks that the file, as it was last right, has for this host. */
export async function networksIn(store: Store): Promise<Map<NetworkId, SharedNetwork>> {
  const entries = await store.range(sharedKeys.network("" as NetworkId));
  return new Map(entries.map(({ value }) => [(value as SharedNetwork).id, value as SharedNetwork]));
}

/** @throws NetkitError CONFIG_INVALID */
export async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new NetkitError("CONFIG_INVALID", `the hosts' file ${path} can't be read: ${code ?? String(cause)}`, {
      hint: "Put it there, or name another one: netkit agent --store file:PATH",
      details: { path },
      cause,
    });
  }
}

/** Somebody may be writing it. */
async function isFresh(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  const age = Date.now() - (found?.mtimeMs ?? 0);
  return age >= 0 && age < restMs;
}

/**
 * What goes, then what comes: a network that is made anew has its name free. What a power cut takes is written again, for each
 * agent begins with the file.
 */
async function write(store: Store, self: HostId, records: ReadonlyMap<string, unknown>): Promise<void> {
  const ranges = [sharedKeys.host(""), sharedKeys.network("" as NetworkId), "endpoint/", sourceKey];
  const present = new Map<string, unknown>();
  for (const prefix of ranges)
    for (const { key, value } of await store.range(prefix)) if (!isOf(self, key, value)) present.set(key, value);
  const gone = [...present.keys()].filter((key) => !records.has(key)).map((key) => ({ key, value: undefined }));
  const come = [...records].flatMap(([key, value]) => {
    const wanted = sameAge(value, present.get(key));
    return stableJson(wanted) === stableJson(present.get(key)) ? [] : [{ key, value: wanted }];
  });
  for (const writes of [gone, come])
    for (let start = 0; start < writes.length; start += perCommit)
      await store.commit({ checks: [], writes: writes.slice(start, start + perCommit), durable: false });
}

function isOf(self: HostId, key: string, value: unknown): boolean {
  return key === sharedKeys.host(self) || (value as { readonly host?: unknown } | null)?.host === self;
}

/** A network is as old as when it was first read. */
function sameAge(value: unknown, before: unknown): unknown {
  const created = (before as { readonly created?: unknown } | undefined)?.created;
  return typeof created === "string" && typeof value === "object" ? { ...value, created } : value;
}
