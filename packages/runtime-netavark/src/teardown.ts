import type { EndpointDetails, Netkit } from "@netkit/engine";
import { forAll, leave, removeUnused } from "@netkit/runtime";
import { containerNamed } from "./container.ts";
import { networkLabel } from "./labels.ts";
import { findOwn } from "./network.ts";
import type { NetworkOptions } from "./network-options.ts";
import { publishedOf } from "./wishes.ts";

/**
 * Takes a container's interfaces on some networks away, has its ports published on those that stay, and takes networks that were made
 * for Podman away with their last one. Nothing is wrong where some of it is gone, its namespace included.
 */
export async function teardown(netkit: Netkit, options: NetworkOptions): Promise<void> {
  const sandbox = await containerNamed(netkit, options);
  if (sandbox !== undefined) {
    // With its namespace all of it is gone, whatever is asked for.
    const going = sandbox.endpoints.filter((endpoint) => sandbox.state === "gone" || isMeant(options, endpoint));
    await leave(netkit, sandbox, going, publishedOf(options));
  }
  // Whoever took the container off it.
  await forAll(options.networks, async ([name]) => {
    const podmans = Object.hasOwn(options.network_info, name) ? options.network_info[name] : undefined;
    const network = podmans && (await findOwn(netkit, podmans));
    if (network !== undefined) await removeUnused(netkit, network);
  });
}

function isMeant({ networks }: NetworkOptions, { labels, ifName }: EndpointDetails): boolean {
  return networks.some(([name, { interface_name: wanted }]) => labels?.[networkLabel] === name && ifName === wanted);
}
