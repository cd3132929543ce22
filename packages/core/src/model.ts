import type { Cidr, Ip, Mac } from "./address.ts";
import type { EndpointAddress, Facts, HostView, PublishedPort, Subnet } from "./driver.ts";
import type { InterfaceSysctls } from "./endpoint-option.ts";
import type { EndpointId, HostId, NamespaceId, NetworkId, SandboxId } from "./ids.ts";
import type { NetworkRoute } from "./network-route.ts";
import type { OptionInput } from "./option.ts";

export type Labels = Readonly<Record<string, string>>;

/** Times are ISO 8601 in UTC. */
interface Record_ {
  readonly created: string;
  readonly labels: Labels;
}

/** What networks are made from, as it was asked for: it is checked by the driver of each. */
export interface NetworkSettings {
  readonly subnets: readonly SubnetRequest[];
  readonly routes?: readonly NetworkRoute[];
  readonly ipv4: boolean;
  readonly options: OptionInput;
}

/** A network as stored. */
export interface Network extends Record_ {
  readonly id: NetworkId;
  readonly name: string;
  readonly driver: string;
  readonly scope: "local" | "global";
  readonly predefined: boolean;
  readonly internal: boolean;
  readonly ipv6: boolean;
  /** It holds settings that others are made from (`--config-only`), and nothing can be attached to it. */
  readonly configOnly?: NetworkSettings;
  /** The name of the network that its settings are from. */
  readonly configFrom?: string;
  /** Empty for drivers without addresses, for a network that is to have none, and for a predefined network until its first endpoint. */
  readonly subnets: readonly Subnet[];
  /** Routes of every sandbox on it; absent: none. */
  readonly routes?: readonly NetworkRoute[];
  /** By canonical name, defaults included. */
  readonly options: Readonly<Record<string, unknown>>;
  /** What its plan was made from; frozen at creation. */
  readonly facts: Facts;
  readonly claims: Readonly<Record<string, string>>;
  /** Its kernel objects are planned and made. */
  readonly realised: boolean;
  /** Its gateways are no addresses of the host: see the trait. */
  readonly besideHost?: boolean;
  /** Its default routes need no gateway. */
  readonly defaultByLink?: boolean;
  /** An address was used here with a MAC that doesn't follow from it: endpoints announce theirs to their neighbours. */
  readonly announces?: boolean;
  /** Of a global network: how it stands with the store that hosts share. */
  readonly share?: NetworkShare;
  /** Hosts share it by a file; the subnets' ranges are this host's. */
  readonly listed?: NetworkListing;
}

/** What a file that hosts share, rather than a store, says of a network for one host. */
export interface NetworkListing {
  /** Its path. */
  readonly file: string;
  /** Sandboxes of this host, by name, that other hosts know: nobody else here has their addresses. */
  readonly sandboxes: Readonly<Record<string, ListedSandbox>>;
}

export interface ListedSandbox {
  readonly ip?: Ip;
  readonly ip6?: Ip;
  readonly mac?: Mac;
}

/** What a host keeps of a global network beside the record that all hosts have. */
export interface NetworkShare {
  /** That of the shared record; 0: not known yet. */
  readonly revision: number;
  /** Somebody is about to remove it: nothing can be attached to it. */
  readonly removing?: boolean;
  /** This host's part, while the network is realised. */
  readonly host?: HostView;
  /** The id of the record that tells other hosts of that part. */
  readonly part?: EndpointId;
}

/** A host as others know it. */
export interface SharedHost {
  readonly id: HostId;
  readonly name: string;
  /** Its address on the underlay, where tunnels end. */
  readonly vtep: Ip;
  readonly mtu: number;
}

/** An endpoint of a global network on another host, or that host's own part in the network. */
export interface RemoteEndpoint {
  readonly id: EndpointId;
  readonly network: NetworkId;
  readonly host: HostId;
  readonly hostName: string;
  readonly vtep: Ip;
  readonly mac: Mac;
  /** Each with its subnet's prefix length. */
  readonly addresses: readonly Cidr[];
  readonly linkLocal?: readonly Cidr[];
  /** Who is called what; absent: it is the host itself. */
  readonly sandbox?: RemoteSandbox;
  /** Beside what is told of, the host has more, and an address of its own: the record stands for all that. */
  readonly unlisted?: true;
  /** Of the host itself: the MTU of its underlay link that it has made the network with. */
  readonly mtu?: number;
}

export interface RemoteSandbox {
  readonly id: SandboxId;
  readonly name: string;
  readonly hostname: string;
  readonly aliases: readonly string[];
}

/** A sandbox's attachment to a network, as stored. */
export interface Endpoint {
  readonly id: EndpointId;
  readonly network: NetworkId;
  /** The sandbox that asked for it; the endpoint belongs to that sandbox's namespace. */
  readonly sandbox: SandboxId;
  readonly namespace: NamespaceId;
  readonly created: string;
  /** "" for networks without interfaces. */
  readonly ifName: string;
  /** Absent where interfaces have the MAC of a link that they lie on. */
  readonly mac?: Mac;
  readonly addresses: readonly EndpointAddress[];
  readonly ports: readonly PublishedPort[];
  readonly aliases: readonly string[];
  readonly defaultRoute: readonly ("ipv4" | "ipv6")[];
  /** Families whose default route it has too, but with a higher {@link metric} than another endpoint's; absent: none. */
  readonly laterRoute?: readonly ("ipv4" | "ipv6")[];
  /** Of its default routes: those of several metrics stand beside each other, and the lowest counts; absent: 0, in IPv6 1024. */
  readonly metric?: number;
  /** Of a sandbox's endpoints with one {@link metric} the one with the highest has the default route; absent: 0. */
  readonly gatewayPriority?: number;
  /** Further addresses of the interface that no IPAM hands out: 169.254.0.0/16 and fe80::/64. */
  readonly linkLocal?: readonly Cidr[];
  readonly sysctls?: InterfaceSysctls;
  /** Another engine takes the interface from the host's namespace, where it is {@link ifName}, and sets up all that is inside. */
  readonly handedOver?: true;
  /** Another engine has made the interface and sees to its addresses, which may be of no subnet of the network. */
  readonly theirs?: TheirInterface;
  /** Another engine chooses the default route of the namespace, among all interfaces there: none is netkit's. */
  readonly leavesDefaultRoute?: true;
  readonly options: Readonly<Record<string, unknown>>;
  /** Absent: none. */
  readonly labels?: Labels;
  /** Another engine has it, may change its interface (see the resources of links) and hold its ports of the host. */
  readonly tunable?: true;
}

/** How the host gets to an interface that another engine has made. */
export interface TheirInterface {
  /** The link of the host that leads there, a bridge say; absent: none, and no port can be published. */
  readonly link?: string;
  /** That link is the network's own. */
  readonly isNetworks?: true;
}

/** A network namespace, as stored. A joined sandbox is a further member. */
export interface Namespace {
  readonly id: NamespaceId;
  /** netkit made it and removes it with its last member; or a stranger did, and netkit never removes it. */
  readonly owner: "netkit" | "stranger" | "host";
  /** Where to open it: `/run/netns/<name>`, `/proc/<pid>/ns/net`, or a path that the caller gave. */
  readonly path: string;
  /** The name under /run/netns, as `ip netns` shows it; netkit's own namespaces only. */
  readonly name?: string;
  /**
   * SO_NETNS_COOKIE (asm-generic/socket.h), decimal: tells a namespace from a later one at the same path. "" of a stranger's
   * that wasn't there yet: then whoever makes it uses no path twice.
   */
  readonly cookie: string;
  /** /proc/sys/kernel/random/boot_id: cookies start again with each boot. */
  readonly boot: string;
  readonly members: readonly SandboxId[];
  /** The container that it was made for is off all its networks, and has left it to those that had joined it. */
  readonly left?: true;
}

/** Where a sandbox finds its name server, as in Docker. */
export const resolverAddress: Ip = "127.0.0.11" as Ip;

/** Where one finds netkit's whose interfaces another engine has, which is at {@link resolverAddress} itself. */
export const secondResolverAddress: Ip = "127.0.0.12" as Ip;

/** Sandboxes on it find each other by name: those of predefined networks don't, as in Docker. */
export function hasNames({
  predefined,
  subnets,
  options,
}: Pick<Network, "predefined" | "subnets" | "options">): boolean {
  return !predefined && subnets.length > 0 && options["names"] !== false;
}

/** DNS settings, as in resolv.conf(5). */
export interface DnsConfig {
  readonly servers: readonly Ip[];
  readonly search: readonly string[];
  readonly options: readonly string[];
}

/** A line of /etc/hosts that was asked for; `host-gateway` stands for the host's addresses as the sandbox reaches them. */
export interface ExtraHost {
  readonly address: Ip | "host-gateway";
  readonly name: string;
}

/** A process in a sandbox, told from a later one with the same pid by its start time. */
export interface SandboxProcess {
  readonly pid: number;
  /** Clock ticks since boot, field 22 of /proc/pid/stat (proc(5)). */
  readonly startTime: string;
  readonly boot: string;
  readonly command: readonly string[];
}

export interface Sandbox extends Record_ {
  readonly id: SandboxId;
  readonly name: string;
  readonly namespace: NamespaceId;
  readonly hostname: string;
  /** NIS domain name, and what the hostname's full form ends in. */
  readonly domainname?: string;
  readonly dns: DnsConfig;
  readonly hosts: readonly ExtraHost[];
  /** Settings of its namespace by their dotted names. */
  readonly sysctls?: Readonly<Record<string, string>>;
  /** An agent serves it names: on networks that have them its resolv.conf names {@link resolverAddress} alone. */
  readonly names: boolean;
  /** An agent serves names inside at this address, for whoever asks there: the one of its resolv.conf is another engine's. */
  readonly resolver?: Ip;
  /** Remove the sandbox when its process has ended. */
  readonly autoRemove: boolean;
  /** The process that `run` started, if any; of a guest the one that it goes with, which netkit never ends. */
  readonly process?: SandboxProcess;
  /** It stands for what others run in a namespace of theirs, has no files of netkit's, and goes with its last endpoint. */
  readonly guest?: true;
}

/** What `network create` asks for in one subnet; the engine fills in the rest. */
export interface SubnetRequest {
  readonly subnet?: Cidr;
  readonly gateway?: Ip;
  readonly range?: Cidr;
  readonly auxiliary?: Readonly<Record<string, Ip>>;
}
