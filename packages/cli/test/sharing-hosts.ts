import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NetkitError, type ErrorCode } from "@netkit/core";
import { expect } from "vitest";
import {
  compareSnapshots,
  consulServer,
  createHost,
  etcdServer,
  takeSnapshot,
  type Host,
  type Server,
  type Snapshot,
} from "@netkit/testing";
import type { Calls, Place } from "./host.program.ts";

const program = join(import.meta.dirname, "host.program.ts");

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly hint?: string;
    readonly details: Record<string, unknown>;
    readonly cause?: string;
  };
}

/** A host that shares networks: a namespace with a link `up0`, and a process in it that is its agent and its commands. */
export class SharingHost {
  readonly host: Host;
  readonly #place: Place;
  readonly #before: Snapshot;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #child: ChildProcess | undefined;
  #calls = 0;

  constructor(host: Host, place: Place, before: Snapshot) {
    this.host = host;
    this.#place = place;
    this.#before = before;
  }

  get name(): string {
    return this.#place.name;
  }

  get root(): string {
    return this.#place.root;
  }

  /** The process, with its agent. */
  async start(): Promise<void> {
    await this.startCommands();
    await this.call("startAgent");
  }

  async startCommands(): Promise<void> {
    const started = this.#expect(0);
    const child = fork(program, [JSON.stringify(this.#place)], {
      execPath: "nsenter",
      execArgv: [`--net=${this.host.path}`, "--", process.execPath],
      serialization: "advanced",
    });
    this.#child = child;
    child.on("message", ({ id, value, error }: Answer) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(value);
      else waiting?.reject(new NetkitError(error.code, error.message, { ...error }));
    });
    child.on("exit", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`the process of host ${this.name} has ended`));
      this.#waiting.clear();
    });
    await started;
  }

  async call<K extends keyof Calls>(call: K, ...words: Parameters<Calls[K]>): Promise<Awaited<ReturnType<Calls[K]>>> {
    const id = ++this.#calls;
    const answer = this.#expect(id);
    this.#child?.send({ id, call, words });
    return (await answer) as Awaited<ReturnType<Calls[K]>>;
  }

  #expect(id: number): Promise<unknown> {
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(id, waiting);
    return waiting.promise;
  }

  /** Agent and commands, all at once: SIGKILL. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  async close(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    await this.call("close");
    const ended = once(child, "exit");
    child.disconnect();
    await ended;
    this.#child = undefined;
  }

  async expectClean(): Promise<void> {
    // oxlint-disable-next-line vitest/no-standalone-expect -- the leak check
    expect(compareSnapshots(this.#before, await takeSnapshot({ host: this.host }))).toEqual([]);
  }
}

export interface Segment {
  readonly hosts: readonly SharingHost[];
  /** The server of their store, if it has one. */
  readonly server: Server | undefined;
  startServer(): Promise<void>;
  /** Runs a program where the server is. */
  readonly wire: Host;
}

interface SegmentOptions {
  /** How long a host is taken to be there that isn't heard of, in ms. Default 15,000. */
  readonly leaseMs?: number;
  /** What the hosts' store is on, somewhere on the segment. Default: a file. */
  readonly store?: "etcd" | "consul";
}

/** Where etcd or Consul is. */
export const serverAddress = "192.0.2.254";

const servers = {
  etcd: () => etcdServer({ address: serverAddress }),
  consul: () => consulServer({ address: serverAddress }),
} as const;

/** How their hosts name it. */
export const urls = {
  etcd: `etcd://${serverAddress}:2379/?timeout-ms=1000`,
  consul: `consul://${serverAddress}:8500/?timeout-ms=1000`,
} as const;

/**
 * Runs `work` on so many hosts on one segment, 192.0.2.1 and on, each with its agent. It has to remove what it makes: each
 * host must be as it was then.
 */
export async function onSharingHosts(
  count: number,
  work: (segment: Segment) => Promise<void>,
  { store, leaseMs = 15_000 }: SegmentOptions = {},
): Promise<void> {
  await using cleanup = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "netkit-sharing-"));
  cleanup.defer(() => rmSync(folder, { recursive: true }));
  const wire = cleanup.use(await createHost());
  await wire.shell(
    `ip link add name wire type bridge\nip address add ${serverAddress}/24 dev wire\nip link set wire up`,
  );
  const server = store === undefined ? undefined : cleanup.use(servers[store]());
  const startServer = async (): Promise<void> => {
    // What it spawns is in there; that it serves is heard from here.
    const { serves } = wire.within(() => ({ serves: server?.start() }));
    await serves;
  };
  await startServer();
  const hosts: SharingHost[] = [];
  for (let number = 1; number <= count; number++) {
    const host = cleanup.use(await createHost());
    await wire.shell(
      `ip link add w${number} type veth peer name up0 netns ${host.name}\nip link set w${number} master wire up`,
    );
    await host.shell(`ip address add 192.0.2.${number}/24 dev up0\nip link set up0 up`);
    const place = {
      root: join(folder, `root${number}`),
      store: store === undefined ? join(folder, "shared.db") : urls[store],
      name: `h${number}`,
      leaseMs,
    };
    const sharing = new SharingHost(host, place, await takeSnapshot({ host }));
    cleanup.defer(async () => await sharing.kill());
    hosts.push(sharing);
    await sharing.start();
  }
  await work({ hosts, server, startServer, wire });
  for (const host of hosts) {
    expect(await host.call("findings")).toEqual([]);
    expect(await host.call("complaints")).toEqual([]);
    await host.close();
    await host.expectClean();
  }
}
