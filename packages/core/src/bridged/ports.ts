import { familyOf, ipOf, type Cidr, type Family, type Ip } from "../address.ts";
import type { EndpointView, PublishedPort } from "../driver.ts";
import { NetkitError } from "../errors.ts";
import { formatRange } from "../port.ts";
import type { OpenResource, PublishResource } from "../resource.ts";
import type { Area, GatewayMode } from "./area.ts";
import { disjoint } from "./disjoint.ts";

type View = Pick<EndpointView, "addresses" | "network" | "ports">;

/**
 * One resource for each family that the port of the host is translated in; a filter that names none of a family leaves it
 * out. No NAT can serve `[::1]`: that is the agent's.
 */
export function publish(view: View, port: PublishedPort, area: Area): PublishResource[] {
  const { hostAddress } = port;
  return targetsOf(view, port, area)
    .filter((target) => hostAddress !== "::1" && area.modes[familyOf(target)].startsWith("nat"))
    .map((target): PublishResource => ({
      kind: "publish",
      ns: "host",
      family: familyOf(target),
      protocol: port.protocol,
      ...(hostAddress === undefined || isUnspecified(hostAddress) ? {} : { hostAddress }),
      hostPort: port.hostPort,
      target,
      targetPort: port.port,
      link: area.link,
      ...sourcesOf(port, target),
    }));
}

/**
 * The endpoint's own ports that are reached at its address: each once, however many ports of the host lead to it, for all
 * the sources of those.
 */
export function openPorts(view: View, area: Area): readonly OpenResource[] {
  const { trusting, modes } = area;
  if (!trusting && modes.ipv4 !== "routed" && modes.ipv6 !== "routed") return [];
  const opened = view.ports.flatMap((port) => {
    // What is for the host's own loopback is for nobody beyond the host.
    const trusted = trusting && port.hostAddress !== "::1" && port.hostAddress?.startsWith("127.") !== true;
    const isOpen = (mode: GatewayMode): boolean => mode === "routed" || (mode === "nat" && trusted);
    return targetsOf(view, port, area)
      .filter((target) => isOpen(modes[familyOf(target)]))
      .map((target): OpenResource => ({
        kind: "open",
        ns: "host",
        protocol: port.protocol,
        target,
        targetPort: port.port,
        link: area.link,
        ...sourcesOf(port, target),
      }));
  });
  return disjoint(opened);
}

/**
 * The endpoint's address in each family that the port is published in. What comes to `[::1]` is passed on by a process of the
 * host, to an address of either family.
 * @throws NetkitError ARGUMENT_INVALID or UNSUPPORTED where it can't be
 */
function targetsOf(view: View, port: PublishedPort, { modes }: Area): Ip[] {
  const { network } = view;
  // The sandbox's own: that of the host may be one that nobody has asked for.
  const shown = `${formatRange(port.port)}/${port.protocol}`;
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
  const { hostAddress } = port;
  const passedOn = hostAddress === "::1";
  // Nobody but the host gets to [::1], and a filter is for those from outside.
  const from = passedOn ? undefined : port.from;
  const wanted = hostAddress === undefined ? undefined : familyOf(hostAddress);
  if (wanted !== undefined && modes[wanted] === "routed") {
    throw new NetkitError(
      "ARGUMENT_INVALID",
      `port ${shown} can't be published on ${hostAddress ?? ""}: ${familyName(wanted)} of network '${network.name}' is routed`,
      {
        hint: "Leave out the host address: a routed sandbox is reached at its own.",
        details: { network: network.name, port },
      },
    );
  }
  const families = (["ipv4", "ipv6"] as const).filter(
    (family) =>
      (wanted === undefined || family === wanted || passedOn) &&
      (from === undefined || from.some((source) => familyOf(source) === family)),
  );
  const targets = view.addresses.map(({ address }) => ipOf(address));
  const unprotected = targets
    .map(familyOf)
    .find((family) => (wanted ?? family) === family && modes[family] === "nat-unprotected");
  if (from !== undefined && unprotected !== undefined) {
    throw new NetkitError(
      "UNSUPPORTED",
      `port ${shown} can't be for some sources alone: everybody reaches the sandboxes of network '${network.name}' at their own ${familyName(unprotected)} addresses (gateway-mode-${unprotected}=nat-unprotected)`,
      {
        hint: "Leave out the sources, or make the network with the mode 'nat' or 'routed', which keep to them.",
        details: { network: network.name, port },
      },
    );
  }
  // Of several addresses in a family the first is published.
  const firsts = families.flatMap((family) => targets.find((ip) => familyOf(ip) === family) ?? []);
  if (firsts.length === 0) throw withoutFamily(view, shown, families);
  return firsts;
}

/** The sources of a port's filter in the family of a target. */
function sourcesOf({ from }: PublishedPort, target: Ip): { readonly from?: readonly Cidr[] } {
  return from === undefined ? {} : { from: from.filter((source) => familyOf(source) === familyOf(target)) };
}

/** 0.0.0.0 and :: stand for every address of their family. */
function isUnspecified(ip: Ip): boolean {
  return ip === "0.0.0.0" || ip === "::";
}

function withoutFamily({ network }: View, shown: string, families: readonly Family[]): NetkitError {
  const [family, second] = families;
  const what = family === undefined || second !== undefined ? "addresses" : `${familyName(family)} addresses`;
  return new NetkitError("UNSUPPORTED", `port ${shown} can't be published: network '${network.name}' has no ${what}`, {
    hint: "Publish it on a host address (and for sources) of another family, or create the network with a subnet of this one.",
    details: { network: network.name, families },
  });
}

function familyName(family: Family): string {
  return family === "ipv4" ? "IPv4" : "IPv6";
}
