import type {
  AnyDriver,
  Cidr,
  Difference,
  Endpoint,
  EndpointAddress,
  EndpointId,
  Family,
  Instance,
  InterfaceSysctls,
  Ip,
  Labels,
  Mac,
  Namespace,
  NamespaceId,
  NetkitError,
  Network,
  NetworkId,
  OptionInput,
  OutsidePeers,
  Owner,
  Plan,
  PortSpec,
  RefusingRoute,
  RemoteEndpoint,
  Resource,
  Sandbox,
  SandboxId,
  SandboxProcess,
  SharedHost,
  Store,
} from "@netkit/core";
import type { SandboxChild, SpawnOptions } from "@netkit/sandbox";

export type FirewallBackend = "auto" | "nftables" | "iptables" | "none";

export interface NetkitOptions {
  /** State directory; default `/var/lib/netkit`. Made with mode 0700 when missing. */
  readonly root?: string;
  /** Drivers at hand. */
  readonly drivers?: readonly AnyDriver[];
  /** Asked for a driver that isn't among `drivers` (lazy loading); undefined: there is none. */
  readonly loadDriver?: (name: string) => Promise<AnyDriver | undefined>;
  /** Names that `loadDriver` can load: for hints and the predefined networks. */
  readonly loadable?: readonly string[];
  /**
   * What publishes ports and masquerades. Default `auto`: what the root has used last, at first what the machine has. Another
   * one than that moves everything there with the next change.
   */
  readonly firewall?: FirewallBackend;
  /** Options of new networks by driver, where a request doesn't say otherwise. */
  readonly networkDefaults?: Readonly<Record<string, OptionInput>>;
  /** What `host-gateway` stands for; default the gateway of the sandbox's default route. At most one of each family. */
  readonly hostGateway?: readonly (Ip | string)[];
  /**
   * For looking alone, and for dry runs: where there is no state yet, none is made, and one on a read-only file system can
   * be read; every change is refused then. Any other state is opened as ever.
   */
  readonly looking?: boolean;
  /** Instead of the embedded store in `root`. */
  readonly store?: Store;
  /** Time of each step and kernel request (`--timings`). */
  readonly onTiming?: (timing: Timing) => void;
  /** What global networks are shared with other hosts by; default a store in `root`, of this host alone. */
  readonly shared?: SharedOptions;
  /** Opens a store by its URL, its keys beginning with `prefix`, for drivers that look beyond this host ({@link World}). */
  readonly openStore?: (url: string, prefix: string) => Promise<Store>;
  /** Serves names in sandboxes and watches over them; without one, sandboxes ask the host's name servers. */
  readonly agent?: AgentLink;
}

export interface SharedOptions {
  /** Opens the store; called when a global network first needs it. */
  readonly open?: () => Promise<Store>;
  /** What tells that store from others: hosts of the one before are forgotten. Default the file, if it is one. */
  readonly id?: string;
  /**
   * In place of a store: the path of a file that lists hosts and networks, alike on all hosts (the README of the overlay driver
   * describes it). It is never written to, and followed by the agent.
   */
  readonly file?: string;
  /**
   * What other hosts reach this one by: a link or one of its addresses. Default the address of the default route's link; on a
   * host without one that shares nothing with others 127.0.0.1.
   */
  readonly advertise?: string;
  /** What this host is called there; default its hostname. */
  readonly name?: string;
  /** How long it is taken to be there after it was last heard of, in ms; default 15,000. */
  readonly leaseMs?: number;
}

/** The way to the agent of the instance, as `@netkit/agent` has one. */
export interface AgentLink {
  /** Engines that each agent of the root serves, whoever starts it, by name: Docker. */
  readonly engines?: readonly string[];
  /**
   * Called after each committed change, before the call that made it returns: then what has changed is served.
   * It must not reject, for the change stands.
   */
  changed(change: CommittedChange): Promise<void>;
  /** Whether an agent answers, and serves that engine. It must not reject. */
  serves(engine?: string): Promise<boolean>;
  /**
   * Called before a change with a namespace that is there, and will have names with it: an agent opens its sockets
   * meanwhile. Undefined if none is running. It must not reject.
   */
  expect?(namespace: NamespaceId): Promise<Expectation | undefined>;
  /**
   * Resolves when an agent, started if there is none, holds this host's lease in the shared store.
   * @throws NetkitError AGENT_UNAVAILABLE, STORE_UNAVAILABLE
   */
  share?(): Promise<void>;
  /** How the agent says that it stands with that store; undefined: none answers. It must not reject. */
  sharing?(): Promise<SharingState | undefined>;
  /**
   * What it says is wrong with that, and with networks that others have a say in; undefined: none answers. It must not
   * reject.
   */
  troubles?(): Promise<readonly Trouble[] | undefined>;
}

/** Disposed of when the change fails. */
export interface Expectation extends Disposable {
  /** Resolves when names are served in the namespace; false if they can't be. It must not reject. */
  met(): Promise<boolean>;
}

export interface CommittedChange {
  /** The store's revision with it. */
  readonly revision: number;
  /** Something needs an agent from now on: if there is none, start one. */
  readonly needed: boolean;
  /** All that it has to open is open ({@link AgentLink.expect}): it is to know of the change, and nobody waits for that. */
  readonly isReady?: boolean;
}

/** A record that was made (no `before`), changed, or removed (no `now`). */
export type RecordChange =
  | { readonly type: "network"; readonly now: Network | undefined; readonly before: Network | undefined }
  | { readonly type: "sandbox"; readonly now: Sandbox | undefined; readonly before: Sandbox | undefined }
  | { readonly type: "namespace"; readonly now: Namespace | undefined; readonly before: Namespace | undefined }
  | { readonly type: "endpoint"; readonly now: Endpoint | undefined; readonly before: Endpoint | undefined }
  | { readonly type: "remote"; readonly now: RemoteEndpoint | undefined; readonly before: RemoteEndpoint | undefined };

/** All records of an instance. */
export interface Records {
  readonly networks: ReadonlyMap<NetworkId, Network>;
  readonly sandboxes: ReadonlyMap<SandboxId, Sandbox>;
  readonly namespaces: ReadonlyMap<NamespaceId, Namespace>;
  readonly endpoints: ReadonlyMap<EndpointId, Endpoint>;
  /** Endpoints of other hosts, and what those hosts themselves have on networks, by `<network>/<endpoint>`. */
  readonly remotes: ReadonlyMap<string, RemoteEndpoint>;
}

/** Records kept up to date in memory. */
export interface Following {
  readonly records: Records;
  /** Takes in all that any process had committed by the call; the revision that this came up to. */
  catchUp(): Promise<number>;
  /** Whether all has been taken in that any process had committed by the call; false where the store can't say at once. */
  isUpToDate(): boolean;
}

export interface Timing {
  /** `lock`, `plan`, `intent`, `commit`, or the kernel request's own words. */
  readonly what: string;
  readonly ms: number;
}

/** On every call that changes something. */
export interface ChangeOptions {
  /** Plan, show the plan to `onPlan`, change nothing. What is returned is what would have been. */
  readonly dryRun?: boolean;
  /** Called with the plan before anything is changed. */
  readonly onPlan?: (preview: Preview) => void;
  /** Undoes what has been done so far and throws CANCELLED. */
  readonly signal?: AbortSignal;
  /** What couldn't be done beside the change, which stands. */
  readonly onWarning?: (error: NetkitError) => void;
}

/** A plan that can be shown. */
export interface Preview {
  readonly title: string;
  readonly plan: Plan;
  /** The processes that are ended before it, by number. */
  readonly ends?: readonly number[];
  /** All of it as shell commands (ip, bridge, nft, sysctl, kill) that make the same when pasted as root. */
  toShell(): string[];
}

/** What is wanted of one subnet, as text or parsed; the rest is filled in. */
export interface SubnetInput {
  /** `192.0.2.0/24`; none: one from the pools. */
  readonly subnet?: Cidr | string;
  readonly gateway?: Ip | string;
  /** The part of the subnet that addresses are handed out of. */
  readonly range?: Cidr | string;
  /** Addresses to keep free, by name. */
  readonly auxiliary?: Readonly<Record<string, Ip | string>>;
}

/** A route of every sandbox on a network, as text or parsed: with a gateway among the neighbours, or of a type that refuses. */
export interface RouteInput {
  /** `192.0.2.0/24` */
  readonly destination: Cidr | string;
  readonly gateway?: Ip | string;
  /**
   * The gateway is a neighbour by another interface of the sandbox, which has to be there first, or come at the same time. With that one
   * the route goes.
   */
  readonly elsewhere?: boolean;
  readonly type?: RefusingRoute;
  /** 32 bits; the lowest counts. Default 100, in IPv6 1024: behind the subnets that a sandbox is on. */
  readonly metric?: number;
}

export interface NetworkRequest {
  readonly name: string;
  /** 64 hex digits that no other network has, for whoever has an id for it already; default: random. */
  readonly id?: string;
  /** Default `bridge`. */
  readonly driver?: string;
  /** None: one is chosen from the pools (and an IPv6 one with `ipv6`). */
  readonly subnets?: readonly SubnetInput[];
  readonly routes?: readonly RouteInput[];
  /** Default true; false makes an IPv6-only network. */
  readonly ipv4?: boolean;
  readonly ipv6?: boolean;
  /** Default true; false makes a network without subnets, whose interfaces have no addresses: whoever is there sees to them. */
  readonly addresses?: boolean;
  readonly internal?: boolean;
  /** No network, but settings for others to be made from. */
  readonly configOnly?: boolean;
  /** The network of that kind that has the subnets, families, options and labels of this one. */
  readonly configFrom?: string;
  readonly options?: OptionInput;
  readonly labels?: Labels;
}

/** A network of another engine's that is one of netkit's, made for it or there before. */
export interface NetworkJoin {
  /** Its id there, 64 hex digits, by which the network is found here as well; that of the network itself if it was made for it. */
  readonly id: string;
  /** As people call it: `Docker`. */
  readonly engine: string;
  /** Which of that engine's it is that has it, in its own words; absent: that isn't known yet. */
  readonly daemon?: string;
  /** Subnets that came with it, whose addresses that engine hands out, and that go with it. */
  readonly subnets?: readonly Cidr[];
  /** What that engine takes for the network's subnets: they are nobody else's as long. */
  readonly pools?: readonly Cidr[];
  /** ISO 8601, UTC. */
  readonly created: string;
}

export interface NetworkJoinRequest extends Omit<NetworkJoin, "created" | "subnets"> {
  /** Further ones of a network of this host, beside its own, of families that it has. */
  readonly subnets?: readonly SubnetInput[];
}

/** Addresses of a network that somebody has who attaches by other means than netkit. */
export interface Loan {
  /** Who has them, in his own words; unique in the network. */
  readonly holder: string;
  /** ISO 8601, UTC. */
  readonly created: string;
  /** Of each family that the network has one, and further ones that were asked for. */
  readonly addresses: readonly EndpointAddress[];
  readonly labels: Labels;
}

export interface LoanRequest {
  /**
   * Absent: the address, which goes by itself then, is kept for an endpoint that another engine will ask for and that takes it over
   * (`handedOver`). One that nobody has come for within a minute is taken back by `gc`; till then it keeps no network, and isn't shown.
   */
  readonly holder?: string;
  /** An address of this subnet alone; default: one of each family. */
  readonly subnet?: Cidr;
  /** Static addresses, at most one per family. */
  readonly ip?: Ip | string;
  readonly ip6?: Ip | string;
  /** Static addresses beside those. */
  readonly furtherIps?: readonly (Ip | string)[];
  /** Opens the namespace that has the addresses: once it is gone, `gc` takes them back. */
  readonly netns?: string;
  readonly labels?: Labels;
}

/** A network with what is attached to it. */
export interface NetworkDetails extends Network {
  /** Of a global network: this host as others know it, once it has had a part in one. */
  readonly host?: SharedHost;
  readonly endpoints: readonly EndpointDetails[];
  /** Of a global network: what other hosts have on it, those hosts themselves included. */
  readonly remotes: readonly RemoteEndpoint[];
  /** Of a network that others have a say in: who else is there, as its driver has it. */
  readonly outsiders: OutsidePeers;
  readonly loans: readonly Loan[];
  readonly joins: readonly NetworkJoin[];
  /** By subnet: addresses in use (gateway and reserved ones included) and how many can still be handed out. */
  readonly usage: Readonly<Record<Cidr, { readonly used: number; readonly available: bigint }>>;
}

/** An endpoint with the names of its network and sandbox. */
export interface EndpointDetails extends Endpoint {
  readonly networkName: string;
  readonly sandboxName: string;
}

export interface Networks {
  create(request: NetworkRequest, options?: ChangeOptions): Promise<Network>;
  /** In order of creation. */
  list(): Promise<Network[]>;
  /** By id, name or unique prefix of an id. */
  get(ref: string): Promise<Network>;
  inspect(ref: string): Promise<NetworkDetails>;
  /**
   * Lends addresses to somebody who attaches by other means than netkit. They are his until they are taken back, at the latest
   * when the host has booted.
   * @throws NetkitError NAME_TAKEN: he has some already; ADDRESS_TAKEN, ADDRESS_OUTSIDE, POOL_EXHAUSTED, UNSUPPORTED
   */
  lend(ref: string, request: LoanRequest, options?: ChangeOptions): Promise<Loan>;
  /** Takes back what a holder has, or a kept address by itself; undefined: there is nothing. */
  takeBack(ref: string, holder: string, options?: ChangeOptions): Promise<Loan | undefined>;
  /**
   * Has a network of another engine's be one that is there: it is found by that id, too, and isn't pruned, and has that engine's
   * subnets as well.
   * @throws NetkitError ARGUMENT_INVALID, UNSUPPORTED, SUBNET_INVALID, SUBNET_OVERLAP; NAME_TAKEN: the id stands for a network already
   */
  join(ref: string, request: NetworkJoinRequest, options?: ChangeOptions): Promise<NetworkJoin>;
  /** Ends that, and the network is netkit's alone; undefined: the id is of none. */
  leave(id: string, options?: ChangeOptions): Promise<NetworkJoin | undefined>;
  /**
   * Another name for a network of this host alone.
   * @throws NetkitError NAME_TAKEN, NAME_INVALID, NETWORK_PREDEFINED, UNSUPPORTED
   */
  rename(ref: string, name: string, options?: ChangeOptions): Promise<Network>;
  /** Refused while endpoints are attached or addresses lent (NETWORK_IN_USE names them). */
  remove(ref: string, options?: ChangeOptions): Promise<Network>;
  /**
   * Removes every user-defined network that has no endpoints, has lent no addresses and that no other engine has joined, or those of them that `filter` accepts; settings for others
   * (`configOnly`) stay.
   */
  prune(options?: ChangeOptions & { readonly filter?: (network: Network) => boolean }): Promise<Network[]>;
  /**
   * A subnet that a new network would get now, for whoever has to know it before there is a network.
   * @param taken what others hold in the same way
   * @throws NetkitError POOL_EXHAUSTED
   */
  freeSubnet(family: Family, taken?: readonly Cidr[]): Promise<Cidr>;
}

export interface EndpointRequest {
  /** Name, id or unique prefix; or `<driver>:<sandbox>` for a driver that joins (`container:web`). */
  readonly network: string;
  /** Static addresses, at most one per family. */
  readonly ip?: Ip | string;
  readonly ip6?: Ip | string;
  /** Static addresses beside the one that it has of each family, to which published ports and default routes go. */
  readonly furtherIps?: readonly (Ip | string)[];
  readonly mac?: Mac | string;
  readonly aliases?: readonly string[];
  /** Port specs, as text in Docker's grammar or parsed. */
  readonly publish?: readonly (PortSpec | string)[];
  /** The interface's name in the sandbox; default the first that is free of eth0, eth1, ... */
  readonly ifName?: string;
  /** What the interface's name begins with where it isn't given; default `eth`, in a guest `nk`. */
  readonly ifPrefix?: string;
  /** Of a sandbox's networks that lead out, the one with the highest has the default route; default 0. */
  readonly gatewayPriority?: number;
  /**
   * Of its default routes, 32 bits: they stand beside those of endpoints with other metrics, and the lowest counts. Of one metric
   * `gatewayPriority` decides. Default the kernel's: 0, in IPv6 1024.
   */
  readonly metric?: number;
  /** Further addresses in 169.254.0.0/16 or fe80::/64. */
  readonly linkLocal?: readonly (Ip | string)[];
  /** Settings of the interface: `net.ipv4.conf.IFNAME.log_martians`, IFNAME as it is. */
  readonly sysctls?: InterfaceSysctls;
  /** Of the network's driver, and `ifname` and `sysctls` by Docker's names. */
  readonly options?: OptionInput;
  readonly labels?: Labels;
  /**
   * Another engine has it and may change the interface afterwards: its MAC, its MTU and whether it is up are no drift then. It may
   * hold the ports of the host, too: the agent doesn't.
   */
  readonly tunable?: boolean;
  /** It holds them already, so that they are no other process's: sockets of the host don't count. */
  readonly portsHeld?: boolean;
  /** 64 hex digits that no other endpoint has; default: random. */
  readonly id?: string;
  /**
   * Another engine moves the interface into the sandbox and sets up all that is inside: name, addresses, routes. It begins in the
   * host's namespace as {@link Endpoint.ifName}, and an `ip` that was kept (see {@link LoanRequest}) is taken over.
   */
  readonly handedOver?: boolean;
  /**
   * Another engine has made the interface `ifName` in a namespace of its own, with these addresses (and prefix lengths), which may be
   * of no subnet of the network: it gets names and published ports, and nothing else of netkit's. `link` is the link of the
   * host that leads to it, which ports need.
   */
  readonly theirs?: { readonly addresses: readonly (Cidr | string)[]; readonly link?: string };
  /**
   * Another engine has the namespace, its files, its name server and its default route; the interface is made there by netkit, with
   * all that is its own.
   */
  readonly leavesDefaultRoute?: boolean;
}

export interface SandboxRequest {
  /** Default: two words and a number, as Docker does. */
  readonly name?: string;
  /** Default: none (a loopback alone, no network). The CLI says `bridge`. */
  readonly networks?: readonly (EndpointRequest | string)[];
  /** Adopt a namespace that somebody else made; never removed by netkit. */
  readonly netns?: string;
  /** The namespace at `netns` may come later, within a minute: whoever makes it uses no path twice. */
  readonly awaited?: boolean;
  /** Adopt the namespace of a process. */
  readonly pid?: number;
  readonly hostname?: string;
  readonly domainname?: string;
  readonly dns?: {
    readonly servers?: readonly (Ip | string)[];
    readonly search?: readonly string[];
    readonly options?: readonly string[];
  };
  /** Lines of /etc/hosts; the address `host-gateway` stands for the host's own, as the sandbox reaches it. */
  readonly hosts?: readonly { readonly address: Ip | string; readonly name: string }[];
  /** Settings of its namespace: `net.ipv4.ip_unprivileged_port_start`. For namespaces that netkit makes. */
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly labels?: Labels;
  /** Remove it when the process that `run` starts has ended; at the latest with the next command. */
  readonly autoRemove?: boolean;
}

/** What runs already in a network namespace that others have made, such as another engine's container. */
export interface GuestRequest {
  /** What others call it. Where another sandbox has the name, its own has a number behind it, and this is an alias. */
  readonly name: string;
  /** The process that it goes with, whose namespace it is in; or the path of that, with which it goes then. */
  readonly place: { readonly pid: number } | { readonly netns: string };
  /** Further names, on networks that have any. */
  readonly aliases?: readonly string[];
  readonly labels?: Labels;
}

export interface SandboxDetails extends Sandbox {
  readonly owner: Namespace["owner"];
  /** The path that opens its network namespace. */
  readonly netns: string;
  readonly endpoints: readonly EndpointDetails[];
  /** Other sandboxes in the same namespace. */
  readonly members: readonly string[];
  /** `running`: its process lives; `exited`: it has ended; `idle`: none was started; `gone`: the namespace is. */
  readonly state: "running" | "exited" | "idle" | "gone";
}

export interface Sandboxes {
  /** Makes (or adopts, or joins) a namespace and connects it: all or nothing. */
  open(request?: SandboxRequest, options?: ChangeOptions): Promise<SandboxHandle>;
  /**
   * Connects what runs already, by the sandbox that it has, or one that is made for it and goes with its last endpoint. The agent
   * removes it when the process or namespace is gone, without one the next opening or `gc`. Nothing inside is netkit's but interfaces.
   * @throws NetkitError NAMESPACE_NOT_FOUND; NAMESPACE_ADOPTED: it is the host's, or another engine connects it to networks of
   * netkit's
   */
  join(guest: GuestRequest, endpoint: EndpointRequest, options?: ChangeOptions): Promise<Endpoint>;
  /** The sandbox in that namespace, if there is one. @throws NetkitError NAMESPACE_NOT_FOUND, NAMESPACE_ADOPTED: it is the host's */
  at(place: GuestRequest["place"]): Promise<SandboxHandle | undefined>;
  list(): Promise<SandboxDetails[]>;
  get(ref: string): Promise<SandboxHandle>;
  /**
   * Disconnects and removes it. Refused (SANDBOX_IN_USE) while its process lives, unless `force` (then it is killed), and while its
   * namespace is there and another engine's, unless `force` (as that engine does).
   */
  remove(ref: string, options?: ChangeOptions & { readonly force?: boolean }): Promise<Sandbox>;
  /** Removes all of them or none: those that share a namespace, and it with them. */
  removeAll(refs: readonly string[], options?: ChangeOptions & { readonly force?: boolean }): Promise<Sandbox[]>;
}

/** What others know a sandbox by; what is absent stays as it is. */
export interface SandboxNames {
  readonly name?: string;
  readonly hostname?: string;
  /** By the id of the network. */
  readonly aliases?: Readonly<Record<NetworkId, readonly string[]>>;
}

export type RunOptions = Pick<SpawnOptions, "stdio" | "env" | "cwd" | "detached" | "signal">;

/** A sandbox to work with. `await using` removes it at the end of the block. */
export interface SandboxHandle extends AsyncDisposable {
  readonly id: Sandbox["id"];
  readonly name: string;
  /** Opens the network namespace; undefined: the host's. */
  readonly netns: string | undefined;
  inspect(): Promise<SandboxDetails>;
  connect(request: EndpointRequest | string, options?: ChangeOptions): Promise<Endpoint>;
  connect(network: string, request: Omit<EndpointRequest, "network">, options?: ChangeOptions): Promise<Endpoint>;
  disconnect(network: string, options?: ChangeOptions): Promise<Endpoint>;
  /**
   * Publishes further ports on a live endpoint; without a network on that of the only one that can.
   * @param options `portsHeld`: as in {@link EndpointRequest}
   */
  publish(
    network: string | undefined,
    ports: readonly (PortSpec | string)[],
    options?: ChangeOptions & Pick<EndpointRequest, "portsHeld">,
  ): Promise<Endpoint>;
  /** Withdraws ports; without a network those of the only endpoint that publishes any, or else these. */
  unpublish(
    network: string | undefined,
    ports: readonly (PortSpec | string)[],
    options?: ChangeOptions,
  ): Promise<Endpoint>;
  /**
   * Gives other names to a sandbox whose interfaces were handed over.
   * @throws NetkitError UNSUPPORTED for any other, NAME_TAKEN, NAME_INVALID
   */
  rename(names: SandboxNames, options?: ChangeOptions): Promise<Sandbox>;
  /** Has it ask other name servers for what has no name on its networks; none: those of the host. */
  setNameServers(servers: readonly (Ip | string)[], options?: ChangeOptions): Promise<Sandbox>;
  /** Starts a process in it: its network, its resolv.conf, hosts and hostname. */
  run(command: readonly string[], options?: RunOptions): Promise<SandboxChild>;
  /** As {@link run}, and recorded as the sandbox's own process, by which `list` tells whether it lives. */
  start(command: readonly string[], options?: RunOptions): Promise<SandboxChild>;
  /** Disconnects and removes it; a live process is killed first. */
  close(): Promise<void>;
}

/** One thing that `doctor` found. */
export interface Finding {
  /**
   * `missing` and `different`: a stored resource in the kernel; `stray`: netkit's mark, but nothing stored implies it;
   * `gone`: a sandbox whose namespace is gone, or an address that was kept for somebody who never came; `ended`: a sandbox to be removed whose process has ended;
   * `journal`: an operation that was cut off; `foreign`: somebody else's rule that drops netkit's traffic; `overlap`: a
   * route of the host that takes addresses of a network (these two are warnings: netkit's own is as it should be);
   * `unserved`: names or ports that only an agent serves, while none answers; `unshared`: what keeps this host and others from
   * knowing the same of their networks, or from reaching each other there;
   * `edited`: a file of a sandbox that somebody has written into, which is their right: for information;
   * `peers-file`: the file that hosts share instead of a store is wrong, or something here is otherwise than it says.
   */
  readonly problem:
    | "missing"
    | "different"
    | "stray"
    | "gone"
    | "ended"
    | "journal"
    | "foreign"
    | "overlap"
    | "unserved"
    | "unshared"
    | "edited"
    | "peers-file";
  /** What it is, in words: `bridge netkit0`, `sandbox web`. */
  readonly object: string;
  readonly owner?: Owner;
  readonly resource?: Resource;
  readonly differences?: readonly Difference[];
  readonly message: string;
  /** What to do about it, where `repair` does nothing. */
  readonly hint?: string;
  /** Commands that end it, for whoever owns what is in the way. */
  readonly remedy?: readonly string[];
  /** `repair` mends it (a foreign setting is never changed). */
  readonly repairable: boolean;
}

export interface Report {
  readonly findings: readonly Finding[];
  /** With repair: those that were mended. */
  readonly repaired: readonly Finding[];
  /** How many resources were compared. */
  readonly checked: number;
}

export interface Info {
  readonly instance: Instance;
  readonly firewall: string;
  readonly drivers: readonly string[];
  readonly networks: number;
  readonly sandboxes: number;
  readonly endpoints: number;
  readonly kernel: string;
}

/** How this host stands with the store that hosts share. */
export interface SharingState {
  /** It has a lease that lives: others know what it has. */
  readonly holdsLease: boolean;
  /** The store doesn't answer, since then (ISO 8601, UTC), and why. */
  readonly away?: { readonly since: string; readonly message: string };
  /**
   * What is wrong for as long as it is: another host has an address of this one's, this host's own is gone, or its kernel doesn't
   * take what is for an endpoint elsewhere.
   */
  readonly troubles: readonly Trouble[];
}

/** What is wrong for as long as it is, and the next step. */
export interface Trouble {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

/** Why this host and others that share its store hear nothing of each other. */
export type OutOfTouch = { readonly message: string; readonly hint: string } & (
  | { readonly lacks: "store"; /** ISO 8601, UTC. */ readonly since: string }
  /** With whether this host has sandboxes on global networks. */
  | { readonly lacks: "agent"; readonly isOnSome: boolean }
);

/** The replicator of an instance: see {@link Netkit.replicate}. */
export interface Replication {
  /** @param isHere whether an endpoint is there still: what was wrong with one that has gone is no trouble any more */
  state(isHere: (endpoint: EndpointId) => boolean): SharingState;
  /** The file that hosts share instead of a store, if they do, and why what it says doesn't hold, or not for all that is here. */
  readonly file: { readonly path: string; readonly troubles: readonly NetkitError[] } | undefined;
  /**
   * Resolves when it has one, and all was taken in that others had written before the call.
   * @throws NetkitError STORE_UNAVAILABLE
   */
  ready(): Promise<void>;
  /** Where no global network is on this host, others forget it at once; otherwise when its lease ends. */
  close(): Promise<void>;
}

/** What follows the networks that others have a say in: see {@link Netkit.attend}. */
export interface Attending {
  /** How many networks there are of that kind. */
  readonly size: number;
  /** What is wrong with them for as long as it is. */
  readonly troubles: readonly Trouble[];
  /** Begins with the networks that have come, ends with those that have gone. */
  settle(networks: Iterable<Network>): void;
  /** Their places stay theirs. */
  close(): Promise<void>;
}

/** A host of the store that hosts share. */
export interface HostDetails extends SharedHost {
  /** It is this one. */
  readonly isThis: boolean;
  /**
   * `up`: it has a lease, as far as this host knows; `down`: it has none, and other hosts know nothing of what it has;
   * `listed`: it is in the file that hosts share, and nobody tells how it is.
   */
  readonly state: "up" | "down" | "listed";
  /**
   * Of one that is down: when this host heard of it (ISO 8601, UTC), or, of itself, since when the store is away. Another one is
   * forgotten after a day.
   */
  readonly since?: string;
  /** How many endpoints it has on global networks. */
  readonly endpoints: number;
}

/** A sandbox on another host that has the name of one of this host, on a network that both are on. */
export interface Namesake {
  readonly network: string;
  readonly host: Pick<SharedHost, "id" | "name">;
}

/**
 * What is tested of another host of a global network; of this one `device` and `address` are. Of one that is down and no peer any
 * more: `host`.
 */
export type PeerTest = "host" | "device" | "address" | "firewall" | "entries" | "underlay" | "tunnel" | "mtu";

/** What a test has found wrong, and the next step. */
export interface PeerFault {
  readonly test: PeerTest;
  readonly message: string;
  readonly hint: string;
}

export interface PeerOutcome {
  /** `skipped`: it means nothing here, or something else says enough. */
  readonly state: "passed" | "failed" | "skipped";
  /** The round trip of one that asked the other host. */
  readonly ms?: number;
  /** How many requests went unanswered before one was answered. */
  readonly lost?: number;
}

/** Another host that has a global network, as seen from this one. */
export interface PeerCheck {
  readonly host: Pick<SharedHost, "id" | "name" | "vtep">;
  /** Its own addresses in the network. */
  readonly addresses: readonly Cidr[];
  /** The network's MTU there, as far as it is known. */
  readonly mtu?: number;
  /** What this host holds for it and its endpoints: forwarding and neighbour entries, routes. */
  readonly entries: PeerOutcome;
  /** It answers where its tunnels end. */
  readonly underlay: PeerOutcome;
  /** It answers in the network, or a sandbox that a file lists on it; skipped where no address there is known. */
  readonly tunnel: PeerOutcome;
  /** So do packets of the network's MTU, whole, there and back. */
  readonly path: PeerOutcome;
  readonly faults: readonly PeerFault[];
}

/** A global network on this host, and the others that have it. */
export interface NetworkCheck {
  readonly network: Pick<Network, "id" | "name" | "driver" | "claims">;
  /** False: no sandbox of this host is on it, so that there is nothing to test. */
  readonly isHere: boolean;
  readonly vtep?: Ip;
  readonly mtu?: number;
  /** What is wrong with this host's own part, and which hosts are down that were on the network. */
  readonly faults: readonly PeerFault[];
  readonly peers: readonly PeerCheck[];
}

export interface PeerCheckOptions {
  /** Default: all global networks. */
  readonly networks?: readonly string[];
  /** How long other hosts may take to answer, all at once, in ms. Default 3,000. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Of all requests, how many have been answered. */
  readonly onProgress?: (answered: number, of: number) => void;
}

export interface Netkit extends AsyncDisposable {
  readonly instance: Instance;
  readonly networks: Networks;
  readonly sandboxes: Sandboxes;
  /** The driver of that name, loaded if need be; DRIVER_UNKNOWN names the nearest. */
  driver(name: string): Promise<AnyDriver>;
  /** Compares everything stored with the kernel; with `repair` applies the difference. */
  doctor(options?: ChangeOptions & { readonly repair?: boolean }): Promise<Report>;
  /**
   * What of an endpoint's own isn't in the kernel as it is stored: `doctor`, for that endpoint alone. Changes nothing.
   * @throws NetkitError ENDPOINT_NOT_FOUND
   */
  examine(endpoint: EndpointId): Promise<Finding[]>;
  /**
   * What of other people's firewall rules drops the traffic of a sandbox; `doctor` tells it of all networks. Where there are
   * no such rules it costs one request to the kernel.
   */
  foreign(sandbox: string): Promise<Finding[]>;
  /** Sandboxes of other hosts with a sandbox's name, on networks that it is on: there the name is that of all of them. */
  namesakes(sandbox: string): Promise<Namesake[]>;
  /** Networks of which a route of the host takes addresses; `doctor` tells of them, too. */
  overlaps(): Promise<Finding[]>;
  /**
   * Makes all firewall rules anew where somebody has flushed them, as `doctor` with `repair` does: for engines whose users reload
   * networks after that. Where any are there it costs one question.
   */
  restoreFirewall(): Promise<void>;
  /** Removes what nobody needs: strays, ended and gone sandboxes. */
  gc(options?: ChangeOptions): Promise<Finding[]>;
  info(): Promise<Info>;
  /** The hosts that share networks, this one first; empty where none of them was ever used. */
  hosts(): Promise<HostDetails[]>;
  /** How this host stands with their store, as its agent says; undefined: there is none, or no agent answers. */
  sharing(): Promise<SharingState | undefined>;
  /** Why this host and others hear nothing of each other; undefined: they do, as far as it knows. */
  outOfTouch(): Promise<OutOfTouch | undefined>;
  /**
   * Tests the way to every other host of global networks, and what this one holds for it; changes nothing.
   * @throws NetkitError UNSUPPORTED for a network that is of this host alone
   */
  checkPeers(options?: PeerCheckOptions): Promise<NetworkCheck[]>;
  /**
   * Takes what other hosts do into this host's state, and keeps this host's lease: for the agent, one at a time. Undefined where
   * no other store is named than that of this host alone. It starts whether the store is there or not; a file has to be right the
   * first time that it is used. Without either, this host forgets what it had of others before.
   * @param onError what goes wrong meanwhile
   * @throws NetkitError LINK_NOT_FOUND, ARGUMENT_INVALID: this host hasn't, and never had, what it is to advertise
   */
  replicate(onError: (error: NetkitError) => void): Promise<Replication | undefined>;
  /**
   * Follows the networks that others have a say in ({@link Outside}): for the agent, one at a time.
   * @param onError what goes wrong meanwhile
   */
  attend(onError: (error: NetkitError) => void): Promise<Attending>;
  /** Reads all records, reporting each as made; later changes are reported by {@link Following.catchUp}. */
  follow(onChange: (change: RecordChange) => void): Promise<Following>;
  close(): Promise<void>;
}

export type { SandboxProcess };
