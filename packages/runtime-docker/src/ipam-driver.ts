import {
  familyOf,
  ipOf,
  NetkitError,
  parseCidr,
  parseIp,
  prefixLengthOf,
  type Cidr,
  type Family,
  type Ip,
  type Network,
} from "@netkit/core";
import type { Netkit } from "@netkit/engine";
import { planSubnets } from "@netkit/ipam";
import type { Containers } from "./containers.ts";
import { dockersJoins } from "./forgotten-networks.ts";
import { method, type Methods } from "./method.ts";
import { parsePoolId, type Pool, type Pools } from "./pools.ts";
import * as schemas from "./schemas.ts";

/** Of this host, of many hosts: which IPAM driver a network has is told by them. */
export const addressSpaces: readonly string[] = ["netkit", "netkit-global"];

const gatewayKey = "com.docker.network.gateway";

/**
 * The methods of an IPAM driver (moby, daemon/libnetwork/docs/ipam.md). A pool is the subnet of one of netkit's networks, or of the
 * one that Docker is about to make; the addresses are the network's. Of a network that is there, and of flannel's, Docker knows but a pool that
 * netkit chose before anybody had named the network: it takes the network's addresses for that pool's all the same.
 */
export function ipamDriver(netkit: Netkit, pools: Pools, containers: Containers): Methods {
  return {
    "IpamDriver.GetCapabilities": method(schemas.nothing, async () => ({
      RequiresMACAddress: false,
      RequiresRequestReplay: false,
    })),
    "IpamDriver.GetDefaultAddressSpaces": method(schemas.nothing, async () => ({
      LocalDefaultAddressSpace: addressSpaces[0],
      GlobalDefaultAddressSpace: addressSpaces[1],
    })),
    "IpamDriver.RequestPool": method(schemas.requestPool, async (request) => {
      const family: Family = request.V6 === true ? "ipv6" : "ipv4";
      const pool = await wantedPool(netkit, pools, family, request);
      return { PoolID: pools.hold(pool), Pool: pool.subnet, Data: {} };
    }),
    "IpamDriver.ReleasePool": method(schemas.releasePool, async ({ PoolID }) => {
      parsePoolId(PoolID);
      pools.release(PoolID);
      return {};
    }),
    "IpamDriver.RequestAddress": method(schemas.requestAddress, async ({ PoolID, Address, Options }) => {
      const pool = parsePoolId(PoolID);
      const asked = Address === undefined ? undefined : parseIp(Address);
      const network = await networkWith(netkit, pool.subnet);
      const isGateway = Options["RequestAddressType"] === gatewayKey;
      // The network has it with its making, as it has those that are to be kept free.
      if (isGateway) return { Address: withLength(asked ?? gatewayOf(pool, network), pool.subnet), Data: {} };
      if (network !== undefined) {
        if (asked !== undefined) await containers.forgetGone();
        const key = familyOf(pool.subnet) === "ipv4" ? "ip" : "ip6";
        const wanted = { subnet: subnetFor(network, pool.subnet), ...(asked === undefined ? {} : { [key]: asked }) };
        const { addresses } = await netkit.networks.lend(network.id, wanted);
        return { Address: addresses[0]?.address, Data: {} };
      }
      if (asked !== undefined) return { Address: withLength(asked, pool.subnet), Data: {} };
      throw new NetkitError("UNSUPPORTED", `no network of netkit's has the subnet ${pool.subnet}`, {
        hint: "Where somebody has removed it: docker network rm, and make it again. The IPAM driver 'netkit' is for networks of netkit's drivers: docker network create -d netkit.",
      });
    }),
    "IpamDriver.ReleaseAddress": method(schemas.releaseAddress, async ({ PoolID, Address }) => {
      const network = await networkWith(netkit, parsePoolId(PoolID).subnet);
      const ip = parseIp(Address.split("/")[0] ?? "");
      // An endpoint's is given back with it.
      if (network !== undefined) await netkit.networks.takeBack(network.id, ip);
      return {};
    }),
  };
}

/** The network of a subnet, or that has one in Docker alone: no two have the same. */
async function networkWith(netkit: Netkit, subnet: Cidr): Promise<Network | undefined> {
  const networks = await netkit.networks.list();
  const found = networks.find(({ subnets }) => subnets.some((each) => each.subnet === subnet));
  if (found !== undefined) return found;
  const joins = await dockersJoins(netkit);
  return joins.find(({ join: { pools = [] } }) => pools.includes(subnet))?.network;
}

/** Where addresses of a pool come from: it is the subnet itself, or stands for those of its family. */
function subnetFor(network: Network, pool: Cidr): Cidr {
  const { subnets } = network;
  const own = subnets.find(({ subnet }) => subnet === pool);
  return (own ?? subnets.find(({ subnet }) => familyOf(subnet) === familyOf(pool)))?.subnet ?? pool;
}

async function wantedPool(
  netkit: Netkit,
  pools: Pools,
  family: Family,
  { Pool: subnet, SubPool: range }: { readonly Pool?: string | undefined; readonly SubPool?: string | undefined },
): Promise<Pool> {
  if (subnet === undefined) return { subnet: await netkit.networks.freeSubnet(family, pools.subnets), chosen: true };
  const parsed = { subnet: parseCidr(subnet), ...(range === undefined ? {} : { range: parseCidr(range) }) };
  planSubnets([parsed], { families: [family], gateways: [] });
  return parsed;
}

/** Docker asks for a gateway of every subnet; where it is for netkit to say, it is the one that the network would have. */
export function gatewayOf(pool: Pool, network: Network | undefined): Ip {
  const known = network?.subnets.find(({ subnet }) => subnet === pool.subnet)?.gateway;
  const family = familyOf(pool.subnet);
  const [planned] = planSubnets([pool], { families: [family], gateways: [family] });
  return known ?? planned?.gateway ?? ipOf(pool.subnet);
}

function withLength(ip: Ip, subnet: Cidr): string {
  return `${ip}/${prefixLengthOf(subnet)}`;
}
