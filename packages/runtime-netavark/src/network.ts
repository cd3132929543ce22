import { hasNames, isNetkitError, NetkitError, type Network } from "@netkit/core";
import type { Netkit } from "@netkit/engine";
import { findNetwork } from "@netkit/runtime";
import { joinLabel, networkLabel } from "./labels.ts";
import type { PodmanNetwork } from "./network-options.ts";
import { isUnmanaged, networkRequest } from "./network-request.ts";
import { refusal } from "./refusal.ts";

const noBridge = "in unmanaged mode, the bridge must already exist on the host";

/**
 * The netkit network that Podman's label names, or that was made for Podman's before, or that is called as Podman's and is
 * as Podman's; where there is none it is made.
 * @throws NetkitError NETWORK_NOT_FOUND, NAME_TAKEN, SUBNET_OVERLAP, ADDRESS_INVALID, UNSUPPORTED
 */
export async function openNetwork(netkit: Netkit, podmans: PodmanNetwork): Promise<Network> {
  const found = await find(netkit, podmans);
  if (found !== undefined) return found;
  try {
    return await netkit.networks.create(networkRequest(podmans));
  } catch (error) {
    if (isNetkitError(error) && error.code === "LINK_NOT_FOUND" && isUnmanaged(podmans))
      throw refusal(`${noBridge}: Netlink error: No such device (os error 19)`);
    if (isNetkitError(error) && error.code === "SUBNET_OVERLAP") throw overlapping(error, podmans);
    // Another setup was faster.
    const made = isNetkitError(error) && error.code === "NAME_TAKEN" ? await find(netkit, podmans) : undefined;
    if (made === undefined) throw error;
    return made;
  }
}

/** Who gives a container no network hasn't heard of the one that it is on then. */
function overlapping(cause: NetkitError, { name }: PodmanNetwork): NetkitError {
  const { code, hint = "", details } = cause;
  return new NetkitError(code, `of Podman's network '${name}' ${cause.message}`, { hint, details, cause });
}

async function find(netkit: Netkit, podmans: PodmanNetwork): Promise<Network | undefined> {
  const { name, id = "", labels = {} } = podmans;
  const wanted = labels[joinLabel];
  if (wanted !== undefined) {
    const joined = await netkit.networks.get(wanted);
    if (isAlike(joined, podmans)) return joined;
    const anew = `podman network create --ipam-driver none --label ${joinLabel}=${wanted} ${name}`;
    throw new NetkitError("ADDRESS_INVALID", `Podman's network '${name}' has other subnets than netkit's '${wanted}'`, {
      hint: `Have netkit hand out the addresses: podman network rm ${name}, then ${anew}`,
    });
  }
  const own = id === "" ? undefined : await findNetwork(netkit, id);
  if (own !== undefined) return own;
  const namesake = await findNetwork(netkit, name);
  if (namesake === undefined || isAlike(namesake, podmans)) return namesake;
  throw new NetkitError("NAME_TAKEN", `there is a netkit network '${name}' already, with other subnets`, {
    hint: `If Podman's containers are to be on it: podman network rm ${name}, then podman network create --ipam-driver none ${name}; if not, give Podman's another name.`,
  });
}

/** The one that was made for Podman's. */
export async function findOwn(netkit: Netkit, { name, id = "" }: PodmanNetwork): Promise<Network | undefined> {
  const found = (id === "" ? undefined : await findNetwork(netkit, id)) ?? (await findNetwork(netkit, name));
  return found !== undefined && isOwn(found) ? found : undefined;
}

function isAlike({ subnets }: Network, podmans: PodmanNetwork): boolean {
  const known = new Set<string>(subnets.map(({ subnet }) => subnet));
  return (podmans.subnets ?? []).every(({ subnet }) => known.has(subnet));
}

/** Whether a network was made for Podman, and goes with its last container. */
export function isOwn({ labels }: Network): boolean {
  return labels[networkLabel] !== undefined;
}

/**
 * Whether containers are found by name on it, by a network's setting in Podman. With the IPAM driver `none` Podman switches it off by
 * itself: there it is as the netkit network has it.
 */
export function servesNames({ dns_enabled: isOn, ipam_options: ipam = {} }: PodmanNetwork, network: Network): boolean {
  return hasNames(network) && (isOn === true || (ipam["driver"] === "none" && !isOwn(network)));
}
