import { familyOf, NetkitError, parseCidr, parseIp, type Cidr } from "@netkit/core";
import type { NetworkRequest, SubnetInput } from "@netkit/engine";
import { bigintToIp, contains, spanOf } from "@netkit/ipam";
import { networkLabel } from "./labels.ts";
import type { PodmanNetwork } from "./network-options.ts";
import { refusal } from "./refusal.ts";

/**
 * How a netkit network is made that is as Podman describes it.
 * @throws NetkitError UNSUPPORTED what netkit hasn't
 */
export function networkRequest(network: PodmanNetwork): NetworkRequest {
  const { name, id = "", internal, subnets = [], routes = [] } = network;
  // Whoever sees to a bridge may hand out its addresses, too.
  const hasAddresses = network.ipam_options?.["driver"] !== "none" && (subnets.length > 0 || !isUnmanaged(network));
  if (hasAddresses && subnets.length === 0) {
    throw refusal(
      `the network '${name}' has no subnet`,
      `Make it anew, with one, or with --ipam-driver none: podman network rm ${name}`,
    );
  }
  const ranges = subnets.map(({ subnet }) => parseCidr(subnet));
  const has = (family: string): boolean => ranges.some((range) => familyOf(range) === family);
  return {
    name,
    ...(/^[0-9a-f]{64}$/.test(id) ? { id } : {}),
    driver: network.driver,
    subnets: subnets.map(({ subnet, gateway }): SubnetInput => {
      const range = upperHalf(parseCidr(subnet));
      return { subnet, ...(gateway === undefined ? {} : { gateway }), ...(range === undefined ? {} : { range }) };
    }),
    routes: routes.map(({ destination, gateway, metric, route_type: type = "unicast" }) => ({
      destination,
      ...(gateway === undefined ? {} : { gateway }),
      ...(gateway === undefined || ranges.some((range) => contains(range, parseIp(gateway)))
        ? {}
        : { elsewhere: true }),
      ...(type === "unicast" ? {} : { type }),
      ...(metric === undefined ? {} : { metric }),
    })),
    ...(hasAddresses ? {} : { addresses: false }),
    ...(has("ipv6") ? { ipv6: true } : {}),
    ...(has("ipv4") || !hasAddresses ? {} : { ipv4: false }),
    ...(internal === true ? { internal } : {}),
    // Where it hands out the addresses itself, Podman says whether it is for names, too.
    options: { ...optionsOf(network), ...(hasAddresses && network.dns_enabled === false ? { names: false } : {}) },
    labels: { [networkLabel]: name },
  };
}

/**
 * Where netkit's own sandboxes get their addresses: Podman counts from the beginning, and knows nothing of theirs. Undefined:
 * the subnet is too small to be shared.
 */
function upperHalf(subnet: Cidr): Cidr | undefined {
  const { family, first, last } = spanOf(subnet);
  const size = last - first + 1n;
  if (size < 8n) return undefined;
  const length = (family === "ipv4" ? 32 : 128) - (size.toString(2).length - 2);
  return `${bigintToIp(first + size / 2n, family)}/${length}` as Cidr;
}

/** The bridge is there already, and somebody else's. */
export function isUnmanaged({ driver, options = {} }: PodmanNetwork): boolean {
  return driver === "bridge" && options["mode"] === "unmanaged";
}

type Options = Record<string, string | boolean>;

/** Podman's names of options, and netkit's. Those that say how netavark does its work are left out. */
function optionsOf(network: PodmanNetwork): Options {
  const { driver, options = {}, network_interface: link = "" } = network;
  const given = (key: string): string | undefined => (options[key] === "" ? undefined : options[key]);
  const mtu = given("mtu") ?? given("com.docker.network.driver.mtu");
  const plain: Options = {
    ...(mtu === undefined ? {} : { mtu }),
    ...(given("no_default_route") === undefined ? {} : { "no-default-route": options["no_default_route"] ?? "" }),
  };
  const mode = given("mode");
  if (driver === "macvlan" || driver === "ipvlan") {
    return { ...plain, ...(link === "" ? {} : { parent: link }), ...(mode === undefined ? {} : { mode }) };
  }
  if (driver !== "bridge") throw refusal(`unknown network driver "${driver}"`);
  if (link === "") throw refusal("no bridge interface name given");
  for (const key of ["vlan", "vrf"]) if (given(key) !== undefined) throw unsupported(key);
  const [snat4, snat6] = [given("outbound_addr4"), given("outbound_addr6")];
  return {
    ...plain,
    name: link,
    ...(isUnmanaged(network) ? { unmanaged: true } : {}),
    ...(snat4 === undefined ? {} : { "snat-ipv4": snat4 }),
    ...(snat6 === undefined ? {} : { "snat-ipv6": snat6 }),
  };
}

function unsupported(option: string): NetkitError {
  return new NetkitError("UNSUPPORTED", `the option ${option} of a bridge network is not supported`, {
    hint: "Make a netkit network as it is to be, and name it: podman network create --ipam-driver none --label netkit.network=NETWORK NAME",
  });
}
