import { expect, test } from "vitest";
import { callsBetween, etcdLoad, etcdPrograms, type EtcdLoad } from "@netkit/testing";
import { onSharingHosts, serverAddress, type Segment, type SharingHost } from "./sharing-hosts.ts";

/** What goes on at all times: each host renews its lease. */
const ever = new Set(["LeaseKeepAlive"]);

async function load({ wire }: Segment): Promise<EtcdLoad> {
  return await etcdLoad(wire, serverAddress);
}

/** What etcd is asked for by all hosts together, from a change on one of them until it is on all. */
async function callsOf(segment: Segment, change: () => Promise<unknown>, isOnAll: () => Promise<boolean>) {
  const before = await load(segment);
  await change();
  await expect.poll(isOnAll, { timeout: 10_000 }).toBe(true);
  const calls = Object.entries(callsBetween(before, await load(segment)));
  return Object.fromEntries(calls.filter(([name]) => !ever.has(name)));
}

async function allKnow(hosts: readonly SharingHost[], network: string, count: number): Promise<boolean> {
  const known = await Promise.all(hosts.map(async (host) => (await host.call("inspect", network)).remotes));
  return known.every((remotes) => remotes.filter(({ sandbox }) => sandbox !== undefined).length === count);
}

/** With endpoints of the first host on all networks, and of one other on the first network. */
async function measure(count: number, networks: readonly string[]) {
  let measured: { readonly attach: object; readonly detach: object; readonly watchers: number } | undefined;
  await onSharingHosts(
    count,
    async (segment) => {
      const [a, ...others] = segment.hosts;
      if (a === undefined) throw new Error("there is a host");
      for (const name of networks) await a.call("create", { name, driver: "overlay" });
      await a.call("open", { name: "x", networks });
      const [network = ""] = networks;
      for (const host of others) {
        await host.call("share");
        await host.call("open", { name: "y", networks: [network] });
      }
      for (const host of segment.hosts) await host.call("share");
      await a.call("open", { name: "z" });
      const attach = await callsOf(
        segment,
        async () => await a.call("connect", "z", { network }),
        async () => await allKnow(others, network, others.length + 1),
      );
      const detach = await callsOf(
        segment,
        async () => await a.call("disconnect", "z", network),
        async () => await allKnow(others, network, others.length),
      );
      measured = { attach, detach, watchers: (await load(segment)).watchers };
      for (const name of ["x", "z"]) await a.call("remove", name);
      for (const host of others) await host.call("remove", "y");
      for (const name of networks) await a.call("removeNetwork", name);
      for (const host of others) await host.call("share");
    },
    // Nothing may be renewed because a busy machine was late.
    { store: "etcd", leaseMs: 60_000 },
  );
  return measured;
}

const ten = Array.from({ length: 10 }, (_, index) => `n${index}`);

test.skipIf(etcdPrograms === undefined)(
  "a host has one watch however many networks there are, and an attach asks the store as much however many hosts there are",
  async () => {
    const one = { attach: { Txn: 1 }, detach: { Txn: 2 } };
    expect(await measure(2, ["n"])).toEqual({ ...one, watchers: 2 });
    expect(await measure(6, ten)).toEqual({ ...one, watchers: 6 });
  },
);
