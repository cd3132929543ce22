import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createHost, etcdServer, type Server } from "@netkit/testing";
import { Caller } from "@netkit/testing/calls";
import { numbers } from "../pairs.ts";
import type { Calls, Place } from "./host.program.ts";

const serverAddress = "192.0.2.254";

/** A host with its process. */
export interface SharingHost {
  readonly name: string;
  readonly call: Caller<Calls>["call"];
}

/** Hosts on one wire, 192.0.2.1 and on, and etcd, at 192.0.2.254. */
export interface Segment extends AsyncDisposable {
  readonly server: Server;
  readonly hosts: readonly SharingHost[];
  /** Where etcd answers the bench itself. */
  readonly wire: string;
  /** So many hosts more. */
  add(count: number): Promise<SharingHost[]>;
}

/** @param root where the hosts have their state */
export async function openSegment(root: string): Promise<Segment> {
  const cleanup = new AsyncDisposableStack();
  try {
    const wire = cleanup.use(await createHost());
    await wire.shell(`
      ip link add name wire type bridge
      ip address add ${serverAddress}/24 dev wire
      ip link set wire up`);
    const server = cleanup.use(etcdServer({ address: serverAddress }));
    const { serves } = wire.within(() => ({ serves: server.start() }));
    await serves;
    const hosts: SharingHost[] = [];
    const addOne = async (number: number): Promise<SharingHost> => {
      const host = cleanup.use(await createHost());
      await wire.shell(`
        ip link add w${number} type veth peer name up0 netns ${host.name}
        ip link set w${number} master wire up`);
      await host.shell(`ip address add 192.0.2.${number}/24 dev up0\nip link set up0 up`);
      const name = `h${number}`;
      const place: Place = { root: join(root, name), store: `etcd://${serverAddress}:2379/`, name };
      const child = fork(join(import.meta.dirname, "host.program.js"), [JSON.stringify(place)], {
        execPath: "nsenter",
        execArgv: [`--net=${host.path}`, "--", process.execPath],
        serialization: "advanced",
      });
      cleanup.defer(async () => await end(child));
      const caller = new Caller<Calls>(child, `host ${name}`);
      await caller.ready;
      await caller.call("start");
      return { name, call: caller.call.bind(caller) };
    };
    return {
      server,
      hosts,
      wire: wire.path,
      async add(count) {
        const added: SharingHost[] = [];
        for (const number of numbers(hosts.length + 1, count)) added.push(await addOne(number));
        hosts.push(...added);
        return added;
      },
      [Symbol.asyncDispose]: async () => await cleanup.disposeAsync(),
    };
  } catch (error) {
    await cleanup.disposeAsync();
    throw error;
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.disconnect();
  await ended;
}
