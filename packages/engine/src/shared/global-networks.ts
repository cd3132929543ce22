import {
  NetkitError,
  type AnyDriver,
  type Network,
  type NetworkId,
  type RemoteEndpoint,
  type Store,
  type SubnetRequest,
} from "@netkit/core";
import { chooseValue, claimTaken } from "../claims.ts";
import type { Draft } from "../draft.ts";
import { enumerated } from "../listed.ts";
import type { Context } from "../operation.ts";
import { keys } from "../state.ts";
import { chooseSubnets } from "../subnets.ts";
import { asked, resourcesOf, viewOf } from "../view.ts";
import { Again } from "./again.ts";
import { departedFrom, type DepartedFrom } from "./departed.ts";
import { sharedKeys } from "./keys.ts";
import { requireLease } from "./lease.ts";
import { changing } from "./presence.ts";
import { forgetRemote } from "./remotes.ts";
import type { SharedNetwork } from "./records.ts";
import { knownHere } from "./realising.ts";
import type { Shared } from "./shared.ts";
import { thisHostNow } from "./this-host.ts";

/**
 * Gives a declared network what all its hosts share: subnets, claims, its name. Kernel objects come with the first endpoint on
 * each host.
 */
export async function createGlobal(
  context: Context,
  draft: Draft,
  driver: AnyDriver,
  declared: Network,
  requests: readonly SubnetRequest[],
  ipv4 = true,
): Promise<Network> {
  refuseReadOnly(context.shared, `network '${declared.name}' can't be made`);
  await requireLease(context, draft);
  const store = await context.shared.open();
  const { shared } = draft;
  const serial = (await store.get(sharedKeys.networks))?.revision ?? 0;
  const others = await networksIn(store);
  const same = others.find(({ name }) => name === declared.name);
  if (same !== undefined) {
    throw new NetkitError("NAME_TAKEN", `a network '${declared.name}' exists already in the store that hosts share`, {
      hint: "Choose another name: 'netkit network ls' lists them.",
      details: { name: declared.name, id: same.id },
    });
  }
  const known = await knownHere(context, driver, declared, await thisHostNow(context, draft));
  const ownLinks = driver.traits.subnetOfLink ? Object.keys(known.facts.links) : [];
  const subnets = await chooseSubnets(context, draft, driver, known, requests, ipv4, ownLinks, others);
  const planned: Network = { ...known, subnets };
  const claims: Record<string, string> = {};
  for (const claim of asked(driver, () => driver.claims?.(viewOf(context.instance, planned))) ?? []) {
    const prefix = sharedKeys.claim(claim.space, "");
    const { readHolder } = await import("./records.ts");
    const holders = new Map(
      (await store.range(prefix)).map(({ key, value }) => [key.slice(prefix.length), readHolder(value)?.name]),
    );
    const value = await chooseValue(claim, (candidate) => !holders.has(candidate));
    if (value === undefined) throw claimTaken(claim, declared.name, holders.get(claim.value ?? ""));
    claims[claim.name] = value;
    shared.check(sharedKeys.claim(claim.space, value), 0, another);
    shared.put(sharedKeys.claim(claim.space, value), { id: declared.id, name: declared.name });
  }
  // What its driver refuses where it comes to a host is refused here, and not made for all.
  resourcesOf(driver, () => driver.network(viewOf(context.instance, { ...planned, claims })), ["host"]);
  const network: Network = { ...declared, subnets, claims };
  shared.check(sharedKeys.networks, serial, another);
  shared.put(sharedKeys.networks, { id: network.id });
  shared.check(sharedKeys.networkName(network.name), 0, another);
  shared.put(sharedKeys.networkName(network.name), { id: network.id, name: network.name });
  shared.put(sharedKeys.network(network.id), sharedNetworkOf(network));
  draft.put(keys.network(network.id), network);
  draft.put(keys.networkName(network.name), network.id);
  draft.afterwards(() => [
    { key: keys.network(network.id), value: { ...network, share: { revision: shared.revision } } },
  ]);
  return network;
}

/** Somebody else has made or removed a network meanwhile: what is free is looked up again. */
async function another(): Promise<NetkitError> {
  return new NetkitError("STATE_CHANGED", "other hosts make and remove networks all the time", { hint: "Try again." });
}

/** Without the facts and the part of the host that made it. */
export function sharedNetworkOf(network: Network): SharedNetwork {
  const { realised: _, facts: __, share: ___, ...common } = network;
  return common;
}

/** Those whose records fit. */
async function networksIn(store: Store): Promise<SharedNetwork[]> {
  const { readNetwork } = await import("./records.ts");
  return (await store.range(sharedKeys.network("" as NetworkId))).flatMap(({ value }) => readNetwork(value) ?? []);
}

/**
 * Takes a network from all hosts. Its record says so first, so that nobody attaches anything from then on; then it is looked
 * whether somebody has.
 * @param complain told of hosts that it comes back with, once it is removed
 * @throws NetkitError NETWORK_IN_USE with the names of who uses it, and where
 */
export async function removeGlobal(
  context: Context,
  draft: Draft,
  network: Network,
  complain: ((error: NetkitError) => void) | undefined,
): Promise<void> {
  const { id, name } = network;
  const { shared } = draft;
  refuseReadOnly(context.shared, `network '${name}' can't be removed`);
  const remote = (await draft.range<RemoteEndpoint>(keys.remote(id, ""))).map(({ value }) => value);
  // What this host knows may be of a moment ago: carrying it out, the store is asked.
  if (draft.dryRun) refuseUsed(network, remote);
  await requireLease(context, draft);
  for (const endpoint of remote) await forgetRemote(draft, endpoint);
  const departed = await departedFrom(draft, id);
  draft.whenDone(async () => departed.forEach((host) => complain?.(comesBack(network, host))));
  const { readEndpoint, readHolder, readNetwork } = await import("./records.ts");
  // Known before the intent is written: whoever finishes this finds them there.
  shared.remove(sharedKeys.networkName(name), id);
  for (const claim of await (await context.shared.open()).range(sharedKeys.claim("", "").slice(0, -1)))
    if (readHolder(claim.value)?.id === id) shared.remove(claim.key, id);
  shared.remove(sharedKeys.network(id), id);
  shared.preparations.push(async (store) => {
    const key = sharedKeys.network(id);
    const found = await store.get(key);
    const record = readNetwork(found?.value);
    // Another host was faster, or the store has lost it.
    if (found === undefined || record === undefined) return;
    const mark = async (revision: number, value: SharedNetwork): Promise<number> => {
      const marked = await store.commit({ checks: [{ key, revision }], writes: [{ key, value }] });
      if (!marked.committed) throw new Again(changing(network));
      return marked.revision;
    };
    const look = async (): Promise<void> =>
      refuseUsed(
        network,
        (await store.range(sharedKeys.endpoint(id, ""))).flatMap(({ value }) => readEndpoint(value) ?? []),
      );
    await look();
    const revision = await mark(found.revision, { ...record, removing: true });
    try {
      await look();
    } catch (error) {
      const { removing: _, ...before } = record;
      await mark(revision, before);
      throw error;
    }
  });
}

/** That host has sandboxes there for all it knows, and gives the store back what they are on. */
function comesBack({ name }: Network, { host, since }: DepartedFrom): NetkitError {
  return new NetkitError(
    "NETWORK_IN_USE",
    `host '${host.name}' is down since ${since}, and was on network '${name}' then: the network comes back with it`,
    {
      hint: "If it does: disconnect the sandboxes there (netkit network disconnect), and remove the network again.",
      details: { network: name, host: host.name, since },
    },
  );
}

function refuseReadOnly({ file }: Shared, what: string): void {
  if (file === undefined) return;
  throw new NetkitError("STORE_READ_ONLY", `${what} here: hosts share the networks that ${file} lists`, {
    hint: "Change that file, on all hosts alike: their agents see it at once.",
    details: { path: file },
  });
}

function refuseUsed({ name }: Network, endpoints: readonly RemoteEndpoint[]): void {
  const users = endpoints.flatMap(({ sandbox, hostName }) =>
    sandbox === undefined ? [] : [`'${sandbox.name}' on host '${hostName}'`],
  );
  if (users.length === 0) return;
  throw new NetkitError("NETWORK_IN_USE", `network '${name}' is in use by ${enumerated(users)}`, {
    hint: "Disconnect or remove those sandboxes on their hosts first.",
    details: { network: name, sandboxes: users },
  });
}
