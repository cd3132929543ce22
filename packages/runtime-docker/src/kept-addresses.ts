import { familyOf, ipOf, isNetkitError, type Cidr, type Ip, type Network, type Subnet } from "@netkit/core";
import type { Netkit } from "@netkit/engine";

/**
 * An address of each family that the network has, with the length of its subnet, kept for an endpoint until that joins: of a network
 * whose addresses Docker's IPAM has no part in.
 * @throws NetkitError POOL_EXHAUSTED
 */
export async function keepAddresses(netkit: Netkit, network: Network): Promise<Cidr[]> {
  const kept: Cidr[] = [];
  try {
    for (const subnets of Map.groupBy(network.subnets, ({ subnet }) => familyOf(subnet)).values())
      kept.push(...(await keepOne(netkit, network, subnets)));
  } catch (error) {
    await giveBack(netkit, network.id, kept.map(ipOf));
    throw error;
  }
  return kept;
}

/** Of the first subnet that has one left. */
async function keepOne(netkit: Netkit, network: Network, subnets: readonly Subnet[]): Promise<Cidr[]> {
  const [first, ...others] = subnets;
  if (first === undefined) return [];
  try {
    const { addresses } = await netkit.networks.lend(network.id, { subnet: first.subnet });
    return addresses.map(({ address }) => address);
  } catch (error) {
    if (others.length === 0 || !isNetkitError(error) || error.code !== "POOL_EXHAUSTED") throw error;
    return await keepOne(netkit, network, others);
  }
}

/** Those that no endpoint has taken over. */
export async function giveBack(netkit: Netkit, network: string, ips: readonly Ip[]): Promise<void> {
  for (const ip of ips) await netkit.networks.takeBack(network, ip);
}
