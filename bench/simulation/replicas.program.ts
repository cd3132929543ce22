/**
 * Many hosts in one process: the library as an agent has it, with its own state, lease and watch each, but on no network, so
 * that nothing of theirs is in the kernel. What would be is counted: a driver describes it, and it goes nowhere.
 */
import { join } from "node:path";
import type {
  Cidr,
  EndpointId,
  HostId,
  Ip,
  LeaseId,
  Network,
  NetworkView,
  RemoteEndpoint,
  SandboxId,
  Store,
} from "@netkit/core";
import { instanceOf, isNetkitError } from "@netkit/core";
import { overlay } from "@netkit/driver-overlay";
import { openNetkit, type Netkit, type Replication } from "@netkit/engine";
import { macOfAddress } from "@netkit/ipam";
import { openEtcdStore, parseEtcdUrl } from "@netkit/store-etcd";
import { openSqliteStore } from "@netkit/store-sqlite";
import { answerCalls } from "@netkit/testing/calls";
import { now } from "../hosts/clock.ts";
import { numbers } from "../pairs.ts";

/** What the process has to know. */
export interface Crowd {
  /** The URL of the store. */
  readonly store: string;
  /** Where the hosts have their state. */
  readonly root: string;
  /** The link whose address all of them have. */
  readonly link: string;
}

/** When each host of the process had an endpoint, by CLOCK_MONOTONIC in ms. */
interface Times {
  /** The watch had told of it. */
  readonly heard: readonly number[];
  /** It was in the host's own state, from where names are found. */
  readonly taken: readonly number[];
}

export interface Usage {
  /** Bytes. */
  readonly rss: number;
  /** What the kernels of all hosts would hold. */
  readonly resources: number;
  /** In ms. */
  readonly cpu: number;
  readonly complaints: number;
}

const network = "simulated";
/** Attaches, or starts of hosts, that are under way at a time. */
const atATime = 16;
/** Four times as long as by default: one machine renews for all of them. */
const leaseMs = 60_000;

const [crowd = "{}"] = process.argv.slice(2);
const { store: url, root, link } = JSON.parse(crowd) as Crowd;
const driver = overlay();
type OptionsOf = typeof driver extends { network(view: NetworkView<infer O>): unknown } ? O : never;
const hosts: Netkit[] = [];
const times = new Map<string, { heard: number[]; taken: number[] }>();
const waiting = new Map<string, PromiseWithResolvers<void>>();
let resources = 0;
let writer: Writer | undefined;

/** A host that attaches. */
interface Writer {
  readonly store: Store;
  readonly lease: LeaseId;
  readonly network: Network;
}

/** What agents would write into their logs, and do again. */
let complaints = 0;

function timesOf(id: string): { heard: number[]; taken: number[] } {
  let known = times.get(id);
  if (known === undefined) times.set(id, (known = { heard: [], taken: [] }));
  return known;
}

function open(): Store {
  return openEtcdStore(parseEtcdUrl(url));
}

/** Notes what the watch tells. */
function listening(store: Store): Store {
  const watch = store.watch.bind(store);
  store.watch = async function* (...words) {
    for await (const event of watch(...words)) {
      if (event.type === "put" && event.key.startsWith("endpoint/")) timesOf(event.key.slice(-64)).heard.push(now());
      yield event;
    }
  };
  return store;
}

/** Notes what comes into a host's state, and counts what its kernel would hold for it. */
function counting(store: Store, path: string): Store {
  const instance = instanceOf(path);
  const commit = store.commit.bind(store);
  store.commit = async (wanted) => {
    const result = await commit(wanted);
    for (const { key, value } of wanted.writes) {
      if (!key.startsWith("remote/") || value === undefined) continue;
      const { id, network, addresses, mac, vtep } = value as RemoteEndpoint;
      // All that the names of its links follow from.
      const view = { instance, id: network } as NetworkView<OptionsOf>;
      resources +=
        driver.peers?.(
          view,
          addresses.map((address) => ({ address, mac, vtep })),
        ).length ?? 0;
      const { taken } = timesOf(id);
      taken.push(now());
      if (taken.length === hosts.length) waiting.get(id)?.resolve();
    }
    return result;
  };
  return store;
}

async function openHost(number: number): Promise<Netkit> {
  const path = join(root, `h${number}`);
  let replication: Replication | undefined;
  const netkit = await openNetkit({
    root: path,
    drivers: [driver],
    store: counting(openSqliteStore({ path: join(path, "state.db") }), path),
    shared: { open: async () => listening(open()), advertise: link, name: `h${number}`, leaseMs },
    agent: { changed: async () => {}, serves: async () => true, share: async () => await replication?.ready() },
  });
  replication = await netkit.replicate(() => void complaints++);
  await readiness(replication);
  return netkit;
}

/** As agents do, it tries again while the store has too much to do. */
async function readiness(replication: Replication | undefined): Promise<void> {
  for (;;) {
    try {
      return await replication?.ready();
    } catch (error) {
      if (!isNetkitError(error) || error.code !== "STORE_UNAVAILABLE") throw error;
      complaints++;
    }
  }
}

/** As a host writes one. */
function endpointAt(network: Network, number: number): RemoteEndpoint {
  const idOf = (kind: string): string => `${kind}${number}`.padStart(64, "0");
  const ip = `10.${64 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}` as Ip;
  return {
    id: idOf("e") as EndpointId,
    network: network.id,
    host: idOf("a") as HostId,
    hostName: `other-${number % 1_000}`,
    vtep: "192.0.2.1" as Ip,
    mac: macOfAddress(ip, ""),
    addresses: [`${ip}/10` as Cidr],
    sandbox: { id: idOf("b") as SandboxId, name: `s${number}`, hostname: `s${number}`, aliases: [] },
  };
}

/** The one commit of an attach. */
async function attach(number: number): Promise<string> {
  if (writer === undefined) throw new Error("there is no network yet");
  const { store, lease, network } = writer;
  const endpoint = endpointAt(network, number);
  const key = `address/${network.id}/ipv4/${number}`;
  const [ip] = endpoint.addresses;
  const holder = { id: endpoint.id, host: endpoint.host, ip: ip?.split("/")[0], who: `sandbox 's${number}'` };
  const { committed } = await store.commit({
    checks: [
      { key: `network/${network.id}`, revision: network.share?.revision ?? 0 },
      { key, revision: 0 },
    ],
    writes: [
      { key: `endpoint/${network.id}/${endpoint.id}`, value: endpoint, lease },
      { key, value: holder, lease },
    ],
  });
  if (!committed) throw new Error(`'s${number}' is there already`);
  return endpoint.id;
}

/** So many times, some at a time. */
async function severally(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(numbers(0, atATime).map(one));
}

const calls = {
  /** Hosts of these numbers, once they know all that the store has. */
  start: async (first: number, count: number): Promise<void> => {
    await severally(count, async (index) => void hosts.push(await openHost(first + index)));
  },
  createNetwork: async (): Promise<void> => {
    const made = await hosts[0]?.networks.create({
      name: network,
      driver: "overlay",
      subnets: [{ subnet: "10.64.0.0/10" }],
    });
    if (made === undefined) throw new Error("there is no host");
    const store = open();
    // It is written once: nobody renews it.
    const lease = await store.lease(3_600_000);
    writer = { store, lease: lease.id, network: (await hosts[0]?.networks.get(network)) ?? made };
  },
  /** The endpoints of these numbers; their ids, and when each commit had returned. */
  attach: async (
    first: number,
    count: number,
  ): Promise<{ readonly ids: readonly string[]; readonly returned: readonly number[] }> => {
    const ids: string[] = [];
    const returned: number[] = [];
    await severally(count, async (index) => {
      ids[index] = await attach(first + index);
      returned[index] = now();
    });
    return { ids, returned };
  },
  /** Resolves once all hosts of the process have the endpoint. */
  times: async (id: string): Promise<Times> => {
    const here = timesOf(id);
    const all = Promise.withResolvers<void>();
    waiting.set(id, all);
    if (here.taken.length < hosts.length) await all.promise;
    waiting.delete(id);
    return here;
  },
  usage: (): Usage => {
    globalThis.gc?.();
    const { user, system } = process.cpuUsage();
    return { rss: process.memoryUsage.rss(), resources, cpu: (user + system) / 1e3, complaints };
  },
};

export type CrowdCalls = typeof calls;

process.once("disconnect", () => process.exit());
answerCalls(calls);
