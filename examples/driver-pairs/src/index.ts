import {
  driverApi,
  integer,
  ipOf,
  kernelName,
  type Cidr,
  type Driver,
  type EndpointAddress,
  type EndpointView,
  type Ip,
  type Option,
  type Resource,
} from "@netkit/core";

type Options = { readonly mtu: Option<number> & { readonly default: number } };

const options: Options = {
  mtu: integer("MTU of the sandboxes' interfaces", { min: 1280, max: 65_535, value: "BYTES" }, { default: 1500 }),
};

/**
 * Routed sandboxes: a veth pair each, no bridge, no NAT. The host's end of every pair has the gateway's address, and the
 * host has a route to every sandbox.
 */
export function pairs(): Driver<Options, Readonly<Record<string, never>>> {
  return {
    api: driverApi,
    name: "pairs",
    summary: "a veth pair and a host route for each sandbox, without a bridge",
    scope: "local",
    traits: {
      namespace: "own",
      addresses: "engine",
      families: ["ipv4"],
      publish: false,
      exclusive: false,
      internal: false,
      subnetOfLink: false,
      routed: true,
    },
    options,
    endpointOptions: {},
    network: () => [{ kind: "sysctl", ns: "host", path: "net/ipv4/ip_forward", value: "1" }],
    endpoint: (view) => {
      const { network, namespace, ifName: name, mac } = view;
      const { mtu } = network.options;
      const link = kernelName("v", network.instance, view.id);
      const peer = { ns: namespace, name, mac, mtu };
      return [{ kind: "veth", ns: "host", name: link, mtu, peer }, ...view.addresses.flatMap(routes(view, link))];
    },
  };
}

/** What one address of an endpoint needs on both sides. */
function routes({ network, namespace: ns, ifName, defaultRoute }: EndpointView<Options>, link: string) {
  return ({ address, gateway }: EndpointAddress): Resource[] => {
    const ip = ipOf(address);
    const subnet = network.subnets.find((candidate) => candidate.gateway === gateway)?.subnet;
    if (gateway === undefined || subnet === undefined) return [];
    const destination = defaultRoute.includes("ipv4") ? ("0.0.0.0/0" as Cidr) : subnet;
    return [
      { kind: "address", ns: "host", link, address: single(gateway), noPrefixRoute: true },
      { kind: "route", ns: "host", destination: single(ip), link },
      { kind: "address", ns, link: ifName, address: single(ip) },
      { kind: "route", ns, destination: single(gateway), link: ifName },
      { kind: "route", ns, destination, via: gateway, link: ifName },
    ];
  };
}

function single(ip: Ip): Cidr {
  return `${ip}/32` as Cidr;
}

/** The name by which configuration files and `netkit conformance` find it. */
export { pairs as driver };
