import { didYouMean, dockersLabels, ipOf, NetkitError, parseCidr, parseIp, quoted, type Cidr } from "@netkit/core";
import type { NetworkRequest, SubnetInput } from "@netkit/engine";
import type { Joining } from "./joined-network.ts";
import { nameless } from "./network-names.ts";
import { joinedNetwork, textsOf } from "./options.ts";
import type { Pools } from "./pools.ts";
import type { CreateNetwork, IpamData } from "./schemas.ts";

/** What Docker asks a driver to make: either a network, or that it is one that is there. */
export type Wanted = ({ readonly create: NetworkRequest } | { readonly join: Joining }) & {
  /** Subnets that stand for the network's own in Docker alone. */
  readonly pools: readonly Cidr[];
};

/**
 * What a CreateNetwork asks for. `-o netkit.network=NAME` is a network that netkit has, `-o netkit.name=NAME` what a new one is
 * called (the protocol carries no name: otherwise `docker-` and the beginning of Docker's id); all other options are the driver's.
 */
export function wantedNetwork(request: CreateNetwork, driver: string, held: Pools): Wanted {
  const { NetworkID, Options, IPv4Data, IPv6Data } = request;
  const generic = textsOf(Options["com.docker.network.generic"]);
  const { "netkit.network": _, "netkit.name": name, ...options } = generic;
  refuseUnknown(Object.keys(options));
  const data = [...IPv4Data, ...IPv6Data].filter((one) => !isNone(one));
  const isWithoutIpam = [...IPv4Data, ...IPv6Data].some(isNone);
  const join = joinedNetwork(generic);
  // What netkit has chosen is a new network's; one that is there, and flannel's, has its own.
  const hasOwn = join !== undefined || driver === "flannel";
  const standIns = data.filter(
    ({ Pool }) => hasOwn && Pool !== undefined && held.find(parseCidr(Pool))?.chosen === true,
  );
  const subnets = data.filter((one) => !standIns.includes(one));
  const pools = standIns.flatMap(({ Pool }) => (Pool === undefined ? [] : parseCidr(Pool)));
  const internal = Options["com.docker.network.internal"] === true;
  // As Docker's own macvlan is, whose IPAM gives every network a gateway.
  const isApart = driver === "macvlan" && options["parent"] === undefined;
  if (join === undefined) {
    return {
      create: {
        id: NetworkID,
        name: name ?? nameless(NetworkID),
        driver,
        subnets: subnets.map((one) => subnetInput(one, held)),
        ipv4: IPv4Data.length > 0,
        ipv6: IPv6Data.length > 0,
        internal: internal || isApart,
        options,
        labels: dockersLabels(NetworkID),
      },
      pools,
    };
  }
  const more = [...Object.keys(options), ...(name === undefined ? [] : ["netkit.name"])];
  if (more.length > 0) {
    throw new NetkitError("OPTION_INVALID", `network '${join}' is there already, and ${more.join(", ")} can't be set`, {
      hint: "Leave out all options but netkit.network.",
    });
  }
  if (isWithoutIpam || pools.length > 0) return { join: { network: join, internal }, pools };
  const asked = subnets.map((one) => ({ space: one.AddressSpace, ...subnetInput(one, held) }));
  return { join: { network: join, internal, subnets: asked }, pools };
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
 * Flannel gives a host its subnet: no other one can be asked for.
 * @throws NetkitError UNSUPPORTED
 */
export function refuseSubnetsOfFlannel({ driver, subnets = [] }: NetworkRequest): void {
  if (driver !== "flannel" || subnets.length === 0) return;
  throw new NetkitError("UNSUPPORTED", "flannel gives out the subnet, and Docker has another one", {
    hint: "Have netkit give out the addresses: docker network create -d netkit-flannel --ipam-driver netkit NAME",
  });
}
