import { ipOf, NetkitError, parseCidr, parseIp, shortId, type Cidr, type Network } from "@netkit/core";
import type { NetworkRequest, SubnetInput } from "@netkit/engine";
import { joinedNetwork, textsOf } from "./options.ts";
import type { Pools } from "./pools.ts";
import type { CreateNetwork, IpamData } from "./schemas.ts";

/** Says in a network's labels which one of Docker's it is; it is the network's id as well. */
const networkLabel = "com.docker.network.id";

/** What Docker asks a driver to make: either a network, or that it is one that is there. */
export type Wanted = { readonly create: NetworkRequest } | { readonly join: string; readonly subnets: readonly Cidr[] };

/**
 * What a CreateNetwork asks for. `-o netkit.network=NAME` is a network that netkit has, `-o netkit.name=NAME` what a new one is
 * called (the protocol carries no name: otherwise `docker-` and the beginning of Docker's id); all other options are the driver's.
 */
export function wantedNetwork(request: CreateNetwork, driver: string, pools: Pools): Wanted {
  const { NetworkID, Options, IPv4Data, IPv6Data } = request;
  const generic = textsOf(Options["com.docker.network.generic"]);
  const { "netkit.network": _, "netkit.name": name, ...options } = generic;
  const data = [...IPv4Data, ...IPv6Data];
  const join = joinedNetwork(generic);
  if (join === undefined) {
    return {
      create: {
        id: NetworkID,
        name: name ?? `docker-${shortId(NetworkID)}`,
        driver,
        subnets: data.map((one) => subnetInput(one, pools)),
        ipv4: IPv4Data.length > 0,
        ipv6: IPv6Data.length > 0,
        internal: Options["com.docker.network.internal"] === true,
        options,
        labels: { [networkLabel]: NetworkID },
      },
    };
  }
  const more = [...Object.keys(options), ...(name === undefined ? [] : ["netkit.name"])];
  if (more.length > 0) {
    throw new NetkitError("OPTION_INVALID", `network '${join}' is there already, and ${more.join(", ")} can't be set`, {
      hint: "Leave out all options but netkit.network.",
    });
  }
  return { join, subnets: data.flatMap(({ Pool }) => (Pool === undefined ? [] : [parseCidr(Pool)])) };
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
 * Flannel gives a host its subnet, and Docker says one before a driver hears of the network.
 * @throws NetkitError UNSUPPORTED
 */
export function refuseFlannel(driver: string): void {
  if (driver !== "flannel") return;
  throw new NetkitError("UNSUPPORTED", "flannel gives out the subnet, and Docker has chosen one already", {
    hint: `Make it with netkit first (netkit network create --driver flannel NAME), then: ${joiningLine("NAME", ["SUBNET"])}`,
  });
}

/** How Docker gets a network that netkit has. */
function joiningLine(network: string, subnets: readonly string[]): string {
  const named = subnets.map((subnet) => ` --subnet ${subnet}`).join("");
  return `docker network create -d netkit --ipam-driver netkit${named} -o netkit.network=${network} OTHER-NAME`;
}

/**
 * Refuses a network that is there where the addresses that Docker would give out are none of its own.
 * @throws NetkitError UNSUPPORTED
 */
export function refuseMisfit(network: Network, driver: string, subnets: readonly Cidr[]): void {
  // The plain name is for any of them.
  if (driver !== "bridge" && network.driver !== driver) {
    throw new NetkitError("UNSUPPORTED", `network '${network.name}' is one of driver '${network.driver}'`, {
      hint: "Name the driver 'netkit', which is for all of them: docker network create -d netkit.",
    });
  }
  const own = network.subnets.map(({ subnet }) => subnet);
  const foreign = subnets.find((subnet) => !own.includes(subnet));
  if (foreign === undefined && subnets.length > 0) return;
  throw new NetkitError(
    "UNSUPPORTED",
    `${foreign ?? "what Docker would give out"} is no subnet of network '${network.name}' (${own.join(", ")})`,
    {
      hint: `It chooses a subnet before it asks a driver. Have netkit do it: ${joiningLine(network.name, own)}`,
    },
  );
}
