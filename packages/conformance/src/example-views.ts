/**
 * Views to call a driver's functions with in its own unit tests: they are pure, and need no kernel.
 *
 * @packageDocumentation
 */
import {
  instanceOf,
  parseCidr,
  parseMac,
  parseOptions,
  type Driver,
  type EndpointId,
  type EndpointView,
  type NamespaceId,
  type NetworkId,
  type NetworkView,
  type OptionInput,
  type OptionSet,
  type Subnet,
} from "@netkit/core";

/** What a network is besides its options. */
export type NetworkChanges<O extends OptionSet> = Partial<Omit<NetworkView<O>, "options">>;

/**
 * A network of the default instance, with options as a user writes them; without subnets, facts or claims unless `changes` say
 * so.
 * @throws NetkitError OPTION_UNKNOWN, OPTION_INVALID
 */
export function exampleNetwork<O extends OptionSet, E extends OptionSet>(
  driver: Driver<O, E>,
  options: OptionInput = {},
  changes: NetworkChanges<O> = {},
): NetworkView<O> {
  return {
    instance: instanceOf("/var/lib/netkit"),
    id: "0123456789abcdef".repeat(4) as NetworkId,
    name: "web",
    internal: false,
    subnets: [],
    options: parseOptions(driver.options, options, `driver '${driver.name}'`),
    facts: { links: {} },
    claims: {},
    ...changes,
  };
}

/** An endpoint of sandbox `web1`, with the address that ends in 2 of each of the network's subnets. */
export function exampleEndpoint<O extends OptionSet, E extends OptionSet>(
  driver: Driver<O, E>,
  network: NetworkView<O>,
  changes: Partial<EndpointView<O, E>> = {},
): EndpointView<O, E> {
  return {
    network,
    id: "fedcba9876543210".repeat(4) as EndpointId,
    name: "web1",
    namespace: "ab".repeat(32) as NamespaceId,
    ifName: "eth0",
    mac: parseMac("02:6e:0a:00:01:02"),
    addresses: network.subnets.map(({ subnet, gateway }: Subnet) => ({
      address: parseCidr(subnet.replace(/(?<=\.)0\/|(?<=::)\//, "2/")),
      ...(gateway === undefined ? {} : { gateway }),
    })),
    ports: [],
    defaultRoute: ["ipv4", "ipv6"],
    options: parseOptions(driver.endpointOptions, {}, `an endpoint of driver '${driver.name}'`),
    ...changes,
  };
}
