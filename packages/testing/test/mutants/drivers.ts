import { execFileSync } from "node:child_process";
import {
  ipOf,
  prefixLengthOf,
  type AnyDriver,
  type Cidr,
  type EndpointView,
  type Ip,
  type Mac,
  type NetworkView,
  type OpenResource,
  type PeerView,
  type PublishResource,
  type Resource,
} from "@netkit/core";
import { bridge } from "@netkit/driver-bridge";
import { none } from "@netkit/driver-none";
import { overlay } from "@netkit/driver-overlay";

/** A driver that is wrong in one way, and the case that has to find it out. */
export interface Mutant {
  readonly killedBy: string;
  readonly driver: AnyDriver;
}

type Edit<V> = (resources: readonly Resource[], view: V) => readonly Resource[];

const base: AnyDriver = bridge();

function onNetwork(killedBy: string, edit: Edit<NetworkView>, driver: AnyDriver = base): Mutant {
  return { killedBy, driver: { ...driver, network: (view: NetworkView) => edit(driver.network(view), view) } };
}

function onEndpoint(killedBy: string, edit: Edit<EndpointView>): Mutant {
  return { killedBy, driver: { ...base, endpoint: (view: EndpointView) => edit(base.endpoint(view), view) } };
}

/** Changes the resources of one kind; undefined leaves one out. */
function each<K extends Resource["kind"], V>(
  kind: K,
  change: (resource: Extract<Resource, { kind: K }>, view: V) => Resource | undefined,
): Edit<V> {
  return (resources, view) =>
    resources.flatMap((resource) =>
      resource.kind === kind ? (change(resource as Extract<Resource, { kind: K }>, view) ?? []) : [resource],
    );
}

const shared: AnyDriver = overlay();

function onPeers(
  killedBy: string,
  edit: (resources: readonly Resource[], view: NetworkView, peers: readonly PeerView[]) => readonly Resource[],
): Mutant {
  const peersOf = (view: NetworkView, peers: readonly PeerView[]): readonly Resource[] =>
    edit(shared.peers?.(view, peers) ?? [], view, peers);
  return { killedBy, driver: { ...shared, peers: peersOf } };
}

const drop = (): undefined => undefined;
const withoutFilter = <P extends PublishResource | OpenResource>(resource: P): Omit<P, "from"> => {
  const { from: _, ...port } = resource;
  return port;
};
const flag = base.options["icc"];

/** Found without a kernel. */
export const contractMutants: Readonly<Record<string, Mutant>> = {
  otherApi: { killedBy: "DRV-DECLARE-001", driver: { ...base, api: base.api + 1 } },
  nameWithCapital: { killedBy: "DRV-DECLARE-002", driver: { ...base, name: "Bridge" } },
  familiesWithoutAddresses: {
    killedBy: "DRV-DECLARE-003",
    driver: { ...base, traits: { ...base.traits, addresses: "none" } },
  },
  besideAHostWithItsPorts: {
    killedBy: "DRV-DECLARE-003",
    driver: { ...base, traits: { ...base.traits, besideHost: true } },
  },
  peersOfOneHost: { killedBy: "DRV-DECLARE-003", driver: { ...base, peers: () => [] } },
  hostAddressesOfOneHost: {
    killedBy: "DRV-DECLARE-003",
    driver: { ...base, traits: { ...base.traits, hostAddresses: true } },
  },
  findsOnOneHost: { killedBy: "DRV-DECLARE-003", driver: { ...base, traits: { ...base.traits, finds: true } } },
  checkThatBreaks: {
    killedBy: "DRV-REFUSE-001",
    driver: {
      ...base,
      check() {
        throw new TypeError("broken");
      },
    },
  },
  defaultThatIsRefused: {
    killedBy: "DRV-OPTIONS-001",
    driver: { ...base, options: { ...base.options, icc: { ...flag, default: "maybe" } } },
  },
  aliasOfTwoOptions: {
    killedBy: "DRV-OPTIONS-002",
    driver: { ...base, options: { ...base.options, masquerade: { ...flag, aliases: ["icc"] } } },
  },
  optionOfTheEngine: {
    killedBy: "DRV-OPTIONS-004",
    driver: {
      ...base,
      endpointOptions: { interface: { ...flag, aliases: ["com.docker.network.endpoint.ifname"] } },
    },
  },
  networkOptionOfTheEngine: {
    killedBy: "DRV-OPTIONS-004",
    driver: { ...base, options: { ...base.options, announcements: { ...flag } } },
  },
  randomMac: onNetwork(
    "DRV-PURE-001",
    each("bridge", (link) => ({
      ...link,
      mac: `02:6b:00:00:00:${String(10 + Math.floor(Math.random() * 90))}` as Mac,
    })),
  ),
  writesIntoTheView: onEndpoint("DRV-PURE-002", (resources, view) => {
    (view.addresses as unknown[]).reverse();
    return resources;
  }),
  refusesWithATypeError: onNetwork("DRV-REFUSE-001", (resources, { subnets }) => {
    if (subnets.length > 1) throw new TypeError("two subnets");
    return resources;
  }),
  addressTwice: onEndpoint("DRV-RESOURCE-001", (resources) => [
    ...resources,
    ...resources.filter(({ kind }) => kind === "address"),
  ]),
  networkInASandbox: onNetwork(
    "DRV-RESOURCE-002",
    each("address", (address, { id }) => ({ ...address, ns: id as never })),
  ),
  longName: onEndpoint(
    "DRV-RESOURCE-003",
    each("veth", (veth) => ({ ...veth, name: `${veth.name}-at-the-host` })),
  ),
  nameThatNftReads: onNetwork(
    "DRV-RESOURCE-003",
    each("bridge", (link) => ({ ...link, name: "fwd" })),
  ),
  hostBitsWithoutLength: onNetwork(
    "DRV-RESOURCE-003",
    each("masquerade", (nat) => ({ ...nat, subnet: ipOf(nat.subnet) as string as Cidr })),
  ),
  sysctlOutsideNet: onNetwork(
    "DRV-RESOURCE-003",
    each("sysctl", (sysctl) => ({ ...sysctl, path: "kernel/panic" })),
  ),
  untrackedPortOfNone: onNetwork(
    "DRV-RESOURCE-003",
    each("untracked", (tunnels) => ({ ...tunnels, port: 0 })),
    shared,
  ),
  portOfAnotherBridge: onEndpoint(
    "DRV-RESOURCE-004",
    each("veth", (veth) => ({ ...veth, master: "docker0" })),
  ),
  redirectionToNowhere: onEndpoint(
    "DRV-RESOURCE-004",
    each("redirect", (redirect) => ({ ...redirect, to: "ifb0" })),
  ),
  oneBridgeForAll: onNetwork(
    "DRV-RESOURCE-005",
    each("bridge", (link) => ({ ...link, name: "nk0" })),
  ),
  longerPrefix: onEndpoint(
    "DRV-ADDRESS-001",
    each("address", (address) => ({
      ...address,
      address: `${ipOf(address.address)}/${prefixLengthOf(address.address) + 1}` as Cidr,
    })),
  ),
  addressOnTheHost: onEndpoint(
    "DRV-ADDRESS-002",
    each("address", (address, { network }) => ({ ...address, ns: "host", link: `nkb${network.id.slice(0, 10)}` })),
  ),
  kernelsMac: onEndpoint(
    "DRV-MAC-001",
    each("veth", (veth) => ({ ...veth, peer: { ns: veth.peer.ns, name: veth.peer.name } })),
  ),
  ownMacWhereNoneIs: { killedBy: "DRV-MAC-002", driver: { ...base, traits: { ...base.traits, sharedMac: true } } },
  noDefaultRoute: onEndpoint("DRV-ROUTE-001", each("route", drop)),
  defaultRouteEverywhere: {
    killedBy: "DRV-ROUTE-001",
    driver: { ...base, endpoint: (view: EndpointView) => base.endpoint({ ...view, defaultRoute: ["ipv4", "ipv6"] }) },
  },
  peersTwice: onPeers("DRV-PEERS-001", (resources) => [...resources, ...resources]),
  peersInASandbox: onPeers("DRV-PEERS-001", (resources, { id }) =>
    resources.map((resource): Resource => ({ ...resource, ns: id as never })),
  ),
  peersOnAnotherLink: onPeers(
    "DRV-PEERS-001",
    each("neighbour", (neighbour) => ({ ...neighbour, link: "docker0" })),
  ),
  peersThatAreNowhere: onPeers("DRV-PEERS-001", () => []),
  peersOnTheFirstHost: onPeers("DRV-PEERS-002", (resources, view, [first]) =>
    each<"fdb", NetworkView>("fdb", (entry) =>
      first === undefined || entry.master === true ? entry : { ...entry, destination: first.vtep },
    )(resources, view),
  ),
  unlistedHostsForgotten: onPeers("DRV-PEERS-004", (resources) => resources),
  peersAddressHere: onPeers("DRV-PEERS-003", (resources, { id }, peers) => [
    ...resources,
    ...peers.map(({ address }): Resource => ({ kind: "address", ns: "host", link: `nkb${id.slice(0, 10)}`, address })),
  ]),
  publishedInOneFamily: onEndpoint(
    "DRV-PUBLISH-001",
    each("publish", (port) => (port.family === "ipv4" ? port : undefined)),
  ),
  publishedOnAllAddresses: onEndpoint(
    "DRV-PUBLISH-001",
    each("publish", (port) => {
      const { hostAddress: _, ...everywhere } = port;
      return everywhere;
    }),
  ),
  publishedOneFurther: onEndpoint(
    "DRV-PUBLISH-001",
    each("publish", (port) => ({ ...port, targetPort: port.hostPort })),
  ),
  publishedForEverybody: onEndpoint("DRV-PUBLISH-001", each("publish", withoutFilter)),
  filterOfBothFamilies: onEndpoint("DRV-RESOURCE-003", (resources, { ports }) =>
    resources.map((resource) =>
      resource.kind === "publish" && resource.from !== undefined
        ? { ...resource, from: ports.flatMap(({ from = [] }) => from) }
        : resource,
    ),
  ),
  natOfAnInternalNetwork: {
    killedBy: "DRV-INTERNAL-001",
    driver: { ...base, network: (view: NetworkView) => base.network({ ...view, internal: false }) },
  },
  publishedUnasked: onEndpoint("DRV-PUBLISH-002", (resources, { network: { id }, addresses }) => [
    ...resources,
    ...addresses.slice(0, 1).map(({ address }): Resource => ({
      kind: "publish",
      ns: "host",
      family: address.includes(":") ? "ipv6" : "ipv4",
      protocol: "tcp",
      hostPort: { first: 22, last: 22 },
      target: ipOf(address),
      targetPort: { first: 22, last: 22 },
      link: `nkb${id.slice(0, 10)}`,
    })),
  ]),
  openToNobody: onEndpoint("DRV-PUBLISH-001", each("open", drop)),
  openToEverybody: onEndpoint("DRV-PUBLISH-002", each("open", withoutFilter)),
  openToOneOfItsSources: onEndpoint(
    "DRV-PUBLISH-001",
    each("open", ({ from, ...port }) => ({ ...port, ...(from && { from: from.slice(0, 1) }) })),
  ),
  openOneFurther: onEndpoint(
    "DRV-PUBLISH-001",
    each("open", (port) => ({
      ...port,
      targetPort: { first: port.targetPort.last + 1, last: port.targetPort.last + 1 },
    })),
  ),
  openByAnotherProtocol: onEndpoint(
    "DRV-PUBLISH-001",
    each("open", (port) => ({ ...port, protocol: port.protocol === "tcp" ? "udp" : "tcp" })),
  ),
  openOfSomebodyElse: onEndpoint(
    "DRV-PUBLISH-001",
    each("open", (port) => ({ ...port, target: (port.target.includes(":") ? "fd00:77::7" : "10.77.77.77") as Ip })),
  ),
  openUnasked: onEndpoint(
    "DRV-PUBLISH-002",
    each("open", (port) => ({ ...port, targetPort: { first: 1, last: port.targetPort.last } })),
  ),
  openBehindAnotherLink: onEndpoint(
    "DRV-RESOURCE-004",
    each("open", (port) => ({ ...port, link: "docker0" })),
  ),
  openTwice: onEndpoint("DRV-OPEN-001", (resources) => [
    ...resources,
    ...resources.flatMap((resource) =>
      resource.kind === "open" ? [{ ...resource, targetPort: { first: 1, last: 65_535 } }] : [],
    ),
  ]),
  closedToIpv4: onNetwork(
    "DRV-OPEN-001",
    each("isolation", (area) => {
      const { ipv4: _, ...closed } = area;
      return closed;
    }),
  ),
  allOfIpv6InsteadOfOpenPorts: onNetwork(
    "DRV-OPEN-001",
    each("isolation", (area) => (area.ipv6 === "opened" ? { ...area, ipv6: "all" } : area)),
  ),
  trustsNobody: onNetwork(
    "DRV-OPEN-001",
    each("isolation", (area) => {
      const { trusted: _, ...wary } = area;
      return wary;
    }),
  ),
  internalAndOpen: onNetwork(
    "DRV-RESOURCE-003",
    each("isolation", (area) => (area.internal ? { ...area, ipv4: "opened" } : area)),
  ),
  addressesWithoutAny: {
    killedBy: "DRV-NONE-001",
    driver: {
      ...none(),
      endpoint: ({ namespace }: EndpointView): Resource[] => [
        { kind: "address", ns: namespace, link: "lo", address: "192.0.2.1/32" as Cidr },
      ],
    },
  },
};

/** What a driver must never do: change the system itself. It finds itself in the host's namespace. */
function behindTheBack(argv: readonly [string, ...string[]], driver: AnyDriver, killedBy: string): Mutant {
  const [program, ...words] = argv;
  return {
    killedBy,
    driver: {
      ...driver,
      endpoint: (view: EndpointView) => {
        try {
          execFileSync(program, words, { stdio: "ignore" });
        } catch {
          // It is there since the first time.
        }
        return driver.endpoint(view);
      },
    },
  };
}

function trusting(view: NetworkView): NetworkView {
  return { ...view, options: { ...view.options, "trusted-host-interfaces": ["up0"] } };
}

const leavesALinkWhenKilled = behindTheBack(["ip", "link", "add", "left0", "type", "bridge"], none(), "DRV-FAULT-002");

/** The sweep's processes load their driver by name. */
export const driver: AnyDriver = leavesALinkWhenKilled.driver;

/** Found in a kernel: what the plan should say, and doesn't. */
export const kernelMutants: Readonly<Record<string, Mutant>> = {
  noMaster: onEndpoint(
    "DRV-TRAFFIC-001",
    each("veth", ({ kind, ns, name, peer }) => ({ kind, ns, name, peer })),
  ),
  alwaysIsolatedPorts: onEndpoint(
    "DRV-TRAFFIC-001",
    each("veth", (veth) => ({ ...veth, isolated: true })),
  ),
  noGatewayAddress: onNetwork("DRV-TRAFFIC-001", each("address", drop)),
  besideAHostThatReachesIt: {
    killedBy: "DRV-TRAFFIC-001",
    driver: { ...base, traits: { ...base.traits, publish: false, besideHost: true } },
  },
  noMasquerade: onNetwork("DRV-TRAFFIC-002", each("masquerade", drop)),
  noForwarding: onNetwork(
    "DRV-TRAFFIC-002",
    each("sysctl", (sysctl) => (/ip_forward|all\/forwarding/.test(sysctl.path) ? undefined : sysctl)),
  ),
  noIsolation: onNetwork("DRV-TRAFFIC-003", each("isolation", drop)),
  ignoresInternal: onNetwork(
    "DRV-TRAFFIC-004",
    each("isolation", (area) => ({ ...area, internal: false })),
  ),
  noHairpin: onEndpoint(
    "DRV-TRAFFIC-005",
    each("veth", (veth) => ({ ...veth, hairpin: false })),
  ),
  noRouteLocalnet: onNetwork(
    "DRV-TRAFFIC-005",
    each("sysctl", (sysctl) => (sysctl.path.endsWith("/route_localnet") ? undefined : sysctl)),
  ),
  letsIpv4In: onNetwork(
    "DRV-TRAFFIC-003",
    each("isolation", (area) => ({ ...area, ipv4: "all" })),
  ),
  letsIpv6In: onNetwork(
    "DRV-TRAFFIC-003",
    each("isolation", (area) => ({ ...area, ipv6: "all" })),
  ),
  trustsTheOutside: {
    killedBy: "DRV-TRAFFIC-008",
    driver: {
      ...base,
      network: (view: NetworkView) => base.network(trusting(view)),
      endpoint: (view: EndpointView) => base.endpoint({ ...view, network: trusting(view.network) }),
    },
  },
  publishedToNobody: onEndpoint("DRV-TRAFFIC-006", each("publish", drop)),
  publishedForEverybody: onEndpoint("DRV-TRAFFIC-007", each("publish", withoutFilter)),
  publishedForNobody: onEndpoint(
    "DRV-TRAFFIC-007",
    each("publish", (port) =>
      port.from === undefined
        ? port
        : { ...port, from: [`${port.target}/${port.family === "ipv4" ? 32 : 128}` as Cidr] },
    ),
  ),
  otherMacThanSaid: onEndpoint(
    "DRV-ATTACH-001",
    each("veth", (veth) => ({ ...veth, peer: { ...veth.peer, mac: "02:00:00:00:00:01" as Mac } })),
  ),
  neverTheSecondDefaultRoute: {
    killedBy: "DRV-ATTACH-002",
    driver: {
      ...base,
      endpoint: (view: EndpointView) => base.endpoint(view.ifName === "eth0" ? view : { ...view, defaultRoute: [] }),
    },
  },
  valueThatReadsOtherwise: onNetwork("DRV-DRIFT-001", (resources, { id }) => [
    ...resources,
    { kind: "sysctl", ns: "host", path: "net/ipv4/conf/all/log_martians", value: `0${id.length === 64 ? 1 : 0}` },
  ]),
  leavesALink: behindTheBack(["ip", "link", "add", "left0", "type", "bridge"], base, "DRV-ATTACH-003"),
  leavesARule: behindTheBack(["ip", "rule", "add", "priority", "77", "table", "77"], base, "DRV-NETWORK-002"),
  leavesARoute: behindTheBack(["ip", "route", "add", "blackhole", "192.0.2.0/24"], base, "DRV-EXPLAIN-001"),
  leavesAFirewall: behindTheBack(["nft", "add", "table", "inet", "left"], base, "DRV-ATTACH-005"),
  leavesARuleOfIptables: behindTheBack(
    ["iptables", "-t", "nat", "-A", "PREROUTING", "-j", "RETURN"],
    base,
    "DRV-ATTACH-005",
  ),
  leavesASysctl: behindTheBack(
    ["sh", "-c", "echo 1 > /proc/sys/net/ipv4/conf/all/log_martians"],
    base,
    "DRV-REMOVE-001",
  ),
  leavesANeighbour: behindTheBack(
    ["ip", "neighbour", "add", "192.0.2.9", "lladdr", "02:00:00:00:00:01", "dev", "lo", "nud", "permanent"],
    base,
    "DRV-ATTACH-004",
  ),
  leavesAnAddress: behindTheBack(["ip", "address", "add", "192.0.2.8/32", "dev", "lo"], none(), "DRV-ALONE-001"),
  leavesALinkWhenKilled,
  leavesALinkWhenItFails: { ...leavesALinkWhenKilled, killedBy: "DRV-FAULT-001" },
};
