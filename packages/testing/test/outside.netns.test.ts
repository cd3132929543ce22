import {
  isNetkitError,
  NetkitError,
  parseCidr,
  storeWith,
  type AnyDriver,
  type NetkitError as Failure,
  type OutsidePeers,
  type Resource,
  type Store,
} from "@netkit/core";
import { bridge } from "@netkit/driver-bridge";
import type { CommittedChange, NetkitOptions } from "@netkit/engine";
import { openSqliteStore } from "@netkit/store-sqlite";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { age } from "./age.ts";
import { TestHost } from "./host.ts";

const patience = { timeout: 5_000, interval: 10 };

/** What others say: one place to be had, a record for each of them. */
let outside: Store;
/** Why it can't be reached just now. */
let isAway: boolean;
beforeEach(() => {
  outside = openSqliteStore({ path: ":memory:" });
  isAway = false;
});
afterEach(async () => await outside.close());

async function peersIn(store: Store): Promise<OutsidePeers> {
  return Object.fromEntries((await store.range("peer/")).map(({ key, value }) => [key.slice("peer/".length), value]));
}

async function leave(store: Store): Promise<void> {
  await store.commit({ checks: [], writes: [{ key: "place", value: undefined }] });
}

/** Bridges whose one subnet is a place outside, and whose peers are routes. */
function guild(): AnyDriver {
  return {
    ...bridge(),
    name: "guild",
    outside: {
      async join(network, world) {
        const store = await world.openStore("guild:", "");
        const taken = { checks: [{ key: "place", revision: 0 }], writes: [{ key: "place", value: network.id }] };
        if (!(await store.commit(taken)).committed) throw new NetkitError("NAME_TAKEN", "the place is taken");
        const peers = await peersIn(store);
        return { facts: {}, subnets: [parseCidr("10.9.0.0/24")], peers, undo: async () => await leave(store) };
      },
      async *follow(_, world, { signal }) {
        const store = await world.openStore("guild:", "");
        const revision = await store.revision();
        yield await peersIn(store);
        for await (const event of store.watch("peer/", revision, signal))
          if (event.revision > 0) yield await peersIn(store);
      },
      peer: (_, peer) => [{ kind: "route", ns: "host", ...(peer as object) } as Resource],
      leave: async (_, world) => await leave(await world.openStore("guild:", "")),
    },
  };
}

function options(told: CommittedChange[] = []): NetkitOptions {
  return {
    drivers: [guild(), bridge()],
    async openStore() {
      if (isAway) throw new NetkitError("STORE_UNAVAILABLE", "the guild is away");
      return storeWith(outside, { close: async () => {} });
    },
    agent: { changed: async (change) => void told.push(change), serves: async () => false },
  };
}

async function say(name: string, peer: object | undefined): Promise<void> {
  await outside.commit({ checks: [], writes: [{ key: `peer/${name}`, value: peer }] });
}

const routeOf = (third: number): object => ({ destination: `10.8.${third}.0/24`, type: "blackhole" });

test("a network gets its place and its peers when it is made, keeps up with them, and gives up the place", async () => {
  await using host = new TestHost();
  const told: CommittedChange[] = [];
  const netkit = await host.open(options(told));
  const routes = (): string => host.sh("ip -o route show proto 107").trim();
  await say("one", routeOf(1));
  const { subnets, facts } = await netkit.networks.create({ name: "n", driver: "guild" });
  expect([subnets[0]?.subnet, facts.place]).toEqual(["10.9.0.0/24", {}]);
  expect(told.map(({ needed }) => needed)).toEqual([true]);
  expect(routes()).toMatch(/^blackhole 10\.8\.1\.0\/24/);

  const complaints: Failure[] = [];
  const attending = await netkit.attend((error) => complaints.push(error));
  attending.settle(await netkit.networks.list());
  expect(attending.size).toBe(1);
  await say("two", routeOf(2));
  await vi.waitFor(() => expect(routes().split("\n")).toHaveLength(2), patience);
  await say("one", routeOf(3));
  await vi.waitFor(() => expect(routes()).toContain("10.8.3.0/24"), patience);
  expect(routes()).not.toContain("10.8.1.0/24");
  // Of several that come at once, one that the kernel refuses keeps none out.
  const writes = [
    ["bad", { destination: "10.8.4.0/24", link: "nowhere" }] as const,
    ["two", undefined] as const,
    ["six", routeOf(6)] as const,
  ];
  await outside.commit({ checks: [], writes: writes.map(([name, value]) => ({ key: `peer/${name}`, value })) });
  const known = async (): Promise<string[]> => Object.keys((await netkit.networks.inspect("n")).outsiders).toSorted();
  await vi.waitFor(async () => expect(await known()).toEqual(["one", "six"]), patience);
  expect(
    routes()
      .match(/10\.8\.\d/g)
      ?.toSorted(),
  ).toEqual(["10.8.3", "10.8.6"]);
  expect(complaints.map(({ code }) => code)).toEqual(["LINK_NOT_FOUND"]);
  expect((await netkit.doctor()).findings.map(({ message }) => message)).toEqual([
    "network 'n' doesn't hold its place, nor follow who else is there: no agent answers",
  ]);

  await netkit.networks.remove("n");
  attending.settle(await netkit.networks.list());
  expect([attending.size, routes(), await outside.get("place")]).toEqual([0, "", undefined]);
  await attending.close();
});

test("a network that can't be made gives its place back, and a dry run takes none", async () => {
  await using host = new TestHost();
  const netkit = await host.open(options());
  const request = { name: "n", driver: "guild" };
  await netkit.networks.create(request, { dryRun: true });
  expect(await outside.get("place")).toBeUndefined();
  await say("bad", { destination: "10.8.4.0/24", link: "nowhere" });
  await expect(netkit.networks.create(request)).rejects.toMatchObject({ code: "LINK_NOT_FOUND" });
  await expect(netkit.networks.create({ ...request, ipv6: true })).rejects.toMatchObject({ code: "UNSUPPORTED" });
  await expect(netkit.networks.create({ ...request, subnets: [{ subnet: "10.1.0.0/24" }] })).rejects.toMatchObject({
    code: "UNSUPPORTED",
  });
  expect(await outside.get("place")).toBeUndefined();
  expect(await netkit.networks.list()).not.toContainEqual(expect.objectContaining({ name: "n" }));
});

test("removing it while the others are away warns, and what a boot takes away comes back with an agent", async () => {
  const root = new TestHost.Root();
  {
    await using before = new TestHost();
    const netkit = await before.open({ root: root.path, ...options() });
    await say("one", routeOf(1));
    await netkit.networks.create({ name: "n", driver: "guild" });
    before.sh(
      "ip link del $(ip -o link show type bridge | cut -d: -f2); ip route del blackhole 10.8.1.0/24; nft flush ruleset",
    );
  }
  await age(root.path);
  await using host = new TestHost();
  const told: CommittedChange[] = [];
  const netkit = await host.open({ root: root.path, ...options(told) });
  expect(told.map(({ needed }) => needed)).toEqual([true]);
  expect(host.sh("ip route show proto 107")).toContain("10.8.1.0/24");
  isAway = true;
  const warnings: Failure[] = [];
  await netkit.networks.remove("n", { onWarning: (error) => warnings.push(error) });
  expect(warnings.map((error) => isNetkitError(error) && error.message)).toEqual([
    "network 'n' is removed, but the others don't know: the guild is away",
  ]);
  expect(host.sh("ip route show proto 107")).toBe("");
  root[Symbol.dispose]();
});
