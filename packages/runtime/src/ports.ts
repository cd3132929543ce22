import { parsePortSpec, type PortSpec } from "@netkit/core";

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

/** What is published, one for each protocol. @throws NetkitError */
export function portSpecs({ hostPort, containerPort, range = 1, protocol, hostAddress = "" }: PortMapping): PortSpec[] {
  if (hostPort === 0) return [];
  const address = hostAddress === "" ? "" : `${hostAddress.includes(":") ? `[${hostAddress}]` : hostAddress}:`;
  const span = (first: number): string => (range > 1 ? `${first}-${first + range - 1}` : String(first));
  // Podman writes a port of several protocols as one.
  const protocols = protocol === undefined || protocol === "" ? ["tcp"] : protocol.toLowerCase().split(",");
  return protocols.map((each) => parsePortSpec(`${address}${span(hostPort)}:${span(containerPort)}/${each}`));
}
