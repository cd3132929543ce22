import { digest32 } from "@netkit/core";
import { declareGuard, dropGuard, guardChains, guardSets, guardSpecs } from "./guard.ts";

/** What never changes while netkit runs: sets, maps and chains. Networks and ports are elements, never rules. */

const sets = {
  /** The hash of all this, as one element: another netkit's table is told apart by its absence. */
  generation: "set { type mark; }",
  /** Links with an area of their own, each with itself. */
  same: "set { type ifname . ifname; }",
  /** The same for a prefix of names (`nkr01*`): any of its links with any other. */
  "same-prefix": "set { type ifname . ifname; flags interval; }",
  /** Links whose ports may not talk to each other. So are all links here, twice: nft can't delete the beginning of a name alone. */
  quiet: "set { type ifname . ifname; flags interval; }",
  /** Links that nothing passes to or from. */
  sealed: "set { type ifname . ifname; flags interval; }",
  /** Links that nothing comes from but of addresses that are routed to them: `goto verified`. */
  strict: "map { type ifname . ifname : verdict; flags interval; }",
  /** What the host takes from a link: `goto inner`. */
  received: "map { type ifname . ifname : verdict; flags interval; }",
  /** What of a family may be forwarded to a link: `goto` one of `guarded`, `routed`, `direct` and `closed`. */
  inward4: "map { type ifname . ifname : verdict; }",
  inward6: "map { type ifname . ifname : verdict; }",
  "inward4-prefix": "map { type ifname . ifname : verdict; flags interval; }",
  "inward6-prefix": "map { type ifname . ifname : verdict; flags interval; }",
  /** Links that reach the open ports of others, each with the other. */
  trusted: "set { type ifname . ifname; flags interval; }",
  /** Single ports of sandboxes that are open to those, and to all where `inward` says `routed`. */
  open4: "set { type ipv4_addr . inet_proto . inet_service; }",
  open6: "set { type ipv6_addr . inet_proto . inet_service; }",
  /** Ranges of them. */
  wide4: "set { type ipv4_addr . inet_proto . inet_service; flags interval; }",
  wide6: "set { type ipv6_addr . inet_proto . inet_service; flags interval; }",
  /** Open ports and ranges that not everybody may reach. */
  barred4: "set { type ipv4_addr . inet_proto . inet_service; flags interval; }",
  barred6: "set { type ipv6_addr . inet_proto . inet_service; flags interval; }",
  /** Who may reach those: source, the sandbox's address, ports. */
  admitted4: "set { type ipv4_addr . ipv4_addr . inet_proto . inet_service; flags interval; }",
  admitted6: "set { type ipv6_addr . ipv6_addr . inet_proto . inet_service; flags interval; }",
  /** Networks that a link is a part of. */
  familiar4: "set { type ipv4_addr . ifname; flags interval; }",
  familiar6: "set { type ipv6_addr . ifname; flags interval; }",
  /** How a subnet leaves its link: `goto masqueraded` or `goto sourced`. */
  outward4: "map { type ipv4_addr . ifname : verdict; flags interval; }",
  outward6: "map { type ipv6_addr . ifname : verdict; flags interval; }",
  /** The fixed source address of a subnet. */
  source4: "map { type ipv4_addr . ifname : ipv4_addr; flags interval; }",
  source6: "map { type ipv6_addr . ifname : ipv6_addr; flags interval; }",
  /** Subnets with the networks that they are a part of. */
  kept4: "set { type ipv4_addr . ifname . ipv4_addr; flags interval; }",
  kept6: "set { type ipv6_addr . ifname . ipv6_addr; flags interval; }",
  /** Host addresses with the UDP port that packets from and to them aren't followed to: `goto untracked`. */
  untracked4: "map { type ipv4_addr . inet_service : verdict; }",
  untracked6: "map { type ipv6_addr . inet_service : verdict; }",
  /** The same, where they are the source of what is forwarded: `goto forged`. */
  tunnels4: "map { type ipv4_addr . inet_service : verdict; }",
  tunnels6: "map { type ipv6_addr . inet_service : verdict; }",
  /** Single ports of every local address. Hash maps: a change costs the same however many there are. */
  any4: "map { type inet_proto . inet_service : ipv4_addr . inet_service; }",
  any6: "map { type inet_proto . inet_service : ipv6_addr . inet_service; }",
  /** Single ports of one local address. */
  host4: "map { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }",
  host6: "map { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }",
  /** Ranges of ports that keep their number, of one local address or (prefix length 0) of all. */
  span4: "map { type ipv4_addr . inet_proto . inet_service : ipv4_addr; flags interval; }",
  span6: "map { type ipv6_addr . inet_proto . inet_service : ipv6_addr; flags interval; }",
  /** Ports that not everybody may reach: of one local address, or (prefix length 0) of all. */
  limited4: "set { type ipv4_addr . inet_proto . inet_service; flags interval; }",
  limited6: "set { type ipv6_addr . inet_proto . inet_service; flags interval; }",
  /** Who may reach those: source, local address, ports. */
  allowed4: "set { type ipv4_addr . ipv4_addr . inet_proto . inet_service; flags interval; }",
  allowed6: "set { type ipv6_addr . ipv6_addr . inet_proto . inet_service; flags interval; }",
} as const;

/**
 * Interval sets for prefixes of names, and the hashes that they are beside, which are asked for every new connection: looking
 * in an interval set takes ten times as long, and no time while it is empty.
 */
const besides = { "same-prefix": "same", "inward4-prefix": "inward4", "inward6-prefix": "inward6" } as const;
type PrefixSet = keyof typeof besides;
type LinkSet = (typeof besides)[PrefixSet];

export type SetName = keyof typeof sets | keyof typeof guardSets;

/** Where a link is looked up by its name: a prefix of names, which ends with `*`, has a set of its own. */
export function setOfLink(set: LinkSet, link: string): SetName {
  return link.endsWith("*") ? `${set}-prefix` : set;
}

/** The set that one for prefixes is beside; of all others itself. */
export function withoutPrefix(set: SetName): Exclude<SetName, PrefixSet> {
  return isForPrefixes(set) ? besides[set] : set;
}

function isForPrefixes(set: SetName): set is PrefixSet {
  return set in besides;
}

/** The family of the table that a set is in: there are two of one name. */
export function tableOf(set: SetName): "inet" | "bridge" {
  return set in guardSets ? "bridge" : "inet";
}

/** What a base chain hangs on, in the words of nft's JSON. */
interface Hook {
  readonly type: "filter" | "nat";
  readonly hook: string;
  readonly prio: number;
}

export interface BaseChain {
  readonly hook?: Hook;
  /** It is there only while this has an element: a hook costs each packet of the host, and most hosts don't need this one. */
  readonly only?: SetName;
  /** Each rule with its comment, by which it is known again; unique in the chain. */
  readonly rules: readonly (readonly [rule: string, comment: string])[];
}

const ports = "meta l4proto { tcp, udp, sctp }";

/** What goes to a port with a filter, from a source that it doesn't name. */
function kept(version: 4 | 6, filtered: string, sources: string): string {
  const ip = version === 4 ? "ip" : "ip6";
  const port = `${ip} daddr . meta l4proto . th dport`;
  return `${ports} ${port} @${filtered}${version} ${ip} saddr . ${port} != @${sources}${version}`;
}

/** A rule, and the same for prefixes. */
function ofLinks(rule: string, comment: string): [rule: string, comment: string][] {
  const prefixed = rule.replaceAll(/@(same|inward[46])\b/g, "$&-prefix");
  return [
    [rule, comment],
    [prefixed, `${comment}, by prefix`],
  ];
}

const forgedLoopback = "ip saddr 127.0.0.0/8 jump loopback";

/** What comes from a network's bridge is no other host's tunnel, whatever it says: it would get into any overlay. */
const tunnelled: BaseChain["rules"] = [
  ["iif 0 notrack accept", "from the host"],
  ...ofLinks("iifname . iifname @same drop", "from a sandbox"),
  ["notrack", "tunnels of this host"],
];

/** What is encapsulated here comes from the VXLAN; nothing that a sandbox sends does. Both are quicker than looking up the link. */
const ownTunnels: BaseChain["rules"] = [
  ["iif 0 accept", "from the host, bridged"],
  [`meta iifkind "vxlan" accept`, "tunnel of this host"],
];

export const chains: Readonly<Record<string, BaseChain>> = {
  published: {
    rules: [
      ["ip6 daddr ::1 return", "no NAT can serve it: the answer would be dropped"],
      ["ip6 saddr fe80::/10 return", "can't be forwarded"],
      [`${ports} dnat ip to ip daddr . meta l4proto . th dport map @host4`, "port of one address"],
      [`${ports} dnat ip6 to ip6 daddr . meta l4proto . th dport map @host6`, "port of one IPv6 address"],
      [`meta nfproto ipv4 ${ports} dnat ip to meta l4proto . th dport map @any4`, "port"],
      [`meta nfproto ipv6 ${ports} dnat ip6 to meta l4proto . th dport map @any6`, "IPv6 port"],
      [`${ports} dnat ip to ip daddr . meta l4proto . th dport map @span4`, "range"],
      [`${ports} dnat ip6 to ip6 daddr . meta l4proto . th dport map @span6`, "IPv6 range"],
    ],
  },
  // Before anything is looked up: no other element can let through what a filter keeps out.
  arriving: {
    rules: [
      [`${kept(4, "limited", "allowed")} drop`, "not from there"],
      [`${kept(6, "limited", "allowed")} drop`, "not from there, IPv6"],
      ["jump published", "from outside and from sandboxes"],
    ],
  },
  guarded: {
    rules: [
      ["ct status dnat accept", "published"],
      ["drop", "direct access, other networks"],
    ],
  },
  opened: {
    rules: [
      [`${kept(4, "barred", "admitted")} return`, "not from there"],
      [`${kept(6, "barred", "admitted")} return`, "not from there, IPv6"],
      [`${ports} ip daddr . meta l4proto . th dport @open4 accept`, "open port"],
      [`${ports} ip6 daddr . meta l4proto . th dport @open6 accept`, "open IPv6 port"],
      [`${ports} ip daddr . meta l4proto . th dport @wide4 accept`, "open range"],
      [`${ports} ip6 daddr . meta l4proto . th dport @wide6 accept`, "open IPv6 range"],
    ],
  },
  routed: {
    rules: [
      ["ct status dnat accept", "published"],
      ["meta l4proto { icmp, icmpv6 } accept", "ICMP"],
      ["jump opened", "open ports"],
      ["drop", "everything else"],
    ],
  },
  direct: { rules: [["accept", "unprotected"]] },
  closed: { rules: [["drop", "internal"]] },
  masqueraded: { rules: [["masquerade", "address of the outgoing link"]] },
  sourced: {
    rules: [
      ["snat ip to ip saddr . iifname map @source4", "fixed address"],
      ["snat ip6 to ip6 saddr . iifname map @source6", "fixed IPv6 address"],
    ],
  },
  untracked4: { only: "untracked4", rules: tunnelled },
  untracked6: { only: "untracked6", rules: tunnelled },
  forged4: { only: "tunnels4", rules: [["drop", "from a sandbox"]] },
  forged6: { only: "tunnels6", rules: [["drop", "from a sandbox"]] },
  inner: {
    only: "received",
    rules: [
      ["ct state established,related accept", "answers"],
      ["fib daddr . iif type unicast drop", "only addresses of the bridge"],
    ],
  },
  // By the routes alone, so that no endpoint has an element of its own.
  verified: {
    only: "strict",
    rules: [["fib saddr . iif oif missing drop", "spoofed source"]],
  },
  loopback: { rules: ofLinks("iifname . iifname @same drop", "from a network") },
  // route_localnet lets 127.0.0.0/8 through the kernel's own checks on the bridges. It is looked for where packets end and where they are
  // passed on, not where all come in: frames between neighbours would come by there as well. The address comes first, for comparing it is
  // quicker than looking up the link. What is translated are answers to the host itself, and what others redirect to a proxy of the host.
  "loopback-input": {
    hook: { type: "filter", hook: "input", prio: -300 },
    rules: [
      [forgedLoopback, "spoofed loopback source"],
      ["ip daddr 127.0.0.0/8 ct status & ( snat | dnat ) == 0 jump loopback", "loopback of the host"],
    ],
  },
  "untracked-prerouting4": {
    hook: { type: "filter", hook: "prerouting", prio: -300 },
    only: "untracked4",
    rules: [["ip daddr . udp dport vmap @untracked4", "tunnels to this host"]],
  },
  "untracked-prerouting6": {
    hook: { type: "filter", hook: "prerouting", prio: -300 },
    only: "untracked6",
    rules: [["ip6 daddr . udp dport vmap @untracked6", "IPv6 tunnels to this host"]],
  },
  "untracked-output4": {
    hook: { type: "filter", hook: "output", prio: -300 },
    only: "untracked4",
    rules: [["ip saddr . udp dport vmap @untracked4", "tunnels from this host"]],
  },
  "untracked-output6": {
    hook: { type: "filter", hook: "output", prio: -300 },
    only: "untracked6",
    rules: [["ip6 saddr . udp dport vmap @untracked6", "IPv6 tunnels from this host"]],
  },
  "strict-prerouting": {
    hook: { type: "filter", hook: "prerouting", prio: -300 },
    only: "strict",
    rules: [["iifname . iifname vmap @strict", "from links that are routed to"]],
  },
  // The kernel refuses 127.0.0.0/8 from outside after this chain: translating it would save it from that.
  "nat-prerouting": {
    hook: { type: "nat", hook: "prerouting", prio: -100 },
    rules: [
      ["ip daddr 127.0.0.0/8 return", "ports of the loopback are the host's alone"],
      ["fib daddr type local jump arriving", "from outside and from sandboxes"],
    ],
  },
  "nat-output": {
    hook: { type: "nat", hook: "output", prio: -100 },
    rules: [["fib daddr type local jump published", "from the host"]],
  },
  "filter-input": {
    hook: { type: "filter", hook: "input", prio: 0 },
    only: "received",
    rules: [["iifname . iifname vmap @received", "from an internal network"]],
  },
  "filter-forward": {
    hook: { type: "filter", hook: "forward", prio: 0 },
    rules: [
      // Before anything is accepted: it may be the source of a connection that the host itself has to a published port.
      [forgedLoopback, "spoofed loopback source"],
      ["ct state established,related accept", "answers"],
      ...ofLinks("iifname . oifname @same oifname . oifname != @quiet accept", "neighbours"),
      ["iifname . iifname @sealed drop", "internal"],
      ...ofLinks("ct status & dnat == 0 iifname . oifname @same drop", "neighbours that may not talk"),
      ["iifname . oifname @trusted jump opened", "from a trusted link"],
      ["ip saddr . oifname @familiar4 accept", "from another part of the network"],
      ["ip6 saddr . oifname @familiar6 accept", "from another part of the network, IPv6"],
      ...ofLinks("meta nfproto ipv4 oifname . oifname vmap @inward4", "to a network"),
      ...ofLinks("meta nfproto ipv6 oifname . oifname vmap @inward6", "IPv6 to a network"),
    ],
  },
  // Bridged packets (bridge-nf-call-iptables) and the host's own have no incoming link here: iif is 0.
  "nat-postrouting": {
    hook: { type: "nat", hook: "postrouting", prio: 100 },
    rules: [
      ...ofLinks("iif 0 ip saddr 127.0.0.0/8 oifname . oifname @same masquerade", "from the host's loopback"),
      ...ofLinks(
        "iif 0 ct status dnat fib saddr type != local oifname . oifname @same masquerade",
        "published, bridged",
      ),
      ["iif 0 return", "bridged or from the host"],
      ...ofLinks("ct status dnat iifname . oifname @same masquerade", "published, from the same network"),
      ...ofLinks("iifname . oifname @same return", "neighbours"),
      ["ip saddr . iifname . ip daddr @kept4 return", "to another part of the network"],
      ["ip6 saddr . iifname . ip6 daddr @kept6 return", "to another part of the network, IPv6"],
      ["ip saddr . iifname vmap @outward4", "to the outside"],
      ["ip6 saddr . iifname vmap @outward6", "IPv6 to the outside"],
    ],
  },
  // With the host's own address, that is behind the translation, other hosts would take it for this one's tunnel.
  "tunnels-postrouting4": {
    hook: { type: "filter", hook: "postrouting", prio: 110 },
    only: "tunnels4",
    rules: [...ownTunnels, ...ofLinks("iifname . iifname @same ip saddr . udp dport vmap @tunnels4", "forged tunnel")],
  },
  "tunnels-postrouting6": {
    hook: { type: "filter", hook: "postrouting", prio: 110 },
    only: "tunnels6",
    rules: [
      ...ownTunnels,
      ...ofLinks("iifname . iifname @same ip6 saddr . udp dport vmap @tunnels6", "forged IPv6 tunnel"),
    ],
  },
};

/** Those of the table that is always there. */
export const setNames: readonly SetName[] = Object.keys(sets) as SetName[];

let hash: number | undefined;

/** Names this base: 32 bits of its hash. */
export function generation(): number {
  return (hash ??= digest32(JSON.stringify([sets, chains, guardSpecs, guardChains])));
}

/**
 * The commands that declare the base, to be run as (part of) one transaction. They make what is missing and mend what was
 * altered, and leave all elements alone.
 * @param used sets with elements
 */
export function declareBase(table: string, used: ReadonlySet<SetName>): string {
  return [
    `add table inet ${table}`,
    ...Object.entries(sets).map(([name, text]) => {
      const [type = "", ...spec] = text.split(" ");
      return `add ${type} inet ${table} ${name} ${spec.join(" ")}`;
    }),
    ...declareChains(table, ({ only }) => only === undefined || used.has(only)),
    `flush set inet ${table} generation`,
    `add element inet ${table} generation { ${generation()} }`,
    ...(used.has("guarded") ? [declareGuard(table)] : []),
  ].join("\n");
}

/** The commands for what is there only while one of these sets is used. */
export function declareUsed(table: string, used: ReadonlySet<SetName>): string {
  return [
    ...declareChains(table, ({ only }) => only !== undefined && used.has(only)),
    ...(used.has("guarded") ? [declareGuard(table)] : []),
  ].join("\n");
}

function declareChains(table: string, which: (chain: BaseChain) => boolean): string[] {
  const wanted = Object.entries(chains).filter(([, chain]) => which(chain));
  return [
    ...wanted.flatMap(([name, { hook }]) => {
      const spec = hook && ` { type ${hook.type} hook ${hook.hook} priority ${hook.prio}; policy accept; }`;
      return [`add chain inet ${table} ${name}${spec ?? ""}`, `flush chain inet ${table} ${name}`];
    }),
    ...wanted.flatMap(([name, { rules }]) =>
      rules.map(([rule, comment]) => `add rule inet ${table} ${name} ${rule} comment "${comment}"`),
    ),
  ];
}

/** Commands that fail, changing nothing, unless the table holds this base. */
export function assertBase(table: string): string {
  const element = `element inet ${table} generation { ${generation()} }`;
  return `delete ${element}\nadd ${element}`;
}

/** Commands that delete the table, and fail, changing nothing, while a network holds one of the chains. */
export function dropTable(table: string): string {
  const held = ["guarded", "routed", "direct", "closed", "masqueraded", "sourced"];
  // Those that may be missing are there for the moment.
  const maybe = ["untracked4", "untracked6"];
  return [
    ...maybe.map((chain) => `add chain inet ${table} ${chain}`),
    ...[...held, ...maybe].map((chain) => `delete chain inet ${table} ${chain}`),
    `delete table inet ${table}`,
  ].join("\n");
}

/** Sets that a chain, or the guard, is there for. */
export const demanding: ReadonlySet<SetName> = new Set<SetName>([
  ...Object.values(chains).flatMap(({ only }) => only ?? []),
  "guarded",
]);

/** Commands that delete what is there for a set alone, and fail, changing nothing, while an element of that holds a chain. */
export function dropUnused(table: string, set: SetName): string {
  if (set === "guarded") return dropGuard(table);
  const unused = Object.entries(chains).filter(([, { only }]) => only === set);
  // What has the rule that refers to the set goes first.
  return unused
    .toReversed()
    .map(([name]) => `delete chain inet ${table} ${name}`)
    .join("\n");
}
