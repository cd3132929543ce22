import { familyOf, type Cidr, type FactQuery, type Facts, type LinkFacts, type Mac } from "@netkit/core";
import {
  findLink,
  listAddresses,
  listLinks,
  listRoutes,
  RT_TABLE_MAIN,
  type ListedRoute,
  type NetlinkSocket,
} from "@netkit/netlink";
import { isOurs, markOf, type Mark } from "./mark.ts";

/** Answers what a driver asks to know of the host. A link that doesn't exist is left out. `word` is the instance's mark. */
export function readFacts(socket: NetlinkSocket, queries: readonly FactQuery[], word: string): Facts {
  const mark = markOf(word);
  const links: Record<string, LinkFacts> = {};
  let uplink: LinkFacts | undefined;
  let names: string[] | undefined;
  for (const query of queries) {
    if (query.fact === "link") {
      const found = readLink(socket, query.name, mark);
      if (found !== undefined) links[found.name] = found;
    } else if (query.fact === "links") {
      names = listLinks(socket, { stats: false }).flatMap(({ name }) => (name === "lo" ? [] : name));
    } else {
      uplink = readUplink(socket, mark);
    }
  }
  return { links, ...(uplink === undefined ? {} : { uplink }), ...(names === undefined ? {} : { names }) };
}

/**
 * The link of the default route with the lowest metric, IPv4's before IPv6's. One of the main table, or else of any: hosts
 * with several uplinks, or in a VRF, choose by rules.
 */
function readUplink(socket: NetlinkSocket, mark: Mark): LinkFacts | undefined {
  const main = defaultRoutes(socket, RT_TABLE_MAIN);
  const candidates = (main.length > 0 ? main : defaultRoutes(socket)).toSorted(
    (a, b) => (a.metric ?? 0) - (b.metric ?? 0),
  );
  const chosen = candidates.find((route) => familyOf(route.destination as Cidr) === "ipv4") ?? candidates[0];
  const ifindex = chosen?.ifindex ?? chosen?.nexthops?.[0]?.ifindex;
  return ifindex === undefined ? undefined : readLink(socket, ifindex, mark);
}

function defaultRoutes(socket: NetlinkSocket, table?: number): ListedRoute[] {
  return listRoutes(socket, table === undefined ? {} : { table }).filter(
    (route) => route.type === "unicast" && isDefault(route.destination),
  );
}

function readLink(socket: NetlinkSocket, ref: string | number, mark: Mark): LinkFacts | undefined {
  const link = findLink(socket, ref);
  if (link === undefined) return undefined;
  const addresses = listAddresses(socket, { ifindex: link.ifindex }).map((entry) => entry.address as Cidr);
  return {
    name: link.name,
    kind: link.kind ?? "",
    mtu: link.mtu,
    ...(link.mac === undefined ? {} : { mac: link.mac as Mac }),
    addresses,
    ...(isOurs(mark, link) ? { ours: true } : {}),
  };
}

/** A unicast route of the host and the link it goes through. */
export interface HostRoute {
  readonly destination: Cidr;
  readonly link: string;
}

/** The unicast routes of the main table, with the subnets of interface addresses. Link-local and multicast ones are left out. */
export function readHostRoutes(socket: NetlinkSocket): HostRoute[] {
  const names = new Map<number, string>();
  const nameOf = (ifindex: number): string => {
    let name = names.get(ifindex);
    if (name === undefined) names.set(ifindex, (name = findLink(socket, ifindex)?.name ?? `#${ifindex}`));
    return name;
  };
  const found: HostRoute[] = [];
  for (const route of listRoutes(socket, { table: RT_TABLE_MAIN })) {
    if (route.type !== "unicast") continue;
    const destination = route.destination as Cidr;
    if (destination.startsWith("fe80:") || destination.startsWith("ff")) continue;
    const ifindex = route.ifindex ?? route.nexthops?.[0]?.ifindex;
    found.push({ destination, link: ifindex === undefined ? "" : nameOf(ifindex) });
  }
  return found;
}

function isDefault(destination: string): boolean {
  return destination === "0.0.0.0/0" || destination === "::/0";
}
