import {
  parseIp,
  prefixLengthOf,
  type Cidr,
  type EndpointId,
  type Ip,
  type Network,
  type NetworkId,
} from "@netkit/core";
import { nextAddress, staticAddress } from "./addresses.ts";
import type { Finding } from "./api.ts";
import type { Draft } from "./draft.ts";
import type { Reader } from "./lookup.ts";
import { addressKeyOf } from "./networks.ts";
import { keys, type AddressHolder } from "./state.ts";
import { awaitedMs } from "./whereabouts.ts";

/** Keeps an address for an endpoint that another engine will ask for; see {@link Networks.reserve}. */
export async function keepAddress(
  draft: Draft,
  network: Network,
  wanted: { readonly ip: Ip | string } | { readonly subnet: Cidr },
): Promise<Cidr> {
  // It is of no use for long, and lost with the power it is lost to all.
  draft.durable = false;
  const { ip, subnet } =
    "ip" in wanted
      ? await staticAddress(draft, network, network.subnets, parseIp(wanted.ip))
      : await nextAddress(
          draft,
          network,
          network.subnets.filter(({ subnet }) => subnet === wanted.subnet),
        );
  const key = addressKeyOf(network.id, ip);
  draft.put(key, { endpoint: "" as EndpointId, ip, who: "another engine", kept: true } satisfies AddressHolder);
  draft.put(keys.kept(key), new Date().toISOString());
  return `${ip}/${prefixLengthOf(subnet.subnet)}` as Cidr;
}

export async function giveBackAddress(draft: Draft, { id }: Network, text: Ip | string): Promise<void> {
  const key = addressKeyOf(id, parseIp(text));
  if (!(await draft.has(keys.kept(key)))) return;
  draft.durable = false;
  forget(draft, key);
}

/** Addresses that somebody should have come for. */
export async function unclaimedAddresses(reader: Reader): Promise<Finding[]> {
  return (await unclaimed(reader)).map(({ ip, network }): Finding => {
    const object = `address ${ip} of network ${network}`;
    return {
      problem: "gone",
      object,
      message: `${object} is kept for an engine that has not come for it`,
      repairable: true,
    };
  });
}

export async function giveBackUnclaimed(draft: Draft): Promise<void> {
  for (const { key } of await unclaimed(draft)) forget(draft, key);
}

/** Of a network that goes: nobody will come for them. */
export async function forgetKept(draft: Draft, { id }: Network): Promise<void> {
  for (const { key } of await draft.range(keys.kept(keys.address(id, ""))))
    forget(draft, key.slice(keys.kept("").length));
}

interface Unclaimed {
  /** Of the address. */
  readonly key: string;
  readonly ip: Ip;
  readonly network: string;
}

async function unclaimed(reader: Reader): Promise<Unclaimed[]> {
  const found: Unclaimed[] = [];
  for (const { key, value: since } of await reader.range<string>(keys.kept(""))) {
    if (Date.now() - Date.parse(since) < awaitedMs) continue;
    const address = key.slice(keys.kept("").length);
    const holder = await reader.get<AddressHolder>(address);
    const network = await reader.get<Network>(keys.network(address.split("/")[1] as NetworkId));
    if (holder !== undefined) found.push({ key: address, ip: holder.ip, network: network?.name ?? "that is gone" });
  }
  return found;
}

function forget(draft: Draft, key: string): void {
  draft.delete(key);
  draft.delete(keys.kept(key));
}
