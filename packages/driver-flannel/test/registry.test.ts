import { parseIp, parseMac, storeWith, type LeaseId, type Store } from "@netkit/core";
import { openSqliteStore } from "@netkit/store-sqlite";
import { describe, expect, onTestFinished, test } from "vitest";
import { parseConfig } from "../src/config.ts";
import { leaseKey, leasesPrefix } from "../src/lease-key.ts";
import { encodeRecord, type LeaseRecord } from "../src/record.ts";
import { giveUp, leasesIn, takeLease } from "../src/registry.ts";

const ttlMs = 86_400_000;

function open(): Store {
  const store = openSqliteStore({ path: ":memory:" });
  onTestFinished(async () => await store.close());
  return store;
}

function configOf(network: Readonly<Record<string, unknown>>) {
  return parseConfig({ Backend: { Type: "vxlan" }, ...network }, "config");
}

const wide = configOf({ Network: "10.5.0.0/16" });

function recordOf(last: number): LeaseRecord {
  return {
    publicIp: parseIp(`192.0.2.${last}`),
    backend: "vxlan",
    vtep: { vni: 1, mac: parseMac(`02:66:00:00:00:${last.toString(16).padStart(2, "0")}`) },
  };
}

async function write(store: Store, key: string, value: unknown, lease?: LeaseId): Promise<void> {
  await store.commit({ checks: [], writes: [{ key, value, ...(lease === undefined ? {} : { lease }) }] });
}

async function keysIn(store: Store): Promise<string[]> {
  return (await store.range(leasesPrefix)).map(({ key }) => key);
}

describe("taking a lease", () => {
  test("each host gets another subnet of the pool, until there is none", async () => {
    const store = open();
    const config = configOf({ Network: "10.5.0.0/28", SubnetLen: 30 });
    const taken: string[] = [];
    for (const host of [1, 2, 3]) taken.push((await takeLease(store, config, recordOf(host), ttlMs)).leased.ipv4);
    expect(taken.toSorted()).toEqual(["10.5.0.12/30", "10.5.0.4/30", "10.5.0.8/30"]);
    await expect(takeLease(store, config, recordOf(4), ttlMs)).rejects.toMatchObject({
      code: "POOL_EXHAUSTED",
      message: "flannel's network 10.5.0.0/28 has no free /30 left",
    });
  });

  test("of both families has one key", async () => {
    const store = open();
    const config = configOf({ Network: "10.5.0.0/16", EnableIPv6: true, IPv6Network: "fd00:5::/48" });
    const { leased } = await takeLease(store, config, recordOf(1), ttlMs);
    expect(await keysIn(store)).toEqual([leaseKey(leased)]);
    expect(leaseKey(leased)).toMatch(/^subnets\/10\.5\.\d+\.0-24&fd00:5:0:[0-9a-f]+::-64$/);
  });

  test("takes one of the first hundred that are free, whichever has them in part left out", async () => {
    const store = open();
    await write(store, "subnets/10.5.0.0-20", encodeRecord(recordOf(9)));
    for (let host = 1; host <= 8; host++) {
      const { leased } = await takeLease(store, wide, recordOf(host), ttlMs);
      const third = Number(leased.ipv4.split(".")[2]);
      expect(third).toBeGreaterThanOrEqual(16);
      expect(third).toBeLessThan(16 + 100 + 8);
    }
  });

  test("takes up again what has this host's address, and writes what it is now", async () => {
    const store = open();
    const first = await takeLease(store, wide, recordOf(1), ttlMs);
    const moved = { ...recordOf(1), vtep: { vni: 1, mac: parseMac("02:66:00:00:00:99") } };
    const second = await takeLease(store, wide, moved, ttlMs);
    expect(second.leased).toEqual(first.leased);
    expect(leasesIn(await store.range(leasesPrefix)).map(({ record }) => record)).toEqual([moved]);
    await second.undo(store);
    expect(leasesIn(await store.range(leasesPrefix)).map(({ record }) => record)).toEqual([recordOf(1)]);
  });

  test("gives up what has its address and isn't of the network any more", async () => {
    const store = open();
    await write(store, "subnets/10.6.1.0-24", encodeRecord(recordOf(1)));
    const { leased } = await takeLease(store, wide, recordOf(1), ttlMs);
    expect(await keysIn(store)).toEqual([leaseKey(leased)]);
    expect(leased.ipv4.startsWith("10.5.")).toBe(true);
  });

  test("passes over what isn't a lease", async () => {
    const store = open();
    await write(store, "subnets/10.5.7.0-24", "garbage");
    await write(store, "subnets/nonsense", encodeRecord(recordOf(1)));
    const { leased } = await takeLease(store, wide, recordOf(1), ttlMs);
    expect(leased.ipv4).toMatch(/^10\.5\.\d+\.0\/24$/);
  });

  test("tries again when another host is faster, and leaves that one's alone", async () => {
    const store = open();
    const config = configOf({ Network: "10.5.0.0/28", SubnetLen: 30 });
    let raced = 0;
    const racing = storeWith(store, {
      commit: async (commit) => {
        const [first] = commit.writes;
        // Somebody takes just what was chosen.
        if (raced++ < 2 && first !== undefined) await write(store, first.key, encodeRecord(recordOf(100 + raced)));
        return await store.commit(commit);
      },
    });
    const { leased } = await takeLease(racing, config, recordOf(1), ttlMs);
    const leases = leasesIn(await store.range(leasesPrefix));
    expect(leases).toHaveLength(3);
    expect(leases.find(({ record }) => record.publicIp === "192.0.2.1")?.leased).toEqual(leased);
  });

  test("that isn't wanted after all takes away what was new alone", async () => {
    const store = open();
    const { undo } = await takeLease(store, wide, recordOf(1), ttlMs);
    await undo(store);
    expect(await keysIn(store)).toEqual([]);
  });
});

test("giving up leaves what somebody else has there by now", async () => {
  const store = open();
  const { leased } = await takeLease(store, wide, recordOf(1), ttlMs);
  const key = leaseKey(leased);
  await giveUp(store, key, "192.0.2.2");
  expect(await keysIn(store)).toEqual([key]);
});
