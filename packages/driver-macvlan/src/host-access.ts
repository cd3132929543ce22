import {
  familyOf,
  ipOf,
  kernelName,
  NetkitError,
  subnetOf,
  type Cidr,
  type EndpointView,
  type Ip,
  type NetworkView,
  type Resource,
} from "@netkit/core";
import type { MacvlanOptions } from "./options.ts";

type View = NetworkView<MacvlanOptions>;

/** The auxiliary address of each subnet that the host has on a network with `host-access`. */
export const hostAddress = "host";

/** The host's own interface on the wire: the kernel keeps a macvlan from its parent, not from another macvlan there. */
function hostInterface({ instance, id }: View): string {
  return kernelName("h", instance, id);
}

/**
 * The host's interface and its addresses. There are no routes to the subnets: the host may be on the wire by way of the parent,
 * too, and goes on reaching everything there by that but the sandboxes.
 * @throws NetkitError OPTION_INVALID where host and sandboxes wouldn't meet
 */
export function hostResources(view: View, parent: string): Resource[] {
  const { subnets, options } = view;
  if (!options["host-access"]) return [];
  refuseApart(view);
  const name = hostInterface(view);
  return [
    {
      kind: "macvlan",
      ns: "host",
      name,
      parent,
      mode: options.mode,
      ...(options.mtu === undefined ? {} : { mtu: options.mtu }),
    },
    // Whoever else is on the wire finds the host's other addresses where they were, behind the parent's MAC.
    sysctl(`ipv4/conf/${name}/arp_filter`, "1"),
    subnets.some(({ subnet }) => familyOf(subnet) === "ipv6")
      ? sysctl(`ipv6/conf/${name}/accept_ra`, "0")
      : sysctl(`ipv6/conf/${name}/disable_ipv6`, "1"),
    ...subnets.flatMap(({ auxiliary: { [hostAddress]: address } }): Resource[] =>
      address === undefined ? [] : [{ kind: "address", ns: "host", link: name, address: alone(address) }],
    ),
  ];
}

/** The host's routes to a sandbox, with the host's address of the same subnet as the source. */
export function hostRoutes({
  network,
  addresses,
}: Pick<EndpointView<MacvlanOptions>, "network" | "addresses">): Resource[] {
  if (!network.options["host-access"]) return [];
  return addresses.map(({ address }): Resource => {
    const subnet = subnetOf(address);
    const source = network.subnets.find((each) => each.subnet === subnet)?.auxiliary[hostAddress];
    return {
      kind: "route",
      ns: "host",
      destination: alone(ipOf(address)),
      link: hostInterface(network),
      ...(source === undefined ? {} : { source }),
    };
  });
}

function refuseApart({ name, options: { parent, mode } }: View): void {
  if (parent === undefined) {
    throw new NetkitError(
      "OPTION_INVALID",
      `network '${name}' has host-access, but no parent that the host is on, too`,
      {
        hint: "Name the link of the host (-o parent=LINK), or use a bridge network, which the host is on anyway.",
      },
    );
  }
  if (mode === "bridge") return;
  throw new NetkitError(
    "OPTION_INVALID",
    `network '${name}' can't have host-access in mode ${mode}: who is on the parent doesn't meet there`,
    { hint: "Choose -o mode=bridge, or leave out host-access.", details: { mode } },
  );
}

function sysctl(path: string, value: string): Resource {
  return { kind: "sysctl", ns: "host", path: `net/${path}`, value };
}

function alone(address: Ip): Cidr {
  return `${address}/${familyOf(address) === "ipv4" ? 32 : 128}` as Cidr;
}
