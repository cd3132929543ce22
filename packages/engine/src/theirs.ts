import {
  ipOf,
  NetkitError,
  parseCidr,
  parseHostLinkName,
  type AnyDriver,
  type Endpoint,
  type EndpointAddress,
  type EndpointId,
  type Network,
  type NetworkView,
  type Resource,
  type TheirInterface,
} from "@netkit/core";
import { bridgeSysctls, publish, type Area } from "@netkit/core/bridged";
import { contains } from "@netkit/ipam";
import { staticAddress } from "./addresses.ts";
import type { EndpointRequest } from "./api.ts";
import type { Draft } from "./draft.ts";
import { hasInterfaces } from "./interface.ts";
import { addressKeyOf } from "./networks.ts";
import type { AddressHolder } from "./state.ts";

/**
 * What this host holds for an endpoint whose interface another engine has made: its published ports, whatever the network's
 * driver is. To a link that is no network's the host's own connections get as they do to a network's bridge; nothing is kept
 * out of it.
 */
export function theirResources(
  { addresses, ports, theirs }: Pick<Endpoint, "addresses" | "ports" | "theirs">,
  network: NetworkView,
): Resource[] {
  const { link, isNetworks = false } = theirs ?? {};
  if (link === undefined || ports.length === 0) return [];
  const area: Area = {
    link,
    mtu: undefined,
    icc: true,
    guarded: false,
    modes: { ipv4: "nat", ipv6: "nat" },
    trusting: false,
  };
  const subnets = addresses.map(({ address }) => ({ subnet: address, auxiliary: {} }));
  const around: Resource[] = [
    ...bridgeSysctls({ internal: false, subnets }, link, { adopted: true, ipv6: false }),
    { kind: "isolation", ns: "host", link, icc: true, internal: false, ipv4: "all", ipv6: "all" },
  ];
  return [
    ...(isNetworks ? [] : around),
    ...ports.flatMap((port) => publish({ addresses, ports, network }, port, area)),
  ];
}

/** @throws NetkitError UNSUPPORTED: the network can't have it, or what was asked for is its maker's */
export function refuseTheirs(driver: AnyDriver, network: Network, request: EndpointRequest): void {
  const hint = "Use a network of this host, a bridge say: netkit network create";
  if (!hasInterfaces(driver))
    throw new NetkitError("UNSUPPORTED", `network '${network.name}' has no interfaces`, { hint });
  if (network.scope === "global") {
    throw new NetkitError(
      "UNSUPPORTED",
      `network '${network.name}' is on several hosts, which would look for the interface of another engine in vain`,
      { hint },
    );
  }
  const { ip, ip6, furtherIps = [], sysctls = {}, linkLocal = [], options = {}, handedOver } = request;
  const { gatewayPriority = 0, metric = 0 } = request;
  const isAsked = [furtherIps, sysctls, linkLocal, options].some((each) => Object.keys(each).length > 0);
  const asked = isAsked || gatewayPriority !== 0 || metric !== 0;
  if (!asked && ip === undefined && ip6 === undefined && handedOver !== true && request.ifName !== undefined) return;
  throw new NetkitError("UNSUPPORTED", "another engine has made the interface, and sets it up", {
    hint: "Give its name (ifName) and addresses, and leave out static ones, sysctls, priorities and options.",
  });
}

/**
 * The addresses of such an interface. One of the network's subnets is the endpoint's as if it had been asked for, unless it is lent:
 * then it stays so.
 * @throws NetkitError ADDRESS_INVALID, ADDRESS_TAKEN
 */
export async function takeTheirAddresses(
  draft: Draft,
  network: Network,
  texts: readonly string[],
  id: EndpointId,
): Promise<EndpointAddress[]> {
  const taken: EndpointAddress[] = [];
  for (const text of texts) {
    const address = parseCidr(text);
    const ip = ipOf(address);
    taken.push({ address });
    if (!network.subnets.some(({ subnet }) => contains(subnet, ip))) continue;
    const key = addressKeyOf(network.id, ip);
    const holder = await draft.get<AddressHolder>(key);
    if (holder?.endpoint === "" && holder.kept !== true) continue;
    await staticAddress(draft, network, network.subnets, ip);
    draft.put(key, { endpoint: id, ip } satisfies AddressHolder);
  }
  return taken;
}

/** What leads to the interface, as stored: the network's own link has what it needs already. */
export async function theirInterface(
  draft: Draft,
  network: Network,
  link: string | undefined,
): Promise<TheirInterface> {
  if (link === undefined) return {};
  const name = parseHostLinkName(link);
  const owned = await draft.owned(network.id);
  const isNetworks = owned?.resources.some((resource) => resource.kind === "isolation" && resource.link === name);
  return { link: name, ...(isNetworks === true ? { isNetworks } : {}) };
}
