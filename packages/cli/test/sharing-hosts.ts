import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
import { Caller } from "@netkit/testing/calls";
import type { Calls, Place } from "./host.program.ts";

const program = join(import.meta.dirname, "host.program.ts");

/** A host that shares networks: a namespace with a link `up0`, and a process in it that is its agent and its commands. */
export class SharingHost {
  readonly host: Host;
  readonly #place: Place;
  readonly #before: Snapshot;
  #child: ChildProcess | undefined;
  #caller: Caller<Calls> | undefined;

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
    const child = fork(program, [JSON.stringify(this.#place)], {
      execPath: "nsenter",
      execArgv: [`--net=${this.host.path}`, "--", process.execPath],
      serialization: "advanced",
    });
    this.#child = child;
    this.#caller = new Caller(child, `host ${this.name}`);
    await this.#caller.ready;
  }

  async call<K extends keyof Calls>(call: K, ...words: Parameters<Calls[K]>): Promise<Awaited<ReturnType<Calls[K]>>> {
    if (this.#caller === undefined) throw new Error(`host ${this.name} has no process`);
    return await this.#caller.call(call, ...words);
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

  /** In place of what is there, as deployments do it. */
  writePeers(text: string): void {
    const path = this.#place.store.slice("file:".length);
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
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
  /** There is none: each host has a file that says this. */
  readonly peers?: string;
  /** Of leases of flannel's; default as flanneld has them. */
  readonly flannelTimes?: Place["flannelTimes"];
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
  { store, peers, leaseMs = 15_000, flannelTimes }: SegmentOptions = {},
): Promise<void> {
  await using cleanup = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "netkit-sharing-"));
  cleanup.defer(() => rmSync(folder, { recursive: true }));
  const wire = cleanup.use(await createHost());
  // Of a bridge without a MAC address of its own it changes with the lowest of its ports': who has it in a cache loses the servers.
  await wire.shell(
    `ip link add name wire address 02:00:00:00:00:fe type bridge\nip address add ${serverAddress}/24 dev wire\nip link set wire up`,
  );
  const server = store === undefined ? undefined : cleanup.use(servers[store]());
  const startServer = async (): Promise<void> => {
    // What it spawns is in there; that it serves is heard from here.
    const { serves } = wire.within(() => ({ serves: server?.start() }));
    await serves;
  };
  await startServer();
  const sharedFile = (number: number): string =>
    peers === undefined ? join(folder, "shared.db") : `file:${join(folder, `hosts${number}.yaml`)}`;
  const hosts: SharingHost[] = [];
  for (let number = 1; number <= count; number++) {
    const host = cleanup.use(await createHost());
    await wire.shell(
      `ip link add w${number} type veth peer name up0 netns ${host.name}\nip link set w${number} master wire up`,
    );
    await host.shell(`ip address add 192.0.2.${number}/24 dev up0\nip link set up0 up`);
    const place = {
      root: join(folder, `root${number}`),
      store: store === undefined ? sharedFile(number) : urls[store],
      name: `h${number}`,
      leaseMs,
      ...(flannelTimes === undefined ? {} : { flannelTimes }),
    };
    const sharing = new SharingHost(host, place, await takeSnapshot({ host }));
    cleanup.defer(async () => await sharing.kill());
    hosts.push(sharing);
    if (peers !== undefined) sharing.writePeers(peers);
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
