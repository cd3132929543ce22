import { NetkitError, parsePortSpec, type PortSpec, type PublishedPort } from "@netkit/core";
import { describePort, PortTable, publishedAlready } from "./host-ports.ts";
import { filterOf } from "./ports.ts";

/**
 * The ports of specs on a network that takes no ports of the host: `80` or `80:80`, for everybody or some sources. Docker ignores the host port there; an
 * error is better, for nobody would answer at it.
 * @throws NetkitError PORT_INVALID, PORT_TAKEN
 */
export function routedPorts(
  network: string,
  specs: readonly (PortSpec | string)[],
  already: readonly PublishedPort[],
): PublishedPort[] {
  const ports: PublishedPort[] = [];
  const own = new PortTable(already);
  const chosen = new PortTable([]);
  for (const given of specs) {
    const spec = typeof given === "string" ? parsePortSpec(given) : given;
    const { protocol, hostAddress, hostPort, port } = spec;
    const from = filterOf(spec, undefined);
    const found: PublishedPort = { protocol, hostPort: port, port, ...(from && { from }), routed: true };
    const other = hostPort !== undefined && (hostPort.first !== port.first || hostPort.last !== port.last);
    if (other || hostAddress !== undefined) {
      const asked = describePort({ protocol, hostPort: hostPort ?? port, port, ...(hostAddress && { hostAddress }) });
      const own = describePort(found);
      throw new NetkitError("PORT_INVALID", `host port ${asked} can't be published: network '${network}' is routed`, {
        hint: `Its sandboxes are reached at their own addresses and ports. Publish ${own}, without a host address or port.`,
        details: { network, port: given },
      });
    }
    if (own.clashes(found)) throw publishedAlready(found);
    if (chosen.clashes(found)) {
      throw new NetkitError("PORT_TAKEN", `port ${describePort(found)} is published twice by the same sandbox`);
    }
    chosen.add(found);
    ports.push(found);
  }
  return ports;
}
