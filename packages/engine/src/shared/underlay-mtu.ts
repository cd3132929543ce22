import {
  isNetkitError,
  NetkitError,
  type AnyDriver,
  type HostView,
  type Instance,
  type Network,
  type Resource,
} from "@netkit/core";
import type { Reader } from "../lookup.ts";
import type { Context } from "../operation.ts";
import { keys } from "../state.ts";
import { resourcesOf, viewOf } from "../view.ts";
import { linkOf, type LocalHost } from "./this-host.ts";

/** The least of what has one, where a driver makes several things. */
export function mtuOf(resources: readonly Resource[]): number | undefined {
  const found = resources.flatMap((resource) => ("mtu" in resource && resource.mtu) || []);
  return found.length === 0 ? undefined : Math.min(...found);
}

/** What a network takes on a host: its driver makes the same of the same there. Of one that was asked for too much, what fits. */
export function mtuOn(instance: Instance, driver: AnyDriver, network: Network, host: HostView): number | undefined {
  const there: Network = { ...network, share: { revision: 0, ...network.share, host } };
  const { mtu: _, ...options } = network.options;
  return made(instance, driver, there) ?? made(instance, driver, { ...there, options });
}

function made(instance: Instance, driver: AnyDriver, network: Network): number | undefined {
  try {
    return mtuOf(resourcesOf(driver, () => driver.network(viewOf(instance, network)), ["host"]));
  } catch (error) {
    if (!isNetkitError(error) || error.code === "DRIVER_INVALID") throw error;
    return undefined;
  }
}

/** Networks keep the MTU that they came to this host with: what is wrong with those that its link takes no more. */
export async function findTooLarge(
  context: Context,
  reader: Reader,
  networks: readonly Network[],
): Promise<NetkitError[]> {
  const self = await reader.get<LocalHost>(keys.self);
  const errors: NetkitError[] = [];
  for (const network of networks) {
    const host = network.share?.host;
    if (host === undefined) continue;
    const link = linkOf(await context.host.open(), host.vtep, self?.link);
    if (link === undefined || link.mtu >= host.mtu) continue;
    const driver = await context.drivers.of(network);
    const kept = mtuOn(context.instance, driver, network, host);
    const most = mtuOn(context.instance, driver, network, { ...host, mtu: link.mtu });
    if (kept === undefined || (most !== undefined && most >= kept)) continue;
    const lost = most === undefined ? "and it has no room for that" : `and packets larger than ${most} are lost`;
    const anew = most === undefined ? "" : `, or make the network anew with what fits (-o mtu=${most})`;
    errors.push(
      new NetkitError(
        "AGENT_DEGRADED",
        `the link '${link.name}' of this host, which has ${host.vtep}, has an MTU of ${link.mtu} now: network '${network.name}' has ${kept} here, ${lost}`,
        {
          hint: `Give the link its MTU back (ip link set dev ${link.name} mtu ${host.mtu})${anew}.`,
          details: { network: network.name, link: link.name, mtu: link.mtu },
        },
      ),
    );
  }
  return errors;
}
