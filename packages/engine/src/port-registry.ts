import { existsSync, mkdirSync } from "node:fs";
import { familyOf, NetkitError, type Entry, type Ip, type PublishedPort, type Store } from "@netkit/core";
import { openSqliteStore } from "@netkit/store-sqlite";

/** Who publishes a host port. */
export interface PortHolder {
  readonly root: string;
  readonly endpoint: string;
  /** For messages: the sandbox's name. */
  readonly sandbox: string;
}

interface Held {
  readonly address?: Ip;
  readonly holder: PortHolder;
}

/**
 * The host ports that all instances on this kernel publish: two roots can't publish the same one. It lives in the run
 * directory, so that it ends with the boot, as published ports do. What it holds of an endpoint that is gone (a killed
 * process, a deleted root) counts as free.
 */
export class PortRegistry {
  readonly #path: string;
  readonly #isLive: (holder: PortHolder) => Promise<boolean>;
  #store: Store | undefined;

  /** @param isLive whether an endpoint of this instance exists; other roots' count as live while the root does */
  constructor(path: string, isLive: (holder: PortHolder) => Promise<boolean>) {
    this.#path = path;
    this.#isLive = isLive;
  }

  /** Who publishes one of the ports of `port` on an address that clashes with its own. `host` is the namespace's cookie. */
  async find(host: string, port: PublishedPort): Promise<PortHolder | undefined> {
    for (const { held } of await this.#read(host, port)) {
      const clash = await this.#clash(held, port);
      if (clash !== undefined) return clash;
    }
    return undefined;
  }

  /** @throws NetkitError PORT_TAKEN */
  async take(host: string, ports: readonly PublishedPort[], holder: PortHolder): Promise<void> {
    await this.#change(host, ports, async (held, port) => {
      const clash = await this.#clash(held, port);
      if (clash !== undefined) throw portTaken(port, clash);
      // What is left of this port's holders at this address is stale.
      const others = held.filter(({ address }) => !sameHost(address, port.hostAddress));
      const { hostAddress: address } = port;
      return [...others, { holder, ...(address === undefined ? {} : { address }) }];
    });
  }

  async release(host: string, ports: readonly PublishedPort[], endpoint: string): Promise<void> {
    await this.#change(host, ports, (held) => held.filter(({ holder }) => holder.endpoint !== endpoint));
  }

  async #clash(held: readonly Held[], port: PublishedPort): Promise<PortHolder | undefined> {
    for (const { address, holder } of held) {
      if (sameHost(address, port.hostAddress) && (await this.#isLive(holder))) return holder;
    }
    return undefined;
  }

  /** Rewrites the holders of each single port of `ports` in one commit; again when another root was quicker. */
  async #change(
    host: string,
    ports: readonly PublishedPort[],
    change: (held: readonly Held[], port: PublishedPort) => readonly Held[] | Promise<readonly Held[]>,
  ): Promise<void> {
    if (ports.length === 0) return;
    for (let attempt = 0; attempt < 100; attempt++) {
      const after = new Map<string, { revision: number; held: readonly Held[] }>();
      for (const port of ports) {
        for (const { key, revision, held } of await this.#read(host, port)) {
          const before = after.get(key) ?? { revision, held };
          after.set(key, { revision, held: await change(before.held, port) });
        }
      }
      const result = await this.#open().commit({
        checks: [...after].map(([key, { revision }]) => ({ key, revision })),
        writes: [...after].map(([key, { held }]) => ({ key, value: held.length === 0 ? undefined : held })),
      });
      if (result.committed) return;
    }
    throw new NetkitError("STATE_CHANGED", `other processes keep changing ${this.#path}`, { hint: "Try again." });
  }

  /** One entry per single port, whether anybody holds it or not. */
  async #read(
    host: string,
    { protocol, hostPort }: PublishedPort,
  ): Promise<{ key: string; revision: number; held: readonly Held[] }[]> {
    const prefix = `${host}/${protocol}/`;
    const count = hostPort.last - hostPort.first + 1;
    const store = this.#open();
    const stored = new Map<string, Entry>();
    if (count === 1) {
      const entry = await store.get(prefix + digits(hostPort.first));
      if (entry !== undefined) stored.set(entry.key, entry);
    } else {
      const entries = await store.range(prefix, { from: prefix + digits(hostPort.first), limit: count });
      for (const entry of entries) stored.set(entry.key, entry);
    }
    return Array.from({ length: count }, (_, index) => {
      const key = prefix + digits(hostPort.first + index);
      const entry = stored.get(key);
      return { key, revision: entry?.revision ?? 0, held: (entry?.value as readonly Held[] | undefined) ?? [] };
    });
  }

  async close(): Promise<void> {
    await this.#store?.close();
    this.#store = undefined;
  }

  #open(): Store {
    if (this.#store === undefined) {
      const directory = this.#path.slice(0, this.#path.lastIndexOf("/"));
      if (!existsSync(directory)) mkdirSync(directory, { recursive: true, mode: 0o700 });
      this.#store = openSqliteStore({ path: this.#path, synchronous: "off" });
    }
    return this.#store;
  }
}

/** Whether a packet can be meant for both: no address means all, 0.0.0.0 and :: mean all of their family. */
export function sameHost(a: Ip | undefined, b: Ip | undefined): boolean {
  if (a === undefined || b === undefined || a === b) return true;
  if (familyOf(a) !== familyOf(b)) return false;
  return isAny(a) || isAny(b);
}

function isAny(address: Ip): boolean {
  return address === "0.0.0.0" || address === "::";
}

/** Five digits, so that ports sort as numbers do. */
function digits(port: number): string {
  return String(port).padStart(5, "0");
}

export function portTaken(port: PublishedPort | undefined, holder: PortHolder | undefined): NetkitError {
  const shown = port === undefined ? "a host port" : `host port ${describePort(port)}`;
  const by = holder === undefined ? "a process of this host" : `sandbox '${holder.sandbox}'`;
  return new NetkitError("PORT_TAKEN", `${shown} is in use by ${by}`, {
    hint:
      holder === undefined
        ? "See which process: ss -lntup. Publish another port, or leave the host port out to get a free one."
        : "Publish another port, or leave the host port out to get a free one.",
    details: { port, holder },
  });
}

export function describePort({ protocol, hostAddress, hostPort }: PublishedPort): string {
  const range = hostPort.first === hostPort.last ? `${hostPort.first}` : `${hostPort.first}-${hostPort.last}`;
  return `${hostAddress === undefined ? "" : `${hostAddress}:`}${range}/${protocol}`;
}
