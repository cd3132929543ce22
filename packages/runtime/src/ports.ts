import { parsePortSpec, type Endpoint, type PortRange } from "@netkit/core";

/** Ports of a container that its runtime wants published, as CNI and netavark both have them. */
export interface PortMapping {
  /** 0: it is not to be published. */
  readonly hostPort: number;
  readonly containerPort: number;
  /** How many ports beginning with those; default 1. */
  readonly range?: number | undefined;
  /** One or several, with commas; default tcp. */
  readonly protocol?: string | undefined;
  /** None or "": all of the host's addresses. */
  readonly hostAddress?: string | undefined;
}

/** In the grammar of `-p`, one for each protocol. */
export function portSpecs({ hostPort, containerPort, range = 1, protocol, hostAddress = "" }: PortMapping): string[] {
  if (hostPort === 0) return [];
  const address = hostAddress === "" ? "" : `${hostAddress.includes(":") ? `[${hostAddress}]` : hostAddress}:`;
  const span = (first: number): string => (range > 1 ? `${first}-${first + range - 1}` : String(first));
  // Podman writes a port of several protocols as one.
  const protocols = protocol === undefined || protocol === "" ? ["tcp"] : protocol.toLowerCase().split(",");
  return protocols.map((each) => `${address}${span(hostPort)}:${span(containerPort)}/${each}`);
}

/** Of port specs those that no endpoint of the container publishes: a port of the host leads to one address. */
export function unpublished(specs: readonly string[], endpoints: readonly Pick<Endpoint, "ports">[]): string[] {
  const ofHost = endpoints.flatMap(({ ports }) => ports).filter(({ routed }) => routed !== true);
  return specs.filter((spec) => {
    const { protocol, hostAddress, hostPort, port } = parsePortSpec(spec);
    return !ofHost.some(
      (other) =>
        other.protocol === protocol &&
        isSame(other.hostPort, hostPort) &&
        isSame(other.port, port) &&
        (hostAddress === undefined || other.hostAddress === hostAddress),
    );
  });
}

function isSame(range: PortRange, other: PortRange | undefined): boolean {
  return range.first === other?.first && range.last === other.last;
}
