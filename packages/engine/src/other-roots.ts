import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Instance, PublishedPort, Store } from "@netkit/core";
import { bootId } from "@netkit/sandbox";
import { openSqliteStore } from "@netkit/store-sqlite";
import { findClash } from "./host-ports.ts";
import { Lock } from "./lock.ts";
import { readerOf } from "./lookup.ts";
import { keys, portsPrefix } from "./state.ts";

/** What a root says of itself to the others, in a file named after its mark. */
interface Registered {
  readonly root: string;
  /** SO_NETNS_COOKIE of the namespace that it takes for the host. */
  readonly host: string;
}

/**
 * The other roots on this kernel, whose published ports are taken too. Each root's store knows its own ports; a directory
 * of the run directory, which ends with the boot as the ports do, says where the roots are that publish any.
 */
export class OtherRoots {
  readonly #directory: string;
  readonly #instance: Instance;
  readonly #lock: Lock;
  #registered: string | undefined;
  /** An operation has taken ports, given some back, or tried to. */
  concerned = false;

  constructor(instance: Instance, runDirectory: string) {
    this.#instance = instance;
    this.#directory = join(runDirectory, "roots");
    this.#lock = new Lock(join(runDirectory, "ports.lock"));
  }

  /** Keeps all other roots from publishing ports until it is disposed of, and makes this one known to them. */
  async exclude(host: string, signal?: AbortSignal): Promise<Disposable> {
    // Another process may have given this root's last port back.
    if (this.#registered !== host || !existsSync(this.#file)) this.#register(host);
    return await this.#lock.acquire(signal);
  }

  /** The first of `ports` that another root of the same host publishes a part of, and the words for who. */
  async findClash(
    host: string,
    ports: readonly PublishedPort[],
  ): Promise<{ readonly port: PublishedPort; readonly who: string } | undefined> {
    for (const { file, root } of this.#others(host)) {
      const path = join(root, "state.db");
      if (!existsSync(path)) {
        rmSync(file, { force: true }); // the root was deleted
        continue;
      }
      const store = openSqliteStore({ path, readOnly: true });
      try {
        // What a root has from before the boot, it will find to be gone.
        if ((await store.get(keys.boot))?.value !== bootId()) continue;
        const clash = await findClash(readerOf(store), ports);
        if (clash !== undefined) {
          return { port: clash.port, who: `sandbox '${clash.sandbox ?? "?"}' of the netkit in ${root}` };
        }
      } finally {
        await store.close();
      }
    }
    return undefined;
  }

  /** Unless this root publishes a port, the others needn't know of it any more. */
  async close(own: Lock, store: Store): Promise<void> {
    if (this.concerned) await this.#leaveUnlessPublishing(own, store);
    this.#lock.close();
  }

  async #leaveUnlessPublishing(own: Lock, store: Store): Promise<void> {
    try {
      using _ = await own.acquire(undefined, 1000);
      if ((await store.range(portsPrefix, { limit: 1 })).length === 0) rmSync(this.#file, { force: true });
    } catch {
      // Whoever finds the file finds no ports behind it.
    }
  }

  get #file(): string {
    return join(this.#directory, this.#instance.mark);
  }

  #register(host: string): void {
    const { root, mark } = this.#instance;
    const known = read(this.#file);
    if (known?.root !== root || known.host !== host) {
      mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
      // Whole or not at all, whoever reads it now.
      const whole = join(this.#directory, `.${mark}.${process.pid}`);
      writeFileSync(whole, JSON.stringify({ root, host } satisfies Registered), { mode: 0o600 });
      renameSync(whole, this.#file);
    }
    this.#registered = host;
  }

  #others(host: string): { readonly file: string; readonly root: string }[] {
    return this.#names().flatMap((name) => {
      if (name === this.#instance.mark || name.startsWith(".")) return [];
      const file = join(this.#directory, name);
      const registered = read(file);
      return registered?.host === host ? [{ file, root: registered.root }] : [];
    });
  }

  #names(): string[] {
    try {
      return readdirSync(this.#directory);
    } catch {
      return []; // nobody has published a port since the boot
    }
  }
}

/** Undefined for a file that is gone, or isn't one of these. */
function read(file: string): Registered | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Registered;
  } catch {
    return undefined;
  }
}
