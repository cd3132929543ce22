import {
  familyOf,
  type Endpoint,
  type Ip,
  type Network,
  type PublishResource,
  type Resource,
  type VxlanResource,
} from "@netkit/core";
import type { HostRoute } from "@netkit/kernel";
import type { ForeignDrop, LinkTraffic, Traffic, TunnelTraffic, Uplinks } from "@netkit/netfilter";
import type { Finding } from "./api.ts";
import type { Opened } from "./host.ts";
import { endpointsOfNamespace, findSandbox, networkOf, type Reader } from "./lookup.ts";
import type { Context } from "./operation.ts";
import { linksOf } from "./overlaps.ts";
import type { LocalHost } from "./shared/this-host.ts";
import { keys, type Owned } from "./state.ts";

type OfNetwork<T> = T & { readonly network: Network };
type Link = OfNetwork<LinkTraffic>;
type Tunnel = OfNetwork<TunnelTraffic>;

/** What of other people's rules drops the traffic of networks: of all, or of those that a sandbox is on. */
export async function findForeign(context: Context, reader: Reader, sandbox?: string): Promise<Finding[]> {
  return (await dropsOf(context, reader, sandbox)).map(({ of, drop }) => finding(of, drop));
}

/** Of that what drops tunnels. */
export async function findForeignToTunnels(context: Context, reader: Reader): Promise<Finding[]> {
  const found = await dropsOf(context, reader);
  return found.flatMap(({ of, drop }) => ("local" in of ? [finding(of, drop)] : []));
}

async function dropsOf(
  context: Context,
  reader: Reader,
  sandbox?: string,
): Promise<{ of: Link | Tunnel; drop: ForeignDrop }[]> {
  const host = await context.host.open();
  let found: readonly (Link | Tunnel)[] = [];
  const drops = await host.firewall.foreign(async () => {
    const links = await (sandbox === undefined ? allLinks(reader) : linksOfSandbox(reader, sandbox));
    const resources = (await reader.range<Owned>("owned/")).flatMap(({ value }) => value.resources);
    const uplinks = uplinksOf(host.routes(), linksOf(resources));
    const networks = [...new Set(links.map(({ network }) => network))];
    const tunnels = await tunnelsOf(reader, host, networks, resources, uplinks);
    found = [...links, ...tunnels];
    return { links, tunnels, uplinks };
  });
  return drops.flatMap((drop) => {
    const of = found.find(({ link }) => link === drop.link);
    return of === undefined ? [] : [{ of, drop }];
  });
}

/** The tunnels of networks that lead to other hosts. */
async function tunnelsOf(
  reader: Reader,
  host: Opened,
  networks: readonly Network[],
  resources: readonly Resource[],
  uplinks: Uplinks,
): Promise<Tunnel[]> {
  const ends = resources.flatMap((resource) => (resource.kind === "fdb" ? [resource] : []));
  const byLink = Map.groupBy(ends, ({ link }) => link);
  const remotesOf = (link: string): Ip[] => [
    ...new Set((byLink.get(link) ?? []).flatMap(({ destination }) => destination ?? [])),
  ];
  const self = await reader.get<LocalHost>(keys.self);
  /** By which packets go from an address. One that is on no wire is reached by any link that leads outside. */
  const through = (local: Ip, device = self?.vtep === local ? self.link : "lo"): readonly string[] => {
    const kind = host.facts([{ fact: "link", name: device }]).links[device]?.kind;
    return device === "lo" || kind === "dummy" ? uplinks[familyOf(local)] : [device];
  };
  const found: Tunnel[] = [];
  for (const network of networks) {
    const own = (await reader.get<Owned>(keys.owned(network.id)))?.resources.filter(isVxlan) ?? [];
    for (const { name: link, local, port, device } of own) {
      if (local === undefined) continue;
      found.push({ network, link, local, port, remotes: remotesOf(link), through: through(local, device) });
    }
  }
  return found;
}

function isVxlan(resource: Resource): resource is VxlanResource {
  return resource.kind === "vxlan";
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
  "to other hosts": "tunnels to other hosts",
  "from other hosts": "tunnels from other hosts",
};

/** What they say of themselves is nobody's to check. */
const tunnelHint = "Where not only the hosts are on that link, let their addresses through alone.";

/** Docker keeps its networks apart by rules that come after those; netkit's own hold for what comes from there. */
const dockersHint =
  "By these the network also reaches ports of Docker's containers that aren't published. They go with a reboot, and stay when the network goes.";

function hintOf(of: Link | Tunnel, remedy: readonly string[]): string | undefined {
  if ("local" in of) return tunnelHint;
  return remedy.some((line) => line.includes(" -I DOCKER-USER ")) ? dockersHint : undefined;
}

function finding(of: Link | Tunnel, drop: ForeignDrop): Finding {
  const { id, name } = of.network;
  const { family, traffic, certain, where, what, remedy } = drop;
  const dropped = traffic.map((sort) => words[sort]).join(", ");
  const hint = hintOf(of, remedy);
  return {
    problem: "foreign",
    object: `network ${name}`,
    owner: { type: "network", id, name },
    message:
      `${what} in ${where} ${certain ? "drops" : "may drop"} traffic of network '${name}' ` +
      `(${family === "ipv4" ? "IPv4" : "IPv6"}): ${dropped}`,
    ...(hint === undefined ? {} : { hint }),
    remedy,
    repairable: false,
  };
}
