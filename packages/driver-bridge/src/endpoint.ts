import {
  familyOf,
  ipOf,
  kernelName,
  NetkitError,
  type Cidr,
  type EndpointView,
  type Family,
  type Ip,
  type PublishedPort,
  type PublishResource,
  type Resource,
} from "@netkit/core";
import { bridgeName, hasFamily, mtuOf } from "./network.ts";
import type { BridgeEndpointOptions, BridgeOptions } from "./options.ts";
import { rateResources } from "./rate.ts";

type View = EndpointView<BridgeOptions, BridgeEndpointOptions>;

/** What this host must hold for one endpoint. */
export function endpointResources(view: View): readonly Resource[] {
  const { network, namespace: ns, ifName, addresses } = view;
  const mtu = mtuOf(network);
  const size = mtu === undefined ? {} : { mtu };
  const name = kernelName("v", network.instance, view.id);
  return [
    {
      kind: "veth",
      ns: "host",
      name,
      ...size,
      master: bridgeName(network),
      // A sandbox that calls its own published port gets its frame back through its own port of the bridge.
      hairpin: view.ports.length > 0,
      isolated: !network.options.icc,
      peer: { ns, name: ifName, mac: view.mac, ...size },
    },
    ...noRouterAdvertisements(view),
    ...addresses.map(({ address }): Resource => ({ kind: "address", ns, link: ifName, address })),
    ...defaultRoutes(view),
    ...rateResources(view, name),
    ...view.ports.flatMap((port) => publish(view, port)),
  ];
}

/** A sandbox takes no router advertisements from its neighbours. */
function noRouterAdvertisements({ network, namespace: ns, ifName }: View): Resource[] {
  if (!hasFamily(network, "ipv6")) return [];
  return [{ kind: "sysctl", ns, path: `net/ipv6/conf/${ifName}/accept_ra`, value: "0" }];
}

function defaultRoutes({ network, namespace: ns, ifName, addresses, defaultRoute }: View): Resource[] {
  if (network.internal) return [];
  return defaultRoute.flatMap((family): Resource[] => {
    const via = addresses.find(
      ({ address, gateway }) => gateway !== undefined && familyOf(address) === family,
    )?.gateway;
    const destination = (family === "ipv4" ? "0.0.0.0/0" : "::/0") as Cidr;
    return via === undefined ? [] : [{ kind: "route", ns, destination, via, link: ifName }];
  });
}

/** One resource for each family that the port is published in; a filter that names none of a family leaves it out. */
function publish(view: View, port: PublishedPort): PublishResource[] {
  const { network } = view;
  const shown = `${port.hostPort.first}/${port.protocol}`;
  if (network.internal) {
    throw new NetkitError(
      "ARGUMENT_INVALID",
      `port ${shown} can't be published: network '${network.name}' is internal`,
      {
        hint: "Leave out the port, or connect the sandbox to a network that isn't internal.",
        details: { network: network.name, port },
      },
    );
  }
  const { hostAddress, from } = port;
  if (hostAddress === "::1") {
    throw new NetkitError("UNSUPPORTED", `port ${shown} can't be published on [::1]: NAT doesn't reach it`, {
      hint: "Publish it on 127.0.0.1 for the host alone, or on another IPv6 address of the host.",
      details: { network: network.name, port },
    });
  }
  const wanted = hostAddress === undefined ? undefined : familyOf(hostAddress);
  const families = (["ipv4", "ipv6"] as const).filter(
    (family) =>
      (wanted === undefined || family === wanted) &&
      (from === undefined || from.some((source) => familyOf(source) === family)),
  );
  const targets = view.addresses.map(({ address }) => ipOf(address));
  // Of several addresses in a family the first is published.
  const firsts = families.flatMap((family) => targets.find((ip) => familyOf(ip) === family) ?? []);
  if (firsts.length === 0) throw withoutFamily(view, shown, families);
  return firsts.map((target): PublishResource => ({
    kind: "publish",
    ns: "host",
    family: familyOf(target),
    protocol: port.protocol,
    ...(hostAddress === undefined || isUnspecified(hostAddress) ? {} : { hostAddress }),
    hostPort: port.hostPort,
    target,
    targetPort: port.port,
    link: bridgeName(network),
    ...(from === undefined ? {} : { from: from.filter((source) => familyOf(source) === familyOf(target)) }),
  }));
}

/** 0.0.0.0 and :: stand for every address of their family. */
function isUnspecified(ip: Ip): boolean {
  return ip === "0.0.0.0" || ip === "::";
}

function withoutFamily({ network }: View, shown: string, families: readonly Family[]): NetkitError {
  const [family, second] = families;
  const what = second === undefined ? `${family === "ipv6" ? "IPv6" : "IPv4"} addresses` : "addresses";
  return new NetkitError("UNSUPPORTED", `port ${shown} can't be published: network '${network.name}' has no ${what}`, {
    hint: "Publish it on a host address (and for sources) of another family, or create the network with a subnet of this one.",
    details: { network: network.name, families },
  });
}
