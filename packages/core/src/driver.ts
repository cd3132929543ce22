import type { Cidr, Family, Ip, Mac } from "./address.ts";
import type { EndpointId, NamespaceId, NetworkId } from "./ids.ts";
import type { Instance } from "./instance.ts";
import type { OptionInput, OptionSet, OptionValues } from "./option.ts";
import type { Outside } from "./outside.ts";
import type { PortRange, Protocol, Resource } from "./resource.ts";

/** The version of this contract. A driver states the one it was written for; netkit refuses any other. */
export const driverApi = 1;

export interface Traits {
  /**
   * Whose network namespace a sandbox on such a network has: its own; the host's; that of another sandbox
   * (`--network <driver>:<sandbox>`, no network record and no endpoint).
   */
  readonly namespace: "own" | "host" | "joined";
  /** Who hands out addresses: the engine's IPAM, or nobody (the network has no subnets). */
  readonly addresses: "engine" | "none";
  /** Families that the driver can carry; empty where there are no addresses. */
  readonly families: readonly Family[];
  /** Ports can be published. */
  readonly publish: boolean;
  /** A sandbox on such a network can be on no other one (`none`, `host`). */
  readonly exclusive: boolean;
  /** `--internal` is understood. */
  readonly internal: boolean;
  /** Sandboxes on different networks of the driver reach each other by address; absent: they don't. */
  readonly routed?: boolean;
  /**
   * Sandboxes are beside the host: it doesn't reach them by their addresses, unless a network has an option for it, and their
   * gateway is a router of somebody else's; absent: the host reaches them, and is their gateway.
   */
  readonly besideHost?: boolean;
  /** Interfaces have the MAC of the link that they lie on, and none can be asked for; absent: each has its own. */
  readonly sharedMac?: boolean;
  /** The subnet may be that of the link which the driver's facts name: its own routes are then no overlap. */
  readonly subnetOfLink: boolean;
  /**
   * Of a global driver: each host that has the network takes an address of its own in each subnet, from the same pool as
   * endpoints ({@link HostView.addresses}); absent: none.
   */
  readonly hostAddresses?: boolean;
  /** Of a global driver: it finds endpoints that it isn't told of ({@link HostView.finds}); absent: it can't. */
  readonly finds?: boolean;
}

/** What a driver asks to know of the host before it plans. Answered once; the answers are kept with the network. */
export type FactQuery =
  | { readonly fact: "link"; readonly name: string }
  | { readonly fact: "links" }
  | { readonly fact: "uplink" };

export interface LinkFacts {
  readonly name: string;
  /** The kernel's word: `bridge`, `veth`, ... or "" for a physical one. */
  readonly kind: string;
  readonly mtu: number;
  readonly mac?: Mac;
  readonly addresses: readonly Cidr[];
  /** netkit made it, for this root. */
  readonly ours?: true;
}

export interface Facts {
  /** By name, for each `link` that was asked for and exists. */
  readonly links: Readonly<Record<string, LinkFacts>>;
  /** The link of the default route, if asked for and there is one. */
  readonly uplink?: LinkFacts;
  /** The names of all links but the loopback interface, if asked for: for the errors of {@link Driver.check}, which alone has them. */
  readonly names?: readonly string[];
  /** What {@link Outside.join} returned, of a driver that has one. */
  readonly place?: unknown;
}

/**
 * Something that must be unique in a scope: the engine takes it in the store's transaction and hands it back in the
 * view. `value` asks for one, `range` for any free one.
 */
export interface Claim {
  /** Names the claim in the view. */
  readonly name: string;
  /** What it must be unique in, for example `vni` or `parent eth0`. */
  readonly space: string;
  readonly value?: string;
  readonly range?: PortRange;
  /** Whoever claims the same value, shared too, may have it as well. */
  readonly shared?: true;
}

/** One subnet of a network, as planned: all parts are known. */
export interface Subnet {
  readonly subnet: Cidr;
  /** Absent where the driver has no gateway. */
  readonly gateway?: Ip;
  /** Addresses are handed out of this part only. */
  readonly range?: Cidr;
  /** Reserved by name. */
  readonly auxiliary: Readonly<Record<string, Ip>>;
}

/**
 * A host's part in a network of many hosts. The engine reads it on that host when the network comes there, keeps it with the
 * host's own state, and gives the addresses back when the network, or the host, goes.
 */
export interface HostView {
  /** The host's address on the underlay, where the others' tunnels end. All hosts of a network have one of the same family. */
  readonly vtep: Ip;
  /** The MTU that the link with {@link vtep} had when the network came to the host. */
  readonly mtu: number;
  /**
   * The host's own addresses in the network, each with its subnet's prefix length: one for each of the network's subnets, in
   * their order, where the driver has {@link Traits.hostAddresses}, else none, nor while it is only looked whether the network can be.
   * To the other hosts they are peers, each
   * with {@link mac}.
   */
  readonly addresses: readonly Cidr[];
  /** The MAC of {@link addresses}, derived from the first as an endpoint's is; no other host of the network has it. */
  readonly mac: Mac;
  /**
   * Other hosts have endpoints, and addresses of their own, that nobody tells of: what is on the network has to find them at the
   * hosts that `peers` gets. Only where the driver has {@link Traits.finds}.
   */
  readonly finds?: true;
}

/** A network as its driver sees it. Everything in it is plain data. */
export interface NetworkView<O extends OptionSet = OptionSet> {
  readonly instance: Instance;
  readonly id: NetworkId;
  readonly name: string;
  readonly internal: boolean;
  readonly subnets: readonly Subnet[];
  readonly options: OptionValues<O>;
  readonly facts: Facts;
  /** The value of each claim by its name. */
  readonly claims: Readonly<Record<string, string>>;
  /** This host's part, of a global driver's network; absent where there is no store that hosts share, and of local ones. */
  readonly host?: HostView;
}

export interface EndpointAddress {
  /** The address with its subnet's prefix length. */
  readonly address: Cidr;
  readonly gateway?: Ip;
}

/** A published port as decided: the host port is a number now; range and target are of equal length. */
export interface PublishedPort {
  readonly protocol: Protocol;
  /** Absent: all local addresses of both families; 0.0.0.0 and ::: all of one. */
  readonly hostAddress?: Ip;
  readonly hostPort: PortRange;
  readonly port: PortRange;
  /** Who may reach it, of both families, as `parseSources` has them; absent: everybody. The host itself always may. */
  readonly from?: readonly Cidr[];
  /** No port of the host is taken (see {@link Driver.hostPorts}): `hostPort` is `port`, and there is no host address. */
  readonly routed?: true;
  /** The families in which the port of the host leads here; absent: all that there are. In others it is as if routed. */
  readonly hostFamilies?: readonly Family[];
}

export interface EndpointView<O extends OptionSet = OptionSet, E extends OptionSet = OptionSet> {
  readonly network: NetworkView<O>;
  readonly id: EndpointId;
  /** The name of the sandbox. */
  readonly name: string;
  /** The sandbox's namespace. */
  readonly namespace: NamespaceId;
  /** The interface's name in the sandbox. */
  readonly ifName: string;
  /** Derived from the address where there is one, so that a reused address keeps its MAC. Means nothing with a shared one. */
  readonly mac: Mac;
  readonly addresses: readonly EndpointAddress[];
  readonly ports: readonly PublishedPort[];
  /** The families whose default route in the sandbox goes through this endpoint, by its gateway or by the link alone. */
  readonly defaultRoute: readonly Family[];
  readonly options: OptionValues<E>;
}

/**
 * One address of a remote endpoint of a global network, or of a remote host itself ({@link HostView.addresses}). One with
 * several addresses is there several times, with one MAC.
 */
export interface PeerView {
  readonly address: Cidr;
  readonly mac: Mac;
  /** The remote host's address on the underlay ({@link HostView.vtep}). */
  readonly vtep: Ip;
}

/** A network that exists from the start. */
export interface PredefinedNetwork {
  readonly name: string;
  readonly options?: OptionInput;
}

/**
 * A network driver: pure functions from what was asked for to what must exist on this host. It never touches the
 * system, keeps no state and is not called when something is removed: the engine removes what it had planned.
 *
 * Equal views must give equal resources. What a function throws (a NetkitError with a hint, please) refuses the
 * request before anything has changed.
 */
export interface Driver<O extends OptionSet = OptionSet, E extends OptionSet = OptionSet> {
  /** {@link driverApi} at the time of writing. */
  readonly api: number;
  /** What `--driver` says; letters, digits and '-'. */
  readonly name: string;
  readonly summary: string;
  /** Global: the network and its addresses are shared by all hosts of a store. */
  readonly scope: "local" | "global";
  readonly traits: Traits;
  /** Options of a network (`-o key=value`). */
  readonly options: O;
  /** Options of an endpoint (`--opt key=value` of `connect`). */
  readonly endpointOptions: E;
  predefined?(instance: Instance): PredefinedNetwork | undefined;
  /** The families whose subnets have a gateway, at an address that no endpoint gets; without this, all. */
  gateways?(network: Omit<NetworkView<O>, "facts" | "claims" | "subnets">): readonly Family[];
  /** Whether default routes need no gateway, for all that the link is given finds its way; without this, they do. */
  defaultByLink?(network: Omit<NetworkView<O>, "facts" | "claims" | "subnets">): boolean;
  /** The auxiliary addresses that each subnet has: one that isn't asked for is chosen. Without this, none. */
  auxiliary?(network: Omit<NetworkView<O>, "facts" | "claims" | "subnets">): readonly string[];
  facts?(network: Omit<NetworkView<O>, "facts" | "claims" | "subnets">): readonly FactQuery[];
  /** Refuses what can't be on this host, before subnets are chosen: throws. */
  check?(network: Omit<NetworkView<O>, "claims" | "subnets">): void;
  claims?(network: Omit<NetworkView<O>, "claims">): readonly Claim[];
  /** How many endpoints the network has at most on this host; without this, or with undefined, any number. */
  mostEndpoints?(view: NetworkView<O>): number | undefined;
  /** The host address of published ports that name none; without this, or with undefined, all of them. */
  publishAddress?(view: NetworkView<O>): Ip | undefined;
  /**
   * The families in which published ports are ports of the host; without this, all. In the others they are opened on the
   * endpoint alone, and where there is no family no port of the host is taken.
   */
  hostPorts?(view: NetworkView<O>): readonly Family[];
  /** What this host must hold for the network, once. */
  network(view: NetworkView<O>): readonly Resource[];
  /** What this host must hold for one local endpoint. */
  endpoint(view: EndpointView<O, E>): readonly Resource[];
  /**
   * Of a network that others have a say in: its subnets come from there. Such a driver's claims are taken first, without
   * knowing them.
   */
  readonly outside?: Outside<O>;
  /**
   * What this host must hold for remote endpoints and for the other hosts themselves: all of them at once.
   * @param unlisted the VTEPs of hosts that have more than is told of ({@link HostView.finds}); absent: none
   */
  peers?(view: NetworkView<O>, peers: readonly PeerView[], unlisted?: readonly Ip[]): readonly Resource[];
}

/** A driver of any option sets, as registries hold it. */
// oxlint-disable-next-line typescript/no-explicit-any -- the only type that every Driver<O, E> is assignable to: O and E are contravariant
export type AnyDriver = Driver<any, any>;
