import {
  familyOf,
  type Endpoint,
  type Family,
  type Ip,
  type Network,
  type PortRange,
  type PortSpec,
} from "@netkit/core";
import type { Netkit, SandboxHandle } from "@netkit/engine";

/** Where ports may be published. */
export interface Place {
  /** In which they can be; none: it publishes no ports. */
  readonly families: readonly Family[];
  /** Its network says where on the host they are, or that they take none of its ports. */
  readonly isParticular: boolean;
  /** Those that are published there. */
  readonly ports: readonly PortSpec[];
}

/** What is to change at a place. */
interface Change {
  readonly withdraw: PortSpec[];
  readonly publish: PortSpec[];
}

const any: Readonly<Record<Family, Ip>> = { ipv4: "0.0.0.0" as Ip, ipv6: "::" as Ip };

/**
 * How ports come to be published once in each family: where they are already, or else at the first place that can. What is
 * the same place in both families is one port; so is what has but one, and what a network is particular about.
 * @returns for each place
 */
export function placePorts(specs: readonly PortSpec[], places: readonly Place[]): Change[] {
  const changes = places.map((): Change => ({ withdraw: [], publish: [] }));
  const [first] = places.flatMap(({ families }, index) => (families.length > 0 ? [index] : []));
  if (first === undefined) return changes;
  const isWhole = places.some(({ families, isParticular }) => isParticular && families.length > 0);
  for (const spec of specs) {
    const there = places.map(({ ports }) => ports.filter((port) => isSame(port, spec)));
    const placeFor = (family: Family): number | undefined => {
      const able = places.flatMap(({ families }, index) => (families.includes(family) ? [index] : []));
      return able.find((index) => there[index]?.some((port) => isIn(port, family))) ?? able[0];
    };
    if (spec.hostAddress !== undefined) {
      const isThere = there.some((ports) => ports.some(({ hostAddress }) => hostAddress === spec.hostAddress));
      if (!isThere) changes[placeFor(familyOf(spec.hostAddress)) ?? first]?.publish.push(spec);
      continue;
    }
    if (isWhole) {
      if (there.every((ports) => ports.length === 0)) changes[first]?.publish.push(spec);
      continue;
    }
    const [place4, place6] = [placeFor("ipv4"), placeFor("ipv6")];
    const whole = there.findIndex((ports) => ports.some(({ hostAddress }) => hostAddress === undefined));
    const only = place4 === place6 || place6 === undefined ? place4 : place4 === undefined ? place6 : undefined;
    if (only !== undefined && (whole === only || there.every((ports) => ports.length === 0))) {
      if (whole < 0) changes[only]?.publish.push(spec);
      continue;
    }
    if (whole >= 0) changes[whole]?.withdraw.push(spec);
    for (const [family, index] of [
      ["ipv4", place4],
      ["ipv6", place6],
    ] as const) {
      const each = { ...spec, hostAddress: any[family] };
      const isThere = there[index ?? -1]?.some(({ hostAddress }) => hostAddress === each.hostAddress);
      if (index === undefined || isThere === true) continue;
      changes[index]?.publish.push(each);
    }
  }
  return changes;
}

function isIn({ hostAddress }: PortSpec, family: Family): boolean {
  return hostAddress === undefined || familyOf(hostAddress) === family;
}

/** One that is asked for on no address may be on any by now. */
function isSame(port: PortSpec, asked: PortSpec): boolean {
  return (
    port.protocol === asked.protocol &&
    isEqual(port.hostPort, asked.hostPort) &&
    isEqual(port.port, asked.port) &&
    (asked.hostAddress === undefined || port.hostAddress === asked.hostAddress)
  );
}

function isEqual(range: PortRange | undefined, other: PortRange | undefined): boolean {
  return range?.first === other?.first && range?.last === other?.last;
}

/** A network as a place: with the addresses of an endpoint there, or those that it will have. */
export function placeOf(
  { internal, driver, realised, subnets, options }: Network,
  endpoint?: Pick<Endpoint, "addresses" | "ports">,
): Place {
  const isAble = !internal && driver !== "macvlan" && driver !== "ipvlan";
  const ranges = endpoint?.addresses.map(({ address }) => address) ?? subnets.map(({ subnet }) => subnet);
  // Of a predefined one that nobody is on yet it isn't known.
  const known: Family[] = endpoint === undefined && !realised ? ["ipv4", "ipv6"] : ranges.map(familyOf);
  const modes = [options["gateway-mode-ipv4"], options["gateway-mode-ipv6"]];
  return {
    families: isAble ? known : [],
    isParticular: options["host-address"] !== undefined || modes.includes("routed"),
    ports: endpoint?.ports ?? [],
  };
}

/** Has a container's ports published at the endpoints that it has by now. */
export async function arrangePorts(
  netkit: Netkit,
  sandbox: SandboxHandle,
  endpoints: readonly Endpoint[],
  specs: readonly PortSpec[],
): Promise<void> {
  if (specs.length === 0) return;
  const places: Place[] = [];
  for (const endpoint of endpoints) places.push(placeOf(await netkit.networks.get(endpoint.network), endpoint));
  const changes = placePorts(specs, places).map((change, index) => ({ ...change, network: endpoints[index]?.network }));
  for (const { network, withdraw } of changes) if (withdraw.length > 0) await sandbox.unpublish(network, withdraw);
  for (const { network, publish } of changes)
    if (publish.length > 0) await sandbox.publish(network, publish, { portsHeld: true });
}
