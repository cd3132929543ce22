import type { EndpointDetails, Netkit } from "@netkit/engine";
import { detach, findNetwork, forAll, removeUnused } from "@netkit/runtime";
import { containerNamed } from "./container.ts";
import { networkLabel } from "./labels.ts";
import { isOwn } from "./network.ts";
import type { NetworkOptions } from "./network-options.ts";

/**
 * Takes a container's interfaces on some networks away, and networks that were made for Podman with their last one. Nothing is
 * wrong where some of it is gone, its namespace included.
 */
export async function teardown(netkit: Netkit, options: NetworkOptions): Promise<void> {
  const sandbox = await containerNamed(netkit, options);
  if (sandbox === undefined) return;
  const going = sandbox.endpoints.filter((endpoint) => isMeant(options, endpoint));
  await detach(netkit, sandbox, going);
  await forAll(new Set(going.map(({ network }) => network)), async (id) => {
    const network = await findNetwork(netkit, id);
    if (network !== undefined && isOwn(network)) await removeUnused(netkit, network);
  });
}

function isMeant({ networks }: NetworkOptions, { labels, ifName }: EndpointDetails): boolean {
  return networks.some(([name, { interface_name: wanted }]) => labels?.[networkLabel] === name && ifName === wanted);
}
