import { existsSync, readFileSync } from "node:fs";
import { familyOf, type Cidr, type Family, type Ip, type PublishResource } from "@netkit/core";
import type { Home } from "../home.ts";
import type { Nft } from "../nftables/nft.ts";
import { concerns, judge, type Entrance, type Hit } from "./ruleset.ts";
import type { Packet } from "./packet.ts";
import { describeEntrance, remedyOf, type Passage } from "./remedy.ts";
import type { Glance } from "./glance.ts";
import { readEntrances } from "./rulesets.ts";

/** A network's link, and what passes through it. */
export interface LinkTraffic {
  readonly link: string;
  readonly subnets: readonly Cidr[];
  readonly published: readonly PublishResource[];
  /** Nothing passes to or from the outside. */
  readonly internal: boolean;
}

/** The links through which the host reaches the outside. */
export type Uplinks = Readonly<Record<Family, readonly string[]>>;

/** A VXLAN device, and the other ends of its tunnels. */
export interface TunnelTraffic {
  readonly link: string;
  /** Where they end here. */
  readonly local: Ip;
  /** The destination's, in both directions. */
  readonly port: number;
  readonly remotes: readonly Ip[];
  /** The links that they come and go by. */
  readonly through: readonly string[];
}

export interface HostTraffic {
  readonly links: readonly LinkTraffic[];
  readonly tunnels: readonly TunnelTraffic[];
  readonly uplinks: Uplinks;
}

/**
 * What drops a packet: to the outside, back from there, to a published port (from outside, from the host), neighbours; a tunnel's
 * packets to other hosts and from them.
 */
export type Traffic =
  | "outward"
  | "answers"
  | "published"
  | "from the host"
  | "neighbours"
  | "to other hosts"
  | "from other hosts";

/** Somebody else's rule or policy that drops what passes through a link. */
export interface ForeignDrop {
  readonly link: string;
  readonly family: Family;
  readonly traffic: readonly Traffic[];
  /** False: it may, for some condition of a rule can't be judged. */
  readonly certain: boolean;
  /** `chain FORWARD of table filter (iptables)` */
  readonly where: string;
  /** What of it: `policy drop`, or a rule, and its chain where that is another one. */
  readonly what: string;
  /** Commands that would let it pass. */
  readonly remedy: readonly string[];
}

/**
 * Which of other people's rules drop what passes through these links and tunnels. Follows every base chain that the packets come
 * through, in nftables and both kinds of iptables; a drop there is final, whatever the other chains say.
 */
export async function foreignDrops(
  home: Home,
  nft: Nft | undefined,
  seen: Glance,
  { links, tunnels, uplinks }: HostTraffic,
): Promise<ForeignDrop[]> {
  if (links.length === 0 && tunnels.length === 0) return [];
  const entrances = await readEntrances(home, seen, nft);
  const bridged = {
    ipv4: isSet("/proc/sys/net/bridge/bridge-nf-call-iptables", home),
    ipv6: isSet("/proc/sys/net/bridge/bridge-nf-call-ip6tables", home),
  };
  return [
    ...links.flatMap(({ link, ...traffic }) =>
      dropsOf(link, packetsOf({ link, ...traffic }, uplinks, bridged), entrances, () => ({ link })),
    ),
    ...tunnels.flatMap((tunnel) =>
      dropsOf(tunnel.link, tunnelPackets(tunnel), entrances, ({ in: from, out = from }) => ({
        link: out ?? "",
        port: tunnel.port,
      })),
    ),
  ];
}

/** Whether bridged packets come through these chains too. */
function isSet(path: string, home: Home): boolean {
  return home.run(() => existsSync(path) && readFileSync(path, "utf8").trim() === "1");
}

/** The chains of iptables of netkit's instances. */
const ownChain = /^NETKIT-/;

interface Drop {
  readonly hit: Hit;
  readonly packet: Packet;
  readonly traffic: Set<Traffic>;
}

function dropsOf(
  link: string,
  packets: Iterable<[Traffic, Packet]>,
  entrances: readonly Entrance[],
  /** What has to be let pass for it. */
  passageOf: (packet: Packet) => Passage,
): ForeignDrop[] {
  const found = new Map<string, Drop>();
  for (const [traffic, packet] of packets) {
    for (const entrance of entrances) {
      if (!concerns(entrance, packet.family)) continue;
      const hit = judge(entrance, packet);
      if (hit === undefined || ownChain.test(hit.chain)) continue;
      const key = `${packet.family} ${describeEntrance(entrance)}`;
      const drop = found.get(key);
      // Of several the most certain one is shown.
      if (drop === undefined || (hit.certain && !drop.hit.certain)) {
        found.set(key, { hit, packet, traffic: new Set([...(drop?.traffic ?? []), traffic]) });
      } else drop.traffic.add(traffic);
    }
  }
  return [...found.values()].map(({ hit, packet, traffic }) => ({
    link,
    family: packet.family,
    traffic: [...traffic],
    certain: hit.certain,
    where: describeEntrance(hit.entrance),
    what: describeHit(hit),
    remedy: remedyOf(hit, passageOf(packet), packet),
  }));
}

/** The chain is told where it isn't the one of `where`. */
function describeHit({ rule, chain, entrance }: Hit): string {
  if (rule === undefined) return `policy ${entrance.policy}`;
  return `rule '${rule.text}'${chain === entrance.name ? "" : ` of chain ${chain}`}`;
}

/** One packet of each sort that has to pass. */
function* packetsOf(
  { link, subnets, published, internal }: LinkTraffic,
  uplinks: Uplinks,
  bridged: Readonly<Record<Family, boolean>>,
): Generator<[Traffic, Packet]> {
  const forward = { hook: "forward", protocol: "tcp", translated: false } as const;
  for (const subnet of subnets) {
    const family = familyOf(subnet);
    const [source, destination] = [subnet, subnet];
    for (const uplink of internal ? [] : uplinks[family]) {
      yield ["outward", { ...forward, family, in: link, out: uplink, source, state: "new" }];
      yield ["answers", { ...forward, family, in: uplink, out: link, destination, state: "established" }];
    }
    if (bridged[family]) {
      yield ["neighbours", { ...forward, family, in: link, out: link, source, destination, state: "new" }];
    }
  }
  for (const { family, protocol, target, targetPort } of internal ? [] : published) {
    const there = { protocol, translated: true, destination: target, destinationPort: targetPort.first } as const;
    const back = { protocol, translated: true, source: target, sourcePort: targetPort.first } as const;
    for (const uplink of uplinks[family]) {
      yield ["published", { hook: "forward", family, in: uplink, out: link, ...there, state: "new" }];
      yield ["published", { hook: "forward", family, in: link, out: uplink, ...back, state: "established" }];
    }
    yield ["from the host", { hook: "output", family, out: link, ...there, state: "new" }];
    yield ["from the host", { hook: "input", family, in: link, ...back, state: "established" }];
  }
}

/** One to each other end of the tunnels, and one from it. */
function* tunnelPackets({ local, port, remotes, through }: TunnelTraffic): Generator<[Traffic, Packet]> {
  const tunnel = {
    family: familyOf(local),
    protocol: "udp",
    destinationPort: port,
    state: "untracked",
    translated: false,
  } as const;
  for (const remote of remotes) {
    for (const link of through) {
      yield ["from other hosts", { ...tunnel, hook: "input", in: link, source: remote, destination: local }];
      yield ["to other hosts", { ...tunnel, hook: "output", out: link, source: local, destination: remote }];
    }
  }
}
