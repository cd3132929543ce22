import { isNetkitError, NetkitError, parseCidr, parseIp, type Ip, type PortSpec } from "@netkit/core";
import type { EndpointRequest } from "@netkit/engine";
import { contains } from "@netkit/ipam";
import { portSpecs, staticAddresses, usableNames } from "@netkit/runtime";
import { endpointLabels } from "./labels.ts";
import type { Attachment, NetworkOptions, PodmanNetwork, PodmanPort } from "./network-options.ts";
import { isUnmanaged } from "./network-request.ts";
import { refusal } from "./refusal.ts";
import { checkSubnets } from "./subnets.ts";

/** What Podman wants of an interface, checked, whatever netkit network it is on. */
export interface Wish {
  readonly network: PodmanNetwork;
  readonly request: Omit<EndpointRequest, "network">;
}

/**
 * What is wanted of each interface, in their order; all of it is checked before anything is changed.
 * @throws NetkitError
 */
export function wishesOf(options: NetworkOptions): Wish[] {
  return options.networks.map(([name, attachment], index) => {
    const network = Object.hasOwn(options.network_info, name) ? options.network_info[name] : undefined;
    if (network === undefined) throw refusal(`network info for network ${name} not found`);
    if (attachment.interface_name === "") throw refusal("no container interface name given");
    const { container_name: container = "" } = options;
    const aliases = usableNames([container, ...(attachment.aliases ?? [])]);
    return {
      network,
      request: {
        ...addressesOf(network, attachment),
        ...hostIfName(attachment),
        ...(attachment.static_mac === undefined ? {} : { mac: attachment.static_mac.replaceAll("-", ":") }),
        ifName: attachment.interface_name,
        ...(aliases.length === 0 ? {} : { aliases }),
        metric: metricOf(network),
        gatewayPriority: -index,
        labels: endpointLabels(name),
        tunable: true,
        // Podman 5 has bound them by now, and an earlier one will see for itself whether it can.
        portsHeld: true,
      },
    };
  });
}

/** What the host's end of the pair is called. */
function hostIfName({ options = {} }: Attachment): Pick<EndpointRequest, "options"> {
  const name = options["host_interface_name"] ?? "";
  return name === "" ? {} : { options: { "host-ifname": name } };
}

/** Of default routes. The lowest counts, of equal ones the first. */
function metricOf({ driver, options = {} }: PodmanNetwork): number {
  const given = options["metric"] ?? "";
  const metric = given === "" ? (driver === "bridge" ? 100 : 99) : Number(given);
  if (Number.isInteger(metric) && metric >= 0 && metric < 2 ** 32) return metric;
  throw refusal(`unable to parse "metric": invalid digit found in string`);
}

type Addresses = Pick<EndpointRequest, "ip" | "ip6" | "furtherIps">;

/** By Podman; with the IPAM driver `none` the network hands them out itself, but for those of `--ip`, or has none. */
function addressesOf(network: PodmanNetwork, attachment: Attachment): Addresses {
  const { subnets, ipam_options: { driver = "host-local" } = {} } = network;
  // With `network reload` Podman adds what the container has to what it was asked for.
  if (driver === "none") return staticAddresses((attachment.static_ips ?? []).map(parseIp));
  if (driver === "dhcp") {
    throw new NetkitError("UNSUPPORTED", "the IPAM driver dhcp is not supported", {
      hint: "Make the Podman network with a subnet, or with --ipam-driver none.",
    });
  }
  if (isUnmanaged(network) && (subnets ?? []).length === 0) return {};
  if (driver !== "host-local") throw refusal(`unsupported ipam driver ${driver}`);
  if (attachment.static_ips === undefined) throw refusal("no static ips provided");
  checkSubnets(subnets ?? []);
  const ips = attachment.static_ips.map(parseIp);
  const ranges = (subnets ?? []).map(({ subnet }) => parseCidr(subnet));
  const within = ips.filter((ip) => ranges.some((range) => contains(range, ip)));
  if (subnets !== undefined && within.length !== ips.length) {
    throw refusal(`not all static IPs matched a subnet: expected ${ips.length}, got ${within.length}`);
  }
  return staticAddresses(ips);
}

/** What is published of a container. @throws NetkitError */
export function publishedOf({ port_mappings: mappings = [] }: NetworkOptions): PortSpec[] {
  return mappings.flatMap((mapping) => {
    checkHostIp(mapping);
    return portSpecs({
      hostPort: mapping.host_port,
      containerPort: mapping.container_port,
      range: mapping.range,
      protocol: mapping.protocol,
      hostAddress: mapping.host_ip,
    });
  });
}

function checkHostIp({ host_ip: address = "", host_port: port }: PodmanPort): void {
  if (address === "") return;
  let ip: Ip;
  try {
    ip = parseIp(address);
  } catch (error) {
    if (!isNetkitError(error)) throw error;
    throw refusal(`invalid host ip "${address}" provided for port ${port}`);
  }
  if (ip !== "::1") return;
  throw new NetkitError("UNSUPPORTED", `port ${port} can't be published on [::1]: NAT doesn't reach it`, {
    hint: "Podman holds its ports itself, so that netkit's agent can't serve this one. Publish it on 127.0.0.1, or on another address of the host.",
    details: { address, port },
  });
}
