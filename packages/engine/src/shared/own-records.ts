import {
  ipOf,
  NetkitError,
  stableJson,
  type Endpoint,
  type LeaseId,
  type Network,
  type RemoteEndpoint,
  type Sandbox,
  type Store,
} from "@netkit/core";
import type { Reader } from "../lookup.ts";
import { addressKeyOf } from "../networks.ts";
import { keys } from "../state.ts";
import type { SharedItem } from "./changes.ts";
import { removeShared } from "./committing.ts";
import { sharedKeys } from "./keys.ts";
import type { Mirror } from "./mirror.ts";
import { addressesOf, addressRecordOf, recordOf } from "./presence.ts";
import type { LocalHost } from "./this-host.ts";

/** What of this host's records the shared store lacks, and has too much. */
export interface OwnDifference {
  readonly missing: readonly RemoteEndpoint[];
  readonly leftOver: readonly SharedItem[];
}

/** @param all says that all are missing: they are under a lease that has ended, or soon will have */
export async function compareOwn(
  reader: Reader,
  mirror: Mirror,
  self: LocalHost,
  all: boolean,
): Promise<OwnDifference> {
  const own = new Map((await ownRecords(reader, self)).map((record) => [record.id, record]));
  const addresses = new Map<string, RemoteEndpoint>();
  for (const record of own.values())
    for (const ip of addressesOf(record)) addresses.set(addressKeyOf(record.network, ip), record);
  const missing = [...own.values()].filter((record) => {
    const isThere = stableJson(mirror.endpoints.get(record.id)?.value) === stableJson(record);
    return (
      all || !isThere || !addressesOf(record).every((ip) => mirror.addresses.has(addressKeyOf(record.network, ip)))
    );
  });
  const leftOver = [
    ...[...mirror.endpoints.values()].flatMap(({ value: { id, host, network } }) =>
      host === self.id && !own.has(id) ? [{ key: sharedKeys.endpoint(network, id), id }] : [],
    ),
    ...[...mirror.addresses].flatMap(
      ([
        key,
        {
          value: { id, host },
        },
      ]) => (host === self.id && addresses.get(key)?.id !== id ? [{ key, id }] : []),
    ),
  ];
  return { missing, leftOver };
}

/** What other hosts are to know of this one's endpoints, and of its own part in networks. */
async function ownRecords(reader: Reader, self: LocalHost): Promise<RemoteEndpoint[]> {
  const networks = (await reader.range<Network>("network/")).flatMap(({ value }) =>
    value.scope === "global" && value.realised ? [value] : [],
  );
  const records: RemoteEndpoint[] = [];
  for (const { id: network, share } of networks) {
    if (share?.host === undefined || share.part === undefined) continue;
    const { vtep, mac, addresses, mtu } = share.host;
    records.push({ id: share.part, network, host: self.id, hostName: self.name, vtep, mac, addresses, mtu });
    const prefix = keys.attached(network, "");
    for (const { key } of await reader.range(prefix)) {
      const endpoint = await reader.get<Endpoint>(`endpoint/${key.slice(prefix.length)}`);
      const sandbox = endpoint && (await reader.get<Sandbox>(keys.sandbox(endpoint.sandbox)));
      if (endpoint !== undefined && sandbox !== undefined) records.push(recordOf(self, sandbox, endpoint));
    }
  }
  return records;
}

/**
 * Writes and removes what was found, under the lease. What another host has by now is complained of.
 * @param anew whether what is there already is written again: it may be under another lease
 * @returns whether it is all done; otherwise somebody was faster with some of it
 */
export async function mendOwn(
  store: Store,
  { missing, leftOver }: OwnDifference,
  lease: LeaseId,
  anew: boolean,
  complain: (error: NetkitError) => void,
): Promise<boolean> {
  await removeShared(store, leftOver);
  let isDone = true;
  for (const record of missing) {
    const writes = [
      { key: sharedKeys.endpoint(record.network, record.id), value: record, lease },
      ...addressesOf(record).map((ip) => ({
        key: addressKeyOf(record.network, ip),
        value: addressRecordOf(record, ip),
        lease,
      })),
    ];
    const found = await store.getAll(writes.map(({ key }) => key));
    const idOf = (key: string): unknown => (found.get(key)?.value as { readonly id?: unknown } | undefined)?.id;
    const taken = writes.find(({ key }) => found.has(key) && idOf(key) !== record.id);
    if (taken !== undefined) complain(lost(record, found.get(taken.key)?.value));
    const isThere = writes.every(({ key, value }) => stableJson(found.get(key)?.value) === stableJson(value));
    if (taken !== undefined || (isThere && !anew)) continue;
    const checks = writes.map(({ key }) => ({ key, revision: found.get(key)?.revision ?? 0 }));
    const { committed } = await store.commit({ checks, writes });
    isDone &&= committed;
  }
  return isDone;
}

function lost({ id, sandbox, addresses }: RemoteEndpoint, holder: unknown): NetkitError {
  const who = (holder as { readonly who?: unknown } | null)?.who;
  const name = sandbox === undefined ? "this host itself" : `sandbox '${sandbox.name}'`;
  return new NetkitError(
    "ADDRESS_TAKEN",
    `the address ${addresses.map(ipOf).join(" or ")} of ${name} is in use by ${typeof who === "string" ? who : "somebody else"} since this host was away`,
    {
      hint: "Disconnect and connect one of them, so that it gets another address.",
      details: { addresses, ...(sandbox === undefined ? {} : { endpoint: id }) },
    },
  );
}
