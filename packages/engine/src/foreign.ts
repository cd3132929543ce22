import { familyOf, type Endpoint, type Network, type PublishResource, type Resource } from "@netkit/core";
import type { HostRoute } from "@netkit/kernel";
import type { ForeignDrop, LinkTraffic, Traffic, Uplinks } from "@netkit/netfilter";
import type { Finding } from "./api.ts";
import { endpointsOfNamespace, findSandbox, networkOf, type Reader } from "./lookup.ts";
import type { Context } from "./operation.ts";
import { linksOf } from "./overlaps.ts";
import { keys, type Owned } from "./state.ts";

interface Link extends LinkTraffic {
  readonly network: Network;
}

/** What of other people's rules drops the traffic of networks: of all, or of those that a sandbox is on. */
export async function findForeign(context: Context, reader: Reader, sandbox?: string): Promise<Finding[]> {
  const host = await context.host.open();
  let links: readonly Link[] = [];
  const drops = await host.firewall.foreign(async () => {
    links = await (sandbox === undefined ? allLinks(reader) : linksOfSandbox(reader, sandbox));
    const own = linksOf((await reader.range<Owned>("owned/")).flatMap(({ value }) => value.resources));
    return { links, uplinks: uplinksOf(host.routes(), own) };
  });
  return drops.flatMap((drop) => {
    const network = links.find(({ link }) => link === drop.link)?.network;
    return network === undefined ? [] : [finding(network, drop)];
  });
}

async function allLinks(reader: Reader): Promise<Link[]> {
  const owned = (await reader.range<Owned>("owned/")).map(({ value }) => value);
  const published = Map.groupBy(
    owned.flatMap(({ resources }) => resources.filter(isPublish)),
    ({ link }) => link,
  );
  const networks = new Map((await reader.range<Network>("network/")).map(({ value }) => [value.id as string, value]));
  return owned.flatMap(({ owner, resources }) => {
    const network = networks.get(owner.id);
    return network === undefined ? [] : linkOf(network, resources, (link) => published.get(link) ?? []);
  });
}

async function linksOfSandbox(reader: Reader, ref: string): Promise<Link[]> {
  const { namespace } = await findSandbox(reader, ref);
  const found = (await endpointsOfNamespace(reader, namespace)).map(async ({ id, network }: Endpoint) => {
    const [own, shared] = [await reader.get<Owned>(keys.owned(id)), await reader.get<Owned>(keys.owned(network))];
    const published = (own?.resources ?? []).filter(isPublish);
    return linkOf(await networkOf(reader, network), shared?.resources ?? [], () => published);
  });
  return (await Promise.all(found)).flat();
}

/** A network with an area of its own behind one link. */
function linkOf(
  network: Network,
  resources: readonly Resource[],
  published: (link: string) => readonly PublishResource[],
): Link[] {
  return resources.flatMap((resource) => {
    if (resource.kind !== "isolation") return [];
    const { link } = resource;
    const subnets = network.subnets.map(({ subnet }) => subnet);
    return [{ network, link, subnets, published: published(link), internal: network.internal }];
  });
}

function isPublish(resource: Resource): resource is PublishResource {
  return resource.kind === "publish";
}

/** The links of default routes; on a host without any those of all routes. */
function uplinksOf(routes: readonly HostRoute[], own: ReadonlySet<string>): Uplinks {
  const of = (family: "ipv4" | "ipv6"): string[] => {
    const others = routes.filter(({ destination, link }) => familyOf(destination) === family && !own.has(link));
    const defaults = others.filter(({ destination }) => destination.endsWith("/0"));
    return [...new Set((defaults.length > 0 ? defaults : others).map(({ link }) => link))];
  };
  return { ipv4: of("ipv4"), ipv6: of("ipv6") };
}

const words: Readonly<Record<Traffic, string>> = {
  outward: "what goes to the outside",
  answers: "the answers from outside",
  published: "published ports from outside",
  "from the host": "published ports from the host",
  neighbours: "what goes from neighbour to neighbour",
};

function finding({ id, name }: Network, drop: ForeignDrop): Finding {
  const { family, traffic, certain, where, what, remedy } = drop;
  const dropped = traffic.map((sort) => words[sort]).join(", ");
  return {
    problem: "foreign",
    object: `network ${name}`,
    owner: { type: "network", id, name },
    message:
      `${what} in ${where} ${certain ? "drops" : "may drop"} traffic of network '${name}' ` +
      `(${family === "ipv4" ? "IPv4" : "IPv6"}): ${dropped}`,
    remedy,
    repairable: false,
  };
}
