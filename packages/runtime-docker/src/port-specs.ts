import { NetkitError, parseIp, type PortSpec, type Protocol } from "@netkit/core";
import { portBindings } from "./schemas.ts";

const protocols: Readonly<Record<number, Protocol>> = { 6: "tcp", 17: "udp", 132: "sctp" };

/**
 * The ports that are to be published, of the options of a request.
 * @throws NetkitError PORT_INVALID
 */
export function portSpecs(options: Readonly<Record<string, unknown>>): PortSpec[] {
  const result = portBindings.safeParse(options["com.docker.network.portmap"] ?? []);
  if (!result.success) throw new NetkitError("PORT_INVALID", "the port map is none of Docker's");
  return result.data.map(({ Proto, Port, HostIP, HostPort, HostPortEnd }): PortSpec => {
    const protocol = protocols[Proto];
    if (protocol === undefined) throw new NetkitError("PORT_INVALID", `protocol ${Proto} has no ports to publish`);
    const first = HostPort ?? 0;
    // Of a range for one port the first free one; 0: any.
    const last = Math.max(HostPortEnd ?? 0, first);
    return {
      protocol,
      ...(HostIP === undefined ? {} : { hostAddress: parseIp(HostIP) }),
      ...(first === 0 ? {} : { hostPort: { first, last } }),
      port: { first: Port, last: Port },
    };
  });
}
