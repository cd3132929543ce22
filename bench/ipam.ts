/** The rows about handing out addresses of a large subnet, kept in the store that netkit has on a host (see bench.ts). */
import { join } from "node:path";
import type { Cidr, Ip, Store, Subnet } from "@netkit/core";
import { addressKey, allocateAddress, bigintToIp, countAssignable, ipToBigint } from "@netkit/ipam";
import { openSqliteStore } from "@netkit/store-sqlite";
import { numbers } from "./pairs.ts";
import type { Row } from "./report.ts";

const gateway = "10.16.0.1" as Ip;
const subnet: Subnet = { subnet: "10.16.0.0/12" as Cidr, gateway, auxiliary: {} };
const prefix = "address/";
const cursorKey = "cursor";
const batch = 10_000;

export async function measureIpam(root: string, allocations: number): Promise<Row[]> {
  const store = openSqliteStore({ path: join(root, "ipam.db") });
  try {
    const empty = await rateOf(store, allocations);
    const taken = await fill(store);
    const full = await rateOf(store, allocations);
    return [row("empty", empty, allocations, 0), row("99 % full", full, allocations, taken)];
  } finally {
    await store.close();
  }
}

/** Allocations a second: the next free address is found and written down with the cursor, as an attach does, without waiting for the disk. */
async function rateOf(store: Store, allocations: number): Promise<number> {
  const taken = async (from: string, limit: number): Promise<string[]> =>
    (await store.range(prefix, { from: prefix + from, limit })).map(({ key }) => key.slice(prefix.length));
  const started = performance.now();
  for (let count = 0; count < allocations; count++) {
    const cursor = (await store.get(cursorKey))?.value as Ip | undefined;
    const ip = await allocateAddress({ subnet, cursor, taken });
    const writes = [
      { key: prefix + addressKey(ip), value: { ip } },
      { key: cursorKey, value: ip },
    ];
    await store.commit({ checks: [], writes, durable: false });
  }
  return (allocations / (performance.now() - started)) * 1_000;
}

/** Takes all but one address of a hundred. @returns how many are taken then */
async function fill(store: Store): Promise<number> {
  const first = ipToBigint(gateway) + 1n;
  const count = Number(countAssignable(subnet));
  let taken = 0;
  for (let from = 0; from < count; from += batch) {
    const writes = numbers(from, Math.min(batch, count - from))
      .filter((number) => !isFree(number))
      .map((number) => bigintToIp(first + BigInt(number), "ipv4"))
      .map((ip) => ({ key: prefix + addressKey(ip), value: { ip } }));
    taken += writes.length;
    await store.commit({ checks: [], writes, durable: false });
  }
  return taken;
}

/** One of a hundred, scattered the same way each time: Knuth's multiplicative hash. */
function isFree(number: number): boolean {
  return (Math.imul(number, 2_654_435_761) >>> 0) % 100 === 0;
}

function row(state: string, rate: number, allocations: number, taken: number): Row {
  return {
    id: `ipam-${taken === 0 ? "empty" : "full"}`,
    what: `IPAM: addresses of a /12 handed out, ${state}`,
    value: rate,
    unit: "/s",
    how: `${allocations.toLocaleString("en")}, with ${taken.toLocaleString("en")} taken`,
    data: { rate, allocations, taken },
  };
}
