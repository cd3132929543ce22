import type { Cidr, Family, Ip, Mac } from "./address.ts";
import type { NamespaceId } from "./ids.ts";

/**
 * Where a resource lives: the network namespace that netkit was opened in (the host), or a sandbox's.
 * Every resource of a driver names one of these two.
 */
export type NamespaceRef = "host" | NamespaceId;

interface Base {
  readonly ns: NamespaceRef;
  /**
   * `"exists"` describes what somebody else made: checked, never made, never changed, never removed.
   * Absent: netkit makes it and removes it with its last owner.
   */
  readonly ensure?: "exists";
  /** Keys of resources that must be there first, where the order of kinds doesn't say so already. */
  readonly dependsOn?: readonly ResourceKey[];
}

/**
 * A network namespace that netkit makes: bind-mounted at `/run/netns/<name>`, its loopback up. `ns` is the namespace itself.
 * Making it is a RESOURCE_CONFLICT when a namespace of that name is there by then, whoever made it, for nothing in one says
 * whose it is. A file that no namespace is mounted on, which a process leaves that dies in between, is replaced.
 */
export interface NetnsResource extends Base {
  readonly kind: "netns";
  readonly ns: NamespaceId;
  readonly name: string;
}

/**
 * A regular file with exactly this content, parent directories made as needed; `ns` is "host". Drivers have them where
 * `isDriverFile` says so.
 */
export interface FileResource extends Base {
  readonly kind: "file";
  readonly path: string;
  readonly content: string;
  /**
   * What a change does to a file that somebody has written into, so that its content isn't what was planned before: `keep`
   * leaves it as it is, `merge` takes out the lines that go, adds those that come and leaves the rest. Both are no drift.
   * Absent: the content is netkit's alone.
   */
  readonly edits?: "keep" | "merge";
}

/** A link that somebody else made: a parent, an uplink, an adopted bridge's port. Always `ensure: "exists"`. */
export interface LinkResource extends Base {
  readonly kind: "link";
  readonly ensure: "exists";
  readonly name: string;
}

/** A bridge, up, without spanning tree. Its MAC is pinned, so that it doesn't change with its ports. */
export interface BridgeResource extends Base {
  readonly kind: "bridge";
  readonly name: string;
  readonly mac?: Mac;
  readonly mtu?: number;
  /** No IPv6 link-local address of its own (a bridge without IPv6, or one that netkit gives all its addresses). */
  readonly noLinkLocal?: boolean;
}

/** A veth pair, both ends up, each made in its namespace. `name` is the end in `ns`, a port of `master` if given. */
export interface VethResource extends Base {
  readonly kind: "veth";
  readonly name: string;
  readonly mac?: Mac;
  readonly mtu?: number;
  /** The bridge that the end in `ns` is a port of. */
  readonly master?: string;
  /** Bridge port: may send a frame back to where it came from. */
  readonly hairpin?: boolean;
  /** Bridge port: talks to ports that aren't isolated only (`bridge link set isolated on`). */
  readonly isolated?: boolean;
  /**
   * Bridge port: takes frames from the peer's MAC alone (`bridge link set locked on learning off`, with an entry of the bridge
   * that no other port takes over), and is of the link group by which its bridge's {@link GuardResource} knows them.
   */
  readonly guarded?: true;
  readonly peer: {
    readonly ns: NamespaceRef;
    readonly name: string;
    readonly mac?: Mac;
    readonly mtu?: number;
  };
  /**
   * Neither end asks for neighbours (IFF_NOARP): what one sends is for the other, so that both need one MAC. The end in `ns` gives itself no
   * link-local address, and connections of its own 127.0.0.0/8 may leave by it (`route_localnet`).
   */
  readonly pointToPoint?: true;
  /**
   * Another engine moves, renames or tunes the peer afterwards: identity is then the end in `ns`, and only that end
   * is compared with the kernel.
   */
  readonly handedOver?: boolean;
  /** Others may change the MAC, the MTU and the state of the peer: that is no difference, and netkit doesn't set it back. */
  readonly tunable?: true;
}

/** A VXLAN device, up. With `learning: false` neither learning nor flooding: entries come from fdb resources alone. */
export interface VxlanResource extends Base {
  readonly kind: "vxlan";
  readonly name: string;
  readonly vni: number;
  /** UDP port; 4789 by RFC 7348, 8472 with flannel. */
  readonly port: number;
  readonly local?: Ip;
  /** The underlay's link. */
  readonly device?: string;
  readonly mac?: Mac;
  readonly mtu?: number;
  readonly master?: string;
  readonly learning: boolean;
  /** Marks of packets (SO_MARK, nftables) go with them: VXLAN group policy, with a header that others take for no VXLAN. */
  readonly groupPolicy?: true;
  /** Bridge port: answer ARP and ND from the neighbour table. */
  readonly neighSuppress?: boolean;
  /** Bridge port: talks to ports that aren't isolated only. */
  readonly isolated?: boolean;
}

/** A macvlan on `parent` (in the host namespace), made in `ns`, up. */
export interface MacvlanResource extends Base {
  readonly kind: "macvlan";
  readonly name: string;
  readonly parent: string;
  readonly mode: "bridge" | "private" | "vepa" | "passthru" | "source";
  readonly mac?: Mac;
  readonly mtu?: number;
  /** Others may change the MAC, the MTU and the state of the link: that is no difference, and netkit doesn't set it back. */
  readonly tunable?: true;
  /** Another engine moves and renames it: then nothing of it is compared, for it may be anywhere. */
  readonly handedOver?: boolean;
}

/**
 * An ipvlan on `parent` (in the host namespace), made in `ns`, up, with the parent's MAC. All on one parent have the same mode
 * and flag: the last one made says which.
 */
export interface IpvlanResource extends Base {
  readonly kind: "ipvlan";
  readonly name: string;
  readonly parent: string;
  readonly mode: "l2" | "l3" | "l3s";
  readonly flag: "bridge" | "private" | "vepa";
  readonly mtu?: number;
  /** Others may change the MAC, the MTU and the state of the link: that is no difference, and netkit doesn't set it back. */
  readonly tunable?: true;
  /** As of a macvlan. */
  readonly handedOver?: boolean;
}

/** An 802.1Q VLAN on `parent`, up. */
export interface VlanResource extends Base {
  readonly kind: "vlan";
  readonly name: string;
  readonly parent: string;
  /** 1 to 4094. */
  readonly id: number;
}

/** A dummy link, up. */
export interface DummyResource extends Base {
  readonly kind: "dummy";
  readonly name: string;
  readonly mac?: Mac;
  readonly mtu?: number;
}

/** An ifb, up: what a {@link RedirectResource} sends there waits for its {@link ShaperResource}, then goes on its way. */
export interface IfbResource extends Base {
  readonly kind: "ifb";
  readonly name: string;
  readonly mac?: Mac;
  readonly mtu?: number;
}

/** An interface address, never waiting for duplicate address detection. */
export interface AddressResource extends Base {
  readonly kind: "address";
  readonly link: string;
  readonly address: Cidr;
  /** Don't let the kernel add the on-link route (a /32 anycast gateway). */
  readonly noPrefixRoute?: boolean;
}

/** A route, with netkit's protocol number. `destination` "default" needs `family`'s sake: 0.0.0.0/0 or ::/0. */
export interface RouteResource extends Base {
  readonly kind: "route";
  /** A subnet; 0.0.0.0/0 and ::/0 are the default routes. */
  readonly destination: Cidr;
  readonly type?: "unicast" | "blackhole" | "unreachable" | "prohibit";
  readonly via?: Ip;
  /**
   * Absent, with a `via`: the one that leads there when the route is made. With that link the kernel takes the route away, and as long as
   * nothing leads there it isn't missing.
   */
  readonly link?: string;
  readonly metric?: number;
  readonly table?: number;
  readonly source?: Ip;
  /** The next hop is on the link even where no address says so. */
  readonly onlink?: boolean;
}

/** A policy rule. */
export interface RuleResource extends Base {
  readonly kind: "rule";
  readonly family: Family;
  readonly priority: number;
  readonly table: number;
  readonly from?: Cidr;
  readonly to?: Cidr;
}

/** A permanent neighbour entry (ARP or ND), or with `proxy` an address that the host answers for. */
export interface NeighbourResource extends Base {
  readonly kind: "neighbour";
  readonly link: string;
  readonly address: Ip;
  readonly mac?: Mac;
  readonly proxy?: boolean;
}

/** A forwarding entry: on a VXLAN device to a VTEP (`destination`), on a bridge port to the port. */
export interface FdbResource extends Base {
  readonly kind: "fdb";
  readonly link: string;
  /** {@link anyMac}: one of those behind which an address may be that has no entry. */
  readonly mac: Mac;
  /** The VTEP, for entries of the device itself (`self`). */
  readonly destination?: Ip;
  /** True: an entry of the bridge that the link is a port of (`master static`). */
  readonly master?: boolean;
}

/** The rate that a link sends at: a token bucket at its root (tc-tbf(8)). */
export interface ShaperResource extends Base {
  readonly kind: "shaper";
  readonly link: string;
  readonly bytesPerSecond: number;
  /** What may go at once. A larger packet never goes. */
  readonly burstBytes: number;
  /** What may wait. More is dropped. */
  readonly limitBytes: number;
}

/** All that a link receives is sent through another one, an ifb of the same namespace, first. */
export interface RedirectResource extends Base {
  readonly kind: "redirect";
  readonly link: string;
  readonly to: string;
}

/** A sysctl by its dotted name; a link's name within stands between slashes: `net/ipv4/conf/eth0.5/forwarding`. */
export interface SysctlResource extends Base {
  readonly kind: "sysctl";
  /** The path below /proc/sys, with '/' between the parts. */
  readonly path: string;
  readonly value: string;
}

/**
 * What comes to an area from other links beside connections to published ports: `all` of it, or what is `opened`, that is ICMP
 * and the ports of `open` resources.
 */
export type Access = "all" | "opened";

/**
 * Who a link's traffic may reach: one bridge with its ports as an area of its own, or all links whose names begin alike, with `*` behind that
 * beginning. So it is in the `link` of all resources of the firewall.
 */
export interface IsolationResource extends Base {
  readonly kind: "isolation";
  readonly link: string;
  /** What comes from an address that isn't routed back to the very link is dropped (strict reverse path, RFC 3704). */
  readonly strict?: true;
  /** Ports of the bridge may talk to each other. */
  readonly icc: boolean;
  /** Nothing passes between this bridge and any other link (`--internal`); it goes before what follows. */
  readonly internal: boolean;
  /** What else comes in by IPv4; absent: nothing. */
  readonly ipv4?: Access;
  readonly ipv6?: Access;
  /** Links from which the ports of `open` resources are reached in any case. Sorted, no empty list. */
  readonly trusted?: readonly string[];
}

/**
 * Who reaches all of the area that `link` has an isolation for, by whatever other link they come: the network that it is a part of,
 * or a host that has another part. Nobody, if the area is internal. Those of one link don't overlap.
 */
export interface FamiliarResource extends Base {
  readonly kind: "familiar";
  readonly link: string;
  readonly source: Cidr;
}

/** Source NAT for what leaves `subnet` through `link` towards the outside. */
export interface MasqueradeResource extends Base {
  readonly kind: "masquerade";
  readonly link: string;
  readonly subnet: Cidr;
  /** A fixed source address instead of that of the outgoing link. */
  readonly source?: Ip;
  /** The network that `subnet` is a part of: what goes to another part of it keeps its source. */
  readonly within?: Cidr;
}

export type Protocol = "tcp" | "udp" | "sctp";

/** First and last port, equal for a single one. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/**
 * A port (or range) of the host, forwarded to an endpoint of the same family: from outside, from the host itself
 * (127.0.0.0/8 included), from other networks and from the endpoint itself (hairpin).
 *
 * With `from`, what comes from any other address is dropped, sandboxes of this host (the endpoint itself too) judged by
 * their own addresses. The host itself always gets through, as it reaches the endpoint directly anyway.
 */
export interface PublishResource extends Base {
  readonly kind: "publish";
  readonly family: Family;
  readonly protocol: Protocol;
  /** The host address; absent: every local address of the family. */
  readonly hostAddress?: Ip;
  readonly hostPort: PortRange;
  /** The endpoint's address. */
  readonly target: Ip;
  /** As many ports as `hostPort`. */
  readonly targetPort: PortRange;
  /** The bridge (or link) through which the target is reached. */
  readonly link: string;
  /** Subnets of the family, at least one, none within another; absent: everybody may. */
  readonly from?: readonly Cidr[];
}

/**
 * A port (or range) of an endpoint that other links reach at the endpoint's own address, so far as the isolation of `link`
 * has it. Two of one address and protocol have no port in common.
 */
export interface OpenResource extends Base {
  readonly kind: "open";
  readonly protocol: Protocol;
  /** The endpoint's address. */
  readonly target: Ip;
  readonly targetPort: PortRange;
  /** The bridge (or link) through which the target is reached. */
  readonly link: string;
  /** Who reaches it, as of a published port; absent: everybody who reaches open ports. */
  readonly from?: readonly Cidr[];
}

/**
 * UDP packets of the host's own that conntrack doesn't follow: from one of its addresses to a port, and from others to the
 * same of this host, as tunnels have them. Nothing translates them, and what is forwarded is none of them.
 */
export interface UntrackedResource extends Base {
  readonly kind: "untracked";
  /** Of the host. */
  readonly address: Ip;
  /** The destination's, in both directions. */
  readonly port: number;
}

/**
 * The guarded ports of a bridge: their frames have as IP source, ARP sender and ND target what follows from their MAC (see
 * `sendersOf`) or a {@link SenderResource} of the port, and no port is a router to others.
 */
export interface GuardResource extends Base {
  readonly kind: "guard";
  /** The bridge. */
  readonly link: string;
}

/** An address that the frames of a guarded port may come from, beside those that follow from its MAC. */
export interface SenderResource extends Base {
  readonly kind: "sender";
  /** The port. */
  readonly link: string;
  readonly address: Ip;
}

export type Resource =
  | NetnsResource
  | FileResource
  | LinkResource
  | BridgeResource
  | VethResource
  | VxlanResource
  | MacvlanResource
  | IpvlanResource
  | VlanResource
  | DummyResource
  | IfbResource
  | AddressResource
  | RouteResource
  | RuleResource
  | NeighbourResource
  | FdbResource
  | ShaperResource
  | RedirectResource
  | SysctlResource
  | IsolationResource
  | FamiliarResource
  | MasqueradeResource
  | PublishResource
  | OpenResource
  | UntrackedResource
  | GuardResource
  | SenderResource;

export type ResourceKind = Resource["kind"];
export type ResourceOf<K extends ResourceKind> = Extract<Resource, { kind: K }>;

/** What identifies a resource on this host: kind, namespace and the kind's own identity, joined by blanks. */
export type ResourceKey = string & { readonly __resourceKey: true };
