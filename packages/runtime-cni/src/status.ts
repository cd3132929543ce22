import { familyOf, type Cidr } from "@netkit/core";
import type { Netkit, NetworkDetails } from "@netkit/engine";
import { findNetwork } from "@netkit/runtime";
import { refuseForeignIpam } from "./add.ts";
import { cniCodes, CniError, toCniError } from "./cni-error.ts";
import type { Configuration } from "./configuration.ts";
import { describesNetwork, networkName, unknownNetwork } from "./network.ts";

/** @throws CniError 50: an ADD would fail; 51: so it would, and containers that are there may not hear of new ones */
export async function status(open: () => Promise<Netkit>, configuration: Configuration): Promise<void> {
  await networkStatus(async () => {
    refuseForeignIpam(configuration);
    return await open();
  }, configuration);
}

/** The same of the network alone. */
export async function networkStatus(open: () => Promise<Netkit>, configuration: Configuration): Promise<void> {
  try {
    const netkit = await open();
    const found = await findNetwork(netkit, networkName(configuration));
    if (found === undefined) {
      if (describesNetwork(configuration)) return;
      throw unknownNetwork(configuration);
    }
    const network = await netkit.networks.inspect(found.id);
    refuseFull(network);
    const outOfTouch = network.scope === "global" ? await netkit.outOfTouch() : undefined;
    if (outOfTouch !== undefined) throw new CniError(cniCodes.limited, outOfTouch.message, outOfTouch.hint);
  } catch (error) {
    const { code, message, details } = toCniError(error);
    throw new CniError(code === cniCodes.limited ? code : cniCodes.unavailable, message, details);
  }
}

/** Of several subnets of a family one with room is enough. @throws CniError 50 */
function refuseFull({ name, usage }: NetworkDetails): void {
  const families = Map.groupBy(Object.entries(usage), ([subnet]) => familyOf(subnet as Cidr));
  for (const subnets of families.values()) {
    if (subnets.some(([, { available }]) => available > 0n)) continue;
    const all = subnets.map(([subnet]) => subnet).join(" and ");
    throw new CniError(cniCodes.unavailable, `network '${name}' has no address left in ${all}`);
  }
}
