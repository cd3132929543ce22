import { createHash } from "node:crypto";
import {
  familyOf,
  instanceOf,
  ipOf,
  isNetkitError,
  parseOptions,
  type AnyDriver,
  type Cidr,
  type EndpointAddress,
  type EndpointId,
  type EndpointView,
  type Facts,
  type Family,
  type Ip,
  type LinkFacts,
  type Mac,
  type NamespaceId,
  type NetworkId,
  type NetworkView,
  type OptionSet,
  type PeerView,
  type PublishedPort,
  type Resource,
  type Subnet,
} from "@netkit/core";
import * as fc from "fast-check";

/** Ids differ from the first digit on, as random ones do. */
const id = fc.nat().map((number) => createHash("sha256").update(String(number)).digest("hex"));

const instance = fc.constantFrom(instanceOf("/var/lib/netkit"), instanceOf("/tmp/another"));

/** Views as the engine would make them for networks of the driver. */
export function networkViews(driver: AnyDriver): fc.Arbitrary<NetworkView> {
  const { traits } = driver;
  return fc
    .record({
      instance,
      id: id as fc.Arbitrary<NetworkId>,
      name: fc.constantFrom("a", "web_1.x", "0123456789-and-more-than-a-link-has"),
      internal: traits.internal ? fc.boolean() : fc.constant(false),
      subnets: subnetsOf(traits.addresses === "none" ? [] : traits.families),
      options: optionsOf(driver.options, "a network"),
      uplink: fc.option(fc.constantFrom(1500, 1450, 9000), { nil: undefined }),
      linkExists: fc.boolean(),
    })
    .map(({ uplink, linkExists, subnets, ...declared }): NetworkView => {
      const gateways = driver.gateways?.(declared) ?? traits.families;
      const names = driver.auxiliary?.(declared) ?? [];
      const view = {
        ...declared,
        subnets: subnets.map((subnet) =>
          withAuxiliary(gateways.includes(familyOf(subnet.subnet)) ? subnet : withoutGateway(subnet), names),
        ),
      };
      const whole = { ...view, facts: factsFor(driver, view, uplink, linkExists), ...hostFor(driver, view) };
      return { ...whole, claims: claimsFor(driver, whole) };
    });
}

/** Other hosts' endpoints and those hosts' own addresses, as the engine would list them. */
export function peersOn({ subnets, host }: NetworkView): fc.Arbitrary<PeerView[]> {
  const vteps = familyOf(host?.vtep ?? underlay.ipv4) === "ipv4" ? ["192.0.2.22", "192.0.2.23"] : ["2001:db8::22"];
  const peer = fc.record({
    vtep: fc.constantFrom(...(vteps as Ip[])),
    // Beyond those of endpoints and the host here.
    number: fc.integer({ min: 7, max: 250 }),
  });
  return fc
    .uniqueArray(peer, { selector: ({ number }) => number, maxLength: 5 })
    .map((peers) =>
      peers.flatMap(({ vtep, number }) =>
        subnets.map(({ subnet }): PeerView => ({ address: addressIn(subnet, number), mac: macOf(number), vtep })),
      ),
    );
}

const underlay = { ipv4: "192.0.2.21" as Ip, ipv6: "2001:db8::21" as Ip };

function macOf(number: number): Mac {
  return `02:6e:00:00:00:${number.toString(16).padStart(2, "0")}` as Mac;
}

/** The host's part in a network of many: an underlay of the network's last family, so that both come up. */
function hostFor({ scope, traits }: AnyDriver, { subnets }: Pick<NetworkView, "subnets">): Pick<NetworkView, "host"> {
  if (scope === "local") return {};
  const vtep = subnets.length > 1 ? underlay.ipv6 : underlay.ipv4;
  const addresses = traits.hostAddresses === true ? subnets.map(({ subnet }) => addressIn(subnet, hostNumber)) : [];
  return { host: { vtep, mtu: 1500, addresses, mac: macOf(hostNumber) } };
}

/** Beside those of endpoints, and within the smallest subnet. */
const hostNumber = 6;

/** Views of endpoints on networks that the driver accepts. */
export function endpointViews(driver: AnyDriver): fc.Arbitrary<EndpointView> {
  return networkViews(driver)
    .filter((network) => resourcesOf(() => driver.network(network)) !== undefined)
    .chain((network) => endpointsOn(driver, network));
}

/** An endpoint on a network. */
export function endpointsOn(driver: AnyDriver, network: NetworkView): fc.Arbitrary<EndpointView> {
  const hasInterface = driver.traits.namespace === "own" && !driver.traits.exclusive;
  return fc
    .record({
      id: id as fc.Arbitrary<EndpointId>,
      namespace: id as fc.Arbitrary<NamespaceId>,
      name: fc.constantFrom("web", "db-1", "a-name-that-is-longer-than-links-have"),
      ifName: hasInterface ? fc.constantFrom("eth0", "eth1", "lan") : fc.constant(""),
      mac: fc.constantFrom("02:6e:ac:11:00:02", "02:6f:0a:ff:10:99") as fc.Arbitrary<Mac>,
      ports:
        driver.traits.publish && !network.internal
          ? fc.uniqueArray(driver.hostPorts?.(network).length === 0 ? routedPorts : portsFor(network), {
              selector: ({ hostPort }) => Math.floor(hostPort.first / 20),
              maxLength: 3,
            })
          : fc.constant([]),
      routed: fc.boolean(),
      offset: fc.integer({ min: 2, max: 5 }),
      options: optionsOf(driver.endpointOptions, "an endpoint"),
    })
    .map(({ routed, offset, ...view }): EndpointView => {
      const addresses = firstOfEachFamily(network.subnets).map(({ subnet, gateway }): EndpointAddress => ({
        address: addressIn(subnet, offset),
        ...(gateway === undefined ? {} : { gateway }),
      }));
      const byLink = driver.defaultByLink?.(network) === true;
      const defaultRoute = addresses
        .filter(({ gateway }) => (gateway !== undefined || byLink) && routed && !network.internal)
        .map(({ address }) => familyOf(address));
      return { ...view, network, addresses, defaultRoute };
    });
}

/** What the driver returns, or undefined if it refuses the view with an error for users. */
export function resourcesOf(plan: () => readonly Resource[]): readonly Resource[] | undefined {
  try {
    return plan();
  } catch (error) {
    if (isNetkitError(error) && error.kind !== "internal") return undefined;
    throw error;
  }
}

function firstOfEachFamily(subnets: readonly Subnet[]): Subnet[] {
  return (["ipv4", "ipv6"] as const).flatMap(
    (family) => subnets.find(({ subnet }) => familyOf(subnet) === family) ?? [],
  );
}

function subnetsOf(families: readonly Family[]): fc.Arbitrary<Subnet[]> {
  if (families.length === 0) return fc.constant([]);
  const byFamily = { ipv4: subnet4, ipv6: subnet6 };
  return fc
    .subarray([...families], { minLength: 1 })
    .chain((chosen) => fc.tuple(...chosen.map((family) => byFamily[family])));
}

const subnet4: fc.Arbitrary<Subnet> = fc
  .record({
    second: fc.integer({ min: 16, max: 31 }),
    third: fc.integer({ min: 0, max: 63 }),
    length: fc.integer({ min: 16, max: 29 }),
  })
  .map(({ second, third, length }) => {
    const base = length < 22 ? `172.${second}.0` : `172.${second}.${third * 4}`;
    return { subnet: `${base}.0/${length}` as Cidr, gateway: `${base}.1` as Ip, auxiliary: {} };
  });

const subnet6: fc.Arbitrary<Subnet> = fc
  .integer({ min: 1, max: 0xff_ff })
  .map((number) => `fd00:${number.toString(16)}::`)
  .map((base) => ({ subnet: `${base}/64` as Cidr, gateway: `${base}1` as Ip, auxiliary: {} }));

function withoutGateway({ subnet, auxiliary }: Subnet): Subnet {
  return { subnet, auxiliary };
}

/** Past the addresses that endpoints have here. */
function withAuxiliary(plan: Subnet, names: readonly string[]): Subnet {
  const addresses = names.map((name, index) => [name, ipOf(addressIn(plan.subnet, index + 6))] as const);
  return { ...plan, auxiliary: Object.fromEntries(addresses) };
}

function addressIn(subnet: Cidr, offset: number): Cidr {
  const length = subnet.slice(subnet.indexOf("/"));
  const base = ipOf(subnet);
  return ((familyOf(subnet) === "ipv4" ? base.replace(/0$/, String(offset)) : `${base}${offset}`) + length) as Cidr;
}

function portsFor({ subnets }: NetworkView): fc.Arbitrary<PublishedPort> {
  const hostAddresses = subnets.map(({ subnet }) => (familyOf(subnet) === "ipv4" ? "127.0.0.1" : "2001:db8::5") as Ip);
  return fc
    .record({
      protocol: fc.constantFrom("tcp", "udp", "sctp"),
      hostAddress: fc.option(fc.constantFrom(...hostAddresses), { nil: undefined }),
      hostFirst: fc.integer({ min: 1024, max: 60_000 }),
      first: fc.integer({ min: 1, max: 60_000 }),
      more: fc.constantFrom(0, 0, 9),
      from: sources,
    })
    .map(({ protocol, hostAddress, hostFirst, first, more, from }) => ({
      protocol,
      ...(hostAddress === undefined ? {} : { hostAddress }),
      hostPort: { first: hostFirst, last: hostFirst + more },
      port: { first, last: first + more },
      ...filterOf(from.filter((source) => hostAddress === undefined || familyOf(source) === familyOf(hostAddress))),
    }));
}

const sources = fc.subarray(["192.0.2.0/24", "198.51.100.7/32", "2001:db8:1::/48"] as Cidr[]);

function filterOf(from: readonly Cidr[]): Pick<PublishedPort, "from"> {
  return from.length === 0 ? {} : { from };
}

/** As on a network that takes no ports of the host. */
const routedPorts: fc.Arbitrary<PublishedPort> = fc
  .record({
    protocol: fc.constantFrom("tcp", "udp", "sctp"),
    first: fc.integer({ min: 1, max: 60_000 }),
    more: fc.constantFrom(0, 0, 9),
    from: sources,
  })
  .map(({ protocol, first, more, from }) => {
    const range = { first, last: first + more };
    return { protocol, hostPort: range, port: range, routed: true, ...filterOf(from) };
  });

/** Values that each option's own schema accepts, found by trying what its help and common sense suggest. */
function optionsOf(set: OptionSet, owner: string): fc.Arbitrary<never> {
  const values = Object.entries(set).map(([name, { value }]) => {
    const candidates = [
      ...value.split("|"),
      "true",
      "false",
      "0",
      "1",
      "100",
      "1400",
      "1500",
      "8mbit",
      "nkc0",
      "up0.50",
      "192.0.2.7",
      "2001:db8::7",
    ];
    const accepted = candidates.filter((candidate) => {
      try {
        parseOptions(set, { [name]: candidate }, owner);
        return true;
      } catch {
        return false;
      }
    });
    // What nobody can guess, such as where a server is.
    if (accepted.length === 0) return fc.constant([name, undefined] as const);
    // Options contradict each other: half of them are left out.
    return fc
      .option(fc.constantFrom(...accepted), { nil: undefined, freq: 2 })
      .map((chosen) => [name, chosen] as const);
  });
  const chosen = values.length === 0 ? fc.constant([]) : fc.tuple(...values);
  return chosen.map((pairs) => parseOptions(set, Object.fromEntries(pairs), owner) as never);
}

/** The driver's questions, answered for a host that has the links or hasn't. */
function factsFor(
  driver: AnyDriver,
  view: Omit<NetworkView, "facts" | "claims">,
  uplinkMtu: number | undefined,
  linkExists: boolean,
): Facts {
  const queries = driver.facts?.(view) ?? [];
  const links: Record<string, LinkFacts> = {};
  for (const query of queries) {
    if (query.fact === "link" && linkExists) {
      links[query.name] = {
        name: query.name,
        kind: "bridge",
        mtu: 1500,
        mac: "02:00:00:00:00:09" as Mac,
        addresses: [],
      };
    }
  }
  const names = queries.some(({ fact }) => fact === "links") ? { names: ["up0", ...Object.keys(links)] } : {};
  const asksForUplink = queries.some(({ fact }) => fact === "uplink");
  if (!asksForUplink || uplinkMtu === undefined) return { links, ...names };
  return { links, ...names, uplink: { name: "up0", kind: "", mtu: uplinkMtu, addresses: [] } };
}

function claimsFor(driver: AnyDriver, view: Omit<NetworkView, "claims">): Record<string, string> {
  const claims = driver.claims?.(view) ?? [];
  return Object.fromEntries(claims.map(({ name, value, range }) => [name, value ?? String(range?.first ?? 1)]));
}
