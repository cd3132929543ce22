import { isNetkitError, NetkitError, type Network } from "@netkit/core";
import type { Netkit } from "@netkit/engine";
import { findNetwork } from "@netkit/runtime";
import type { Configuration } from "./configuration.ts";
import { listLabel } from "./labels.ts";

/** The network that a configuration is about. */
export interface Found {
  readonly network: Network;
  /** It was made for this call. */
  readonly isNew: boolean;
}

/**
 * The network that the configuration names. Where there is none and it says how one would be made, it is made, as the bridge of
 * the reference plugins is.
 * @throws NetkitError NETWORK_NOT_FOUND, SUBNET_OVERLAP
 */
export async function openNetwork(netkit: Netkit, configuration: Configuration): Promise<Found> {
  const name = networkName(configuration);
  const found = await findNetwork(netkit, name);
  if (found !== undefined) return { network: found, isNew: false };
  if (!describesNetwork(configuration)) throw unknownNetwork(configuration);
  try {
    return { network: await create(netkit, name, configuration), isNew: true };
  } catch (error) {
    if (isNetkitError(error) && error.code === "SUBNET_OVERLAP") throw overlapping(error);
    // Another ADD was faster.
    if (!isNetkitError(error) || error.code !== "NAME_TAKEN") throw error;
    return { network: await netkit.networks.get(name), isNew: false };
  }
}

/** Without a subnet a configuration describes no network. */
function overlapping(cause: NetkitError): NetkitError {
  const hint = 'Give it another "subnet", or have it name a network that is there: netkit network create NAME';
  return new NetkitError(cause.code, cause.message, { hint, details: cause.details, cause });
}

export function networkName({ network, name }: Configuration): string {
  return network ?? name;
}

export function describesNetwork({ subnet, subnets }: Configuration): boolean {
  return subnet !== undefined || subnets !== undefined;
}

async function create(netkit: Netkit, name: string, configuration: Configuration): Promise<Network> {
  const { subnet, subnets = [], driver, internal, options } = configuration;
  const all = [...new Set([...(subnet === undefined ? [] : [subnet]), ...subnets])];
  return await netkit.networks.create({
    name,
    subnets: all.map((one) => ({ subnet: one })),
    ...(all.some((one) => one.includes(":")) ? { ipv6: true } : {}),
    ...(all.some((one) => !one.includes(":")) ? {} : { ipv4: false }),
    ...(driver === undefined ? {} : { driver }),
    ...(internal === undefined ? {} : { internal }),
    ...(options === undefined ? {} : { options }),
    labels: { [listLabel]: configuration.name },
  });
}

export function unknownNetwork({ name: list, network }: Configuration): NetkitError {
  const name = network ?? list;
  const origin = network === undefined ? ", which is the name of the CNI network" : "";
  return new NetkitError("NETWORK_NOT_FOUND", `there is no netkit network '${name}'${origin}`, {
    hint: `Make it (netkit network create ${name}), name another one ("network": "NAME"), or say how it is to be made ("subnet": "10.1.0.0/16").`,
    details: { network: name },
  });
}
