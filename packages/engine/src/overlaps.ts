import { familyOf, prefixLengthOf, type Cidr, type Network, type Resource } from "@netkit/core";
import { overlaps as meet } from "@netkit/ipam";
import type { HostRoute } from "@netkit/kernel";
import type { Finding } from "./api.ts";
import type { Reader } from "./lookup.ts";
import type { Owned } from "./state.ts";

/**
 * Networks whose subnet is wholly or partly reached by another way: a route of the host, as specific as the network's own
 * or more, that came after the network (a VPN, another interface). Asks the kernel nothing: `routes` are the host's.
 */
export async function overlaps(reader: Reader, routes: readonly HostRoute[]): Promise<Finding[]> {
  const ours = async (): Promise<Set<string>> =>
    linksOf((await reader.range<Owned>("owned/")).flatMap(({ value }) => value.resources));
  const before = await ours();
  const networks = (await reader.range<Network>("network/")).map(({ value }) => value);
  const found = overlapsAmong(networks, routes, before);
  if (found.length === 0) return found;
  // A network that came or went meanwhile has its link in one of the two.
  return overlapsAmong(networks, routes, new Set([...before, ...(await ours())]));
}

function overlapsAmong(networks: readonly Network[], routes: readonly HostRoute[], ours: Set<string>): Finding[] {
  const strange = routes.filter(({ link }) => !ours.has(link));
  return networks.flatMap((network) =>
    network.subnets.flatMap(({ subnet }) =>
      strange
        .filter(({ destination, link }) => !(link in network.facts.links) && takesFrom(destination, subnet))
        .map((route) => finding(network, subnet, route)),
    ),
  );
}

/** The links of the host that are netkit's, by what is kept of them. */
export function linksOf(resources: readonly Resource[]): Set<string> {
  const found = new Set<string>();
  for (const resource of resources) {
    if (resource.ns !== "host" || resource.ensure === "exists") continue;
    if (resource.kind === "isolation" || resource.kind === "address") found.add(resource.link);
    else if ("name" in resource && resource.kind !== "netns") found.add(resource.name);
  }
  return found;
}

function takesFrom(route: Cidr, subnet: Cidr): boolean {
  return familyOf(route) === familyOf(subnet) && prefixLengthOf(route) >= prefixLengthOf(subnet) && meet(route, subnet);
}

function finding({ id, name }: Network, subnet: Cidr, { destination, link }: HostRoute): Finding {
  const on = link === "" ? "" : ` on ${link}`;
  const part = destination === subnet ? "the same addresses" : "part of it";
  return {
    problem: "overlap",
    object: `network ${name}`,
    owner: { type: "network", id, name },
    message: `subnet ${subnet} of network '${name}' overlaps the host's route ${destination}${on}, which takes ${part}`,
    hint: `Recreate the network with another subnet, or take that route away${link === "" ? "" : ` (disconnect ${link}, if it is a VPN)`}.`,
    repairable: false,
  };
}
