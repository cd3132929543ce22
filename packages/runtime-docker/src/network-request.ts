import { didYouMean, dockersLabels, ipOf, NetkitError, parseCidr, parseIp, quoted } from "@netkit/core";
import type { NetworkRequest, SubnetInput } from "@netkit/engine";
import type { Joining } from "./joined-network.ts";
import { nameless } from "./network-names.ts";
import { joinedNetwork, textsOf } from "./options.ts";
import type { Pools } from "./pools.ts";
import type { CreateNetwork, IpamData } from "./schemas.ts";

/** What Docker asks a driver to make: either a network, or that it is one that is there. */
export type Wanted = { readonly create: NetworkRequest } | { readonly join: Joining };

/**
 * What a CreateNetwork asks for. `-o netkit.network=NAME` is a network that netkit has, `-o netkit.name=NAME` what a new one is
 * called (the protocol carries no name: otherwise `docker-` and the beginning of Docker's id); all other options are the driver's.
 */
export function wantedNetwork(request: CreateNetwork, driver: string, pools: Pools): Wanted {
  const { NetworkID, Options, IPv4Data, IPv6Data } = request;
  const generic = textsOf(Options["com.docker.network.generic"]);
  const { "netkit.network": _, "netkit.name": name, ...options } = generic;
  refuseUnknown(Object.keys(options));
  const data = [...IPv4Data, ...IPv6Data].filter((one) => !isNone(one));
  const isWithoutIpam = [...IPv4Data, ...IPv6Data].some(isNone);
  const join = joinedNetwork(generic);
  const internal = Options["com.docker.network.internal"] === true;
  // As Docker's own macvlan is, whose IPAM gives every network a gateway.
  const isApart = driver === "macvlan" && options["parent"] === undefined;
  if (join === undefined) {
    return {
      create: {
        id: NetworkID,
        name: name ?? nameless(NetworkID),
        driver,
        subnets: data.map((one) => subnetInput(one, pools)),
        ipv4: IPv4Data.length > 0,
        ipv6: IPv6Data.length > 0,
        internal: internal || isApart,
        options,
        labels: dockersLabels(NetworkID),
      },
    };
  }
  const more = [...Object.keys(options), ...(name === undefined ? [] : ["netkit.name"])];
  if (more.length > 0) {
    throw new NetkitError("OPTION_INVALID", `network '${join}' is there already, and ${more.join(", ")} can't be set`, {
      hint: "Leave out all options but netkit.network.",
    });
  }
  if (isWithoutIpam) return { join: { network: join, internal } };
  const subnets = data.map((one) => ({ space: one.AddressSpace, ...subnetInput(one, pools) }));
  return { join: { network: join, internal, subnets } };
}

/** What `--ipam-driver null` gives for a subnet: the driver has the addresses (libnetwork, ipams/null). */
function isNone({ Pool }: IpamData): boolean {
  return Pool === "0.0.0.0/0";
}

/** @throws NetkitError OPTION_UNKNOWN: it would be one of netkit's here, and none of the driver's */
function refuseUnknown(options: readonly string[]): void {
  const unknown = options.find((option) => option.startsWith("netkit."));
  if (unknown === undefined) return;
  throw new NetkitError("OPTION_UNKNOWN", `a network of Docker's has no option ${quoted(unknown)}`, {
    hint: didYouMean(unknown, ["netkit.name", "netkit.network"], "There are netkit.name and netkit.network."),
  });
}

function subnetInput({ Pool, Gateway, AuxAddresses }: IpamData, pools: Pools): SubnetInput {
  if (Pool === undefined) return {};
  const subnet = parseCidr(Pool);
  const range = pools.find(subnet)?.range;
  const auxiliary = Object.entries(AuxAddresses).map(([name, address]) => [name, ipIn(address)] as const);
  return {
    subnet,
    ...(range === undefined ? {} : { range }),
    ...(Gateway === undefined ? {} : { gateway: ipIn(Gateway) }),
    ...(auxiliary.length === 0 ? {} : { auxiliary: Object.fromEntries(auxiliary) }),
  };
}

/** With or without the length of its prefix. */
function ipIn(text: string): string {
  return text.includes("/") ? ipOf(parseCidr(text)) : parseIp(text);
}

/**
 * Flannel gives a host its subnet, and Docker's IPAM says one before a driver hears of the network.
 * @throws NetkitError UNSUPPORTED
 */
export function refuseSubnetsOfFlannel({ driver, subnets = [] }: NetworkRequest): void {
  if (driver !== "flannel" || subnets.length === 0) return;
  throw new NetkitError("UNSUPPORTED", "flannel gives out the subnet, and Docker has chosen one already", {
    hint: "Have Docker give out none: docker network create -d netkit-flannel --ipam-driver null NAME",
  });
}
