import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createHost, etcdServer, type Host, type Space } from "@netkit/testing";
import { Caller, type Functions } from "@netkit/testing/calls";
import { numbers } from "../pairs.ts";
import type { Calls } from "./host.program.ts";

/** Where etcd is. */
export const serverAddress = "192.0.2.254";

/** What a host's process has to know. */
export interface Place {
  readonly root: string;
  /** The URL of its store. */
  readonly store: string;
  readonly name: string;
}

/** A host with its agent. */
export interface SharingHost {
  readonly name: string;
  readonly space: Space;
  readonly call: Caller<Calls>["call"];
}

/** Hosts on one wire, 192.0.2.1 and on, and the server of their store. What is in their kernel goes with the bench's namespaces. */
export class Segment implements AsyncDisposable {
  /** Where the server is. */
  readonly wire: Space;
  readonly #root: string;
  readonly #cleanup: AsyncDisposableStack;
  #hosts = 0;

  private constructor(root: string, wire: Space, cleanup: AsyncDisposableStack) {
    this.#root = root;
    this.wire = wire;
    this.#cleanup = cleanup;
  }

  /** @param root the folder that the hosts have their state in */
  static async open(root: string): Promise<Segment> {
    await using cleanup = new AsyncDisposableStack();
    const wire = cleanup.use(await createHost());
    // Of a bridge without a MAC address of its own it changes with the lowest of its ports': who has it in a cache loses the servers.
    await wire.shell(
      `ip link add name wire address 02:00:00:00:00:fe type bridge\nip address add ${serverAddress}/24 dev wire\nip link set wire up`,
    );
    const server = cleanup.use(etcdServer({ address: serverAddress }));
    const { serves } = wire.within(() => ({ serves: server.start() }));
    await serves;
    return new Segment(root, wire, cleanup.move());
  }

  /**
   * Hosts with agents.
   * @param prefix what the keys of their store begin with: hosts of different ones know nothing of each other
   */
  async add(count: number, prefix?: string): Promise<SharingHost[]> {
    const added: SharingHost[] = [];
    for (const number of numbers(this.#hosts + 1, count)) {
      const name = `h${number}`;
      const { caller, space } = await this.start<Calls>("host.program.js", name, prefix);
      await caller.call("start");
      added.push({ name, space, call: caller.call.bind(caller) });
    }
    return added;
  }

  /** A host with a program of the bench, which is told its place; the prefix as of {@link add}. */
  async start<F extends Functions>(
    program: string,
    name: string,
    prefix = "",
  ): Promise<{ readonly caller: Caller<F>; readonly space: Space }> {
    const { host } = await this.place();
    const store = `etcd://${serverAddress}:2379/${prefix}?timeout-ms=30000`;
    const place: Place = { root: join(this.#root, name), store, name };
    return { caller: await this.fork<F>(program, [JSON.stringify(place)], host), space: host };
  }

  /** A host without anything, but its address on the wire. */
  async place(): Promise<{ readonly host: Host; readonly address: string }> {
    const number = ++this.#hosts;
    const host = this.#cleanup.use(await createHost());
    const address = `192.0.2.${number}`;
    await this.wire.shell(
      `ip link add w${number} type veth peer name up0 netns ${host.name}\nip link set w${number} master wire up`,
    );
    await host.shell(`ip address add ${address}/24 dev up0\nip link set up0 up`);
    return { host, address };
  }

  /** A program of the bench in a namespace. */
  async fork<F extends Functions>(program: string, words: readonly string[], { path }: Space): Promise<Caller<F>> {
    const child = fork(join(import.meta.dirname, program), words, {
      execPath: "nsenter",
      execArgv: [`--net=${path}`, "--", process.execPath],
      serialization: "advanced",
    });
    this.#cleanup.defer(async () => await end(child));
    const caller = new Caller<F>(child, program);
    await caller.ready;
    return caller;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cleanup.disposeAsync();
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.disconnect();
  await ended;
}
