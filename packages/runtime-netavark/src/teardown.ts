import { isNetkitError } from "@netkit/core";
import type { EndpointDetails, Netkit, SandboxDetails } from "@netkit/engine";
import { detach, forAll, removeUnused } from "@netkit/runtime";
import { containerNamed } from "./container.ts";
import { networkLabel } from "./labels.ts";
import { findOwn } from "./network.ts";
import type { NetworkOptions } from "./network-options.ts";
import { arrangePorts } from "./ports.ts";
import { publishedOf } from "./wishes.ts";

/**
 * Takes a container's interfaces on some networks away, has its ports published on those that stay, and takes networks that were made
 * for Podman away with their last one. Nothing is wrong where some of it is gone, its namespace included.
 */
export async function teardown(netkit: Netkit, options: NetworkOptions): Promise<void> {
  const sandbox = await containerNamed(netkit, options);
  if (sandbox !== undefined) await leave(netkit, sandbox, options);
  // Whoever took the container off it.
  await forAll(options.networks, async ([name]) => {
    const podmans = Object.hasOwn(options.network_info, name) ? options.network_info[name] : undefined;
    const network = podmans && (await findOwn(netkit, podmans));
    if (network !== undefined) await removeUnused(netkit, network);
  });
}

async function leave(netkit: Netkit, sandbox: SandboxDetails, options: NetworkOptions): Promise<void> {
  // With its namespace all of it is gone, whatever is asked for.
  const isGone = sandbox.state === "gone";
  const going = sandbox.endpoints.filter((endpoint) => isGone || isMeant(options, endpoint));
  await detach(netkit, sandbox, going);
  const staying = sandbox.endpoints.filter((endpoint) => !going.includes(endpoint));
  if (staying.length > 0) await movePorts(netkit, sandbox.id, staying, options);
}

/** What was published where a container is no longer is published where it still is. */
async function movePorts(
  netkit: Netkit,
  id: string,
  staying: readonly EndpointDetails[],
  options: NetworkOptions,
): Promise<void> {
  try {
    await arrangePorts(netkit, await netkit.sandboxes.get(id), staying, publishedOf(options));
  } catch (error) {
    // It has ended meanwhile.
    const codes = ["SANDBOX_NOT_FOUND", "ENDPOINT_NOT_FOUND", "NETWORK_NOT_FOUND"];
    if (!isNetkitError(error) || !codes.includes(error.code)) throw error;
  }
}

function isMeant({ networks }: NetworkOptions, { labels, ifName }: EndpointDetails): boolean {
  return networks.some(([name, { interface_name: wanted }]) => labels?.[networkLabel] === name && ifName === wanted);
}
