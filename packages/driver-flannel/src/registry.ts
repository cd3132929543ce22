import { NetkitError, stableJson, type Entry, type Lease, type Store } from "@netkit/core";
import { bigintToIp, ipToBigint, overlaps } from "@netkit/ipam";
import { familyOf, type Cidr, type LeaseId } from "@netkit/core";
import { isOf, type FlannelConfig, type Pool } from "./config.ts";
import { leaseKey, leasesPrefix, parseLeaseKey, subnetsOf, type Leased } from "./lease-key.ts";
import { decodeRecord, encodeRecord, type LeaseRecord } from "./record.ts";

/** How often somebody else may be faster, as with flanneld. */
const races = 10;
/** Of so many free subnets, the first ones, one is taken at random, as flanneld does. */
const choices = 100;

/** One of the records that hosts have in flannel's network. */
export interface KnownLease {
  readonly entry: Entry;
  readonly leased: Leased;
  readonly record: LeaseRecord;
}

/** What is under flannel's `subnets`, without what isn't a lease. */
export function leasesIn(entries: readonly Entry[]): KnownLease[] {
  return entries.flatMap((entry) => {
    const [leased, record] = [parseLeaseKey(entry.key), decodeRecord(entry.value)];
    return leased === undefined || record === undefined ? [] : [{ entry, leased, record }];
  });
}

export interface Taken {
  readonly leased: Leased;
  /** Brings back what was there. */
  readonly undo: (store: Store) => Promise<void>;
}

/**
 * A lease for this host: the one that has its address, if it is of the network still, or else a free subnet.
 * @throws NetkitError POOL_EXHAUSTED; STATE_CHANGED when others were faster again and again
 */
export async function takeLease(
  store: Store,
  config: FlannelConfig,
  record: LeaseRecord,
  ttlMs: number,
): Promise<Taken> {
  for (let race = 0; race < races; race++) {
    const leases = leasesIn(await store.range(leasesPrefix));
    const own = leases.find((lease) => lease.record.publicIp === record.publicIp);
    if (own !== undefined && !isOfNetwork(config, own.leased)) {
      await remove(store, own.entry);
      continue;
    }
    const leased = own?.leased ?? freeSubnets(config, leases);
    const taken = await write(store, leaseKey(leased), own?.entry, record, ttlMs);
    if (taken === undefined) continue;
    return { leased, undo: async (now) => await putBack(now, leaseKey(leased), taken, own?.entry) };
  }
  throw new NetkitError("STATE_CHANGED", "other hosts were faster with each subnet that this one chose", {
    hint: "Try again.",
  });
}

/** What was written, and the lease it is under: none is a reservation, which stays. */
export interface Written {
  readonly revision: number;
  readonly lease?: Lease;
}

/**
 * Writes this host's record in the place of what is there. What is reserved for it stays so, and its own lease is renewed; no
 * lease is left without what it was for.
 * @returns undefined: it has changed since
 */
export async function write(
  store: Store,
  key: string,
  before: Entry | undefined,
  record: LeaseRecord,
  ttlMs: number,
): Promise<Written | undefined> {
  const value = encodeRecord(record);
  const revision = before?.revision ?? 0;
  const isThere = stableJson(before?.value) === stableJson(value);
  if (before !== undefined && before.lease === undefined) {
    if (isThere) return { revision };
    const result = await store.commit(commitOf(key, revision, value));
    return result.committed ? { revision: result.revision } : undefined;
  }
  const held = before?.lease === undefined ? undefined : store.held?.(before.lease);
  if (isThere && held !== undefined && (await held.renew())) return { revision, lease: held };
  const lease = await store.lease(ttlMs);
  const result = await store.commit(commitOf(key, revision, value, lease.id)).catch(async (error: unknown) => {
    // Where etcd is away it ends by itself.
    await lease.revoke().catch(() => {});
    throw error;
  });
  await (result.committed ? held : lease)?.revoke();
  return result.committed ? { revision: result.revision, lease } : undefined;
}

/** The lease that was there before has ended: what it held comes back under that which replaced it. */
async function putBack(
  store: Store,
  key: string,
  { revision, lease }: Written,
  before: Entry | undefined,
): Promise<void> {
  if (before?.revision === revision) return;
  const kept = before === undefined ? undefined : lease?.id;
  const { committed } = await store.commit(commitOf(key, revision, before?.value, kept));
  if ((kept === undefined || !committed) && lease !== undefined) await store.held?.(lease.id).revoke();
}

/** With its lease. False: it has changed since. */
async function remove(store: Store, { key, revision, lease }: Entry): Promise<boolean> {
  const { committed } = await store.commit(commitOf(key, revision, undefined));
  if (committed && lease !== undefined) await store.held?.(lease).revoke();
  return committed;
}

/** Gives up what is this host's; what is reserved for it stays. */
export async function giveUp(store: Store, key: string, publicIp: string): Promise<void> {
  for (let race = 0; race < races; race++) {
    const entry = await store.get(key);
    if (entry?.lease === undefined || decodeRecord(entry.value)?.publicIp !== publicIp) return;
    if (await remove(store, entry)) return;
  }
}

function commitOf(key: string, revision: number, value: unknown, lease?: LeaseId): Parameters<Store["commit"]>[0] {
  return { checks: [{ key, revision }], writes: [{ key, value, ...(lease === undefined ? {} : { lease }) }] };
}

function isOfNetwork({ ipv4, ipv6 }: FlannelConfig, leased: Leased): boolean {
  if (!isOf(ipv4, leased.ipv4)) return false;
  return ipv6 === undefined ? leased.ipv6 === undefined : leased.ipv6 !== undefined && isOf(ipv6, leased.ipv6);
}

/** @throws NetkitError POOL_EXHAUSTED */
function freeSubnets({ ipv4, ipv6 }: FlannelConfig, leases: readonly KnownLease[]): Leased {
  const taken = leases.flatMap(({ leased }) => subnetsOf(leased));
  return { ipv4: freeSubnet(ipv4, taken), ...(ipv6 === undefined ? {} : { ipv6: freeSubnet(ipv6, taken) }) };
}

function freeSubnet({ network, length, first, last }: Pool, taken: readonly Cidr[]): Cidr {
  const family = familyOf(network);
  const size = 1n << BigInt((family === "ipv4" ? 32 : 128) - length);
  const end = ipToBigint(last);
  const free: Cidr[] = [];
  for (let base = ipToBigint(first); base <= end && free.length < choices; base += size) {
    const subnet = `${bigintToIp(base, family)}/${length}` as Cidr;
    if (!taken.some((other) => overlaps(other, subnet))) free.push(subnet);
  }
  const chosen = free[Math.floor(Math.random() * free.length)];
  if (chosen !== undefined) return chosen;
  throw new NetkitError("POOL_EXHAUSTED", `flannel's network ${network} has no free /${length} left`, {
    hint: "Hosts that are gone give theirs back when their lease runs out, after a day; a larger Network has more.",
    details: { network, length },
  });
}
