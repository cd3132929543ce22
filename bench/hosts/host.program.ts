/** One host of the bench: its agent, and a program that uses the library beside it, in one process. Its parent tells it what to do. */
import { setTimeout } from "node:timers/promises";
import { startAgent, type Agent } from "@netkit/agent";
import { agentLink } from "@netkit/agent/client";
import { ipOf } from "@netkit/core";
import { overlay } from "@netkit/driver-overlay";
import { openNetkit, type Netkit, type NetworkRequest } from "@netkit/engine";
import { openEtcdStore, parseEtcdUrl } from "@netkit/store-etcd";
import { answerCalls } from "@netkit/testing/calls";
import { now } from "./clock.ts";
import { Ear, type Heard } from "./hearing.ts";
import type { Place } from "./segment.ts";

/** Nobody dies here, and what is measured may keep a host from renewing its lease for a while. */
const leaseMs = 120_000;

const [place = "{}"] = process.argv.slice(2);
const { root, store, name } = JSON.parse(place) as Place;
const options = {
  root,
  drivers: [overlay()],
  shared: { open: async () => openEtcdStore(parseEtcdUrl(store)), advertise: "up0", name, leaseMs },
};
let agent: Agent | undefined;
let netkit: Netkit | undefined;
let ear: Ear | undefined;
let hearing: Promise<Heard> | undefined;

function raise(error: Error): never {
  throw error;
}

async function start(): Promise<void> {
  agent = await startAgent({ ...options, onError: raise });
}

async function opened(): Promise<Netkit> {
  return (netkit ??= await openNetkit({ ...options, agent: agentLink({ root, start, warn: raise }) }));
}

const calls = {
  start,
  create: async (request: NetworkRequest): Promise<string> => (await (await opened()).networks.create(request)).id,
  /** There is such a network, made here if there was none. */
  ensure: async (network: string): Promise<void> => {
    const { networks } = await opened();
    if ((await networks.list()).some(({ name }) => name === network)) return;
    await networks.create({ name: network, driver: "overlay" });
  },
  ensureConnected: async (sandbox: string, network: string): Promise<void> => {
    const handle = await (await opened()).sandboxes.get(sandbox);
    const { endpoints } = await handle.inspect();
    if (!endpoints.some(({ networkName }) => networkName === network)) await handle.connect(network);
  },
  /** Resolves once a sandbox is on the network, here or on another host. */
  knows: async (network: string, sandbox: string): Promise<void> => {
    const isThere = async (): Promise<boolean> => {
      const { endpoints, remotes } = await (await opened()).networks.inspect(network);
      const names = [...endpoints.map(({ sandboxName }) => sandboxName), ...remotes.map((one) => one.sandbox?.name)];
      return names.includes(sandbox);
    };
    while (!(await isThere())) await setTimeout(10);
  },
  /** All that was written before the call is known here. */
  share: async (): Promise<void> => await agent?.share(),
  open: async (sandbox: string, ...networks: readonly string[]): Promise<void> =>
    void (await (await opened()).sandboxes.open({ name: sandbox, networks })),
  /** Its address there, and the time right after `connect` had returned. */
  connect: async (sandbox: string, network: string): Promise<{ address: string; returned: number }> => {
    const handle = await (await opened()).sandboxes.get(sandbox);
    const { addresses } = await handle.connect(network);
    const returned = now();
    return { address: addresses.map(({ address }) => ipOf(address)).join(), returned };
  },
  disconnect: async (sandbox: string, network: string): Promise<void> =>
    void (await (await (await opened()).sandboxes.get(sandbox)).disconnect(network)),
  /** The path of its network namespace. */
  namespaceOf: async (sandbox: string): Promise<string> =>
    (await (await opened()).sandboxes.get(sandbox)).netns ?? "/proc/self/ns/net",
  /** Names are asked for from within that sandbox. */
  askFrom: async (sandbox: string): Promise<void> => {
    const { netns } = await (await opened()).sandboxes.get(sandbox);
    ear = Ear.open(netns);
  },
  /** The next endpoint that comes is another host's, called so. */
  listen: (endpoint: string): void => {
    hearing = ear?.hear(endpoint);
    hearing?.catch(() => {});
  },
  heard: async (): Promise<Heard | undefined> => await hearing,
  /** Rejects if the command fails in the sandbox. */
  run: async (sandbox: string, command: readonly string[]): Promise<void> => {
    const child = await (await (await opened()).sandboxes.get(sandbox)).run(command, { stdio: "ignore" });
    const { code } = await child.exited;
    if (code !== 0) throw new Error(`'${command.join(" ")}' in '${sandbox}' ended with status ${code}`);
  },
  /** What the process has taken of the CPU, in ms. */
  cpu: (): number => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e3;
  },
};

export type Calls = typeof calls;

// What it has in the kernel goes with the namespaces that the bench runs in.
process.once("disconnect", () => process.exit());
answerCalls(calls);
