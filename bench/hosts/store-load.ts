import { callsBetween, etcdLoad, type EtcdLoad } from "@netkit/testing";
import { numbers } from "../pairs.ts";
import type { Row } from "../report.ts";
import { serverAddress, type Segment, type SharingHost } from "./segment.ts";

interface Plan {
  /** How many hosts there are, fewer first. */
  readonly hosts: readonly number[];
  /** On how many networks all of them are; besides, on one. */
  readonly networks: number;
}

/** What etcd was asked, and had to send, for one attach on one of the hosts. */
interface Load {
  readonly hosts: number;
  readonly networks: number;
  readonly watches: number;
  readonly calls: Readonly<Record<string, number>>;
  readonly received: number;
  readonly sent: number;
}

/** So many of them are counted. */
const attaches = 20;
const sandbox = "first";

/** What etcd has to do, by the number of hosts and of networks. */
export async function measureStoreLoad(segment: Segment, { hosts: counts, networks }: Plan): Promise<Row[]> {
  const before = await etcdLoad(segment.wire, serverAddress);
  const names = numbers(0, networks).map((number) => `load-${number}`);
  const hosts: SharingHost[] = [];
  const loads: Load[] = [];
  for (const count of counts) {
    const added = await segment.add(count - hosts.length, "load/");
    for (const host of added) await host.call("open", sandbox);
    hosts.push(...added);
    for (const some of [names.slice(0, 1), names]) {
      await beOn(hosts, some);
      loads.push(await measure(segment, hosts, some, before.watchers));
    }
  }
  const of = (what: (load: Load) => string): string =>
    loads.map((load) => `${load.hosts} hosts, ${load.networks} networks: ${what(load)}`).join("; ");
  const most = (what: (load: Load) => number): number => Math.max(...loads.map(what));
  return [
    {
      id: "store-watches",
      what: "etcd: watches for each host, at most",
      value: most(({ watches, hosts }) => watches / hosts),
      unit: "",
      budget: 1,
      how: of(({ watches }) => `${watches}`),
      data: { loads },
    },
    {
      id: "store-calls",
      what: "etcd: calls for an attach, at most",
      value: most(({ calls }) => Object.values(calls).reduce((sum, count) => sum + count, 0)),
      unit: "",
      budget: 1,
      how: of(({ calls, received, sent, hosts }) => {
        const list = Object.entries(calls).map(([name, count]) => `${count} ${name}`);
        return `${list.join(", ")}, ${received.toFixed(0)} B in, ${(sent / hosts).toFixed(0)} B out to each host`;
      }),
      data: {},
    },
  ];
}

/** All hosts have an endpoint on all networks. */
async function beOn(hosts: readonly SharingHost[], networks: readonly string[]): Promise<void> {
  const [first] = hosts;
  for (const name of networks) await first?.call("ensure", name);
  for (const host of hosts) {
    await host.call("share");
    for (const name of networks) await host.call("ensureConnected", sandbox, name);
  }
  for (const host of hosts) await host.call("share");
}

async function measure(
  { wire }: Segment,
  hosts: readonly SharingHost[],
  [network = "", ...others]: readonly string[],
  already: number,
): Promise<Load> {
  const [host] = hosts;
  if (host === undefined) throw new Error("there is a host");
  const sandboxes = numbers(0, attaches).map((number) => `${hosts.length}-${others.length}-${number}`);
  for (const name of sandboxes) await host.call("open", name);
  const load = async (): Promise<EtcdLoad> => await etcdLoad(wire, serverAddress);
  const before = await load();
  for (const name of sandboxes) await host.call("connect", name, network);
  for (const other of hosts) await other.call("knows", network, sandboxes.at(-1) ?? "");
  const after = await load();
  // What all hosts do at all times, however little happens.
  const { LeaseKeepAlive: _, ...calls } = callsBetween(before, after);
  const each = (count: number): number => count / attaches;
  return {
    hosts: hosts.length,
    networks: others.length + 1,
    watches: after.watchers - already,
    calls: Object.fromEntries(Object.entries(calls).map(([name, count]) => [name, each(count)])),
    received: each(after.received - before.received),
    sent: each(after.sent - before.sent),
  };
}
