import type { Attributes, AttributeWriter } from "./attribute.ts";

/** What a bridge does at one of its ports (IFLA_BRPORT_*, linux/if_link.h). */
export interface BridgePort {
  /** Send frames back out of the port they came from. */
  readonly hairpin?: boolean;
  /** No traffic between isolated ports of one bridge. */
  readonly isolated?: boolean;
  /** Learn source addresses into the FDB. */
  readonly learning?: boolean;
  /** Flood unicast frames of unknown destination. */
  readonly flood?: boolean;
  /** Flood multicast. */
  readonly multicastFlood?: boolean;
  /** Flood broadcast. */
  readonly broadcastFlood?: boolean;
  /** Answer ARP and NDP from the neighbour table rather than flood it. */
  readonly neighbourSuppress?: boolean;
  /** Answer ARP for neighbours behind other ports. */
  readonly proxyArp?: boolean;
  /** Shut the port when it receives a BPDU. */
  readonly bpduGuard?: boolean;
  /** Take frames only from source addresses that the FDB has at this port (Linux 5.18). */
  readonly locked?: boolean;
}

const FLAGS: Readonly<Record<keyof BridgePort, number>> = {
  hairpin: 4,
  isolated: 33,
  learning: 8,
  flood: 9,
  multicastFlood: 27,
  broadcastFlood: 30,
  neighbourSuppress: 32,
  proxyArp: 10,
  bpduGuard: 5,
  locked: 39,
};

/** Write the flags that are given; the others stay as they are. */
export function encodeBridgePort(writer: AttributeWriter, port: BridgePort): void {
  for (const [name, type] of Object.entries(FLAGS)) {
    const value = port[name as keyof BridgePort];
    if (value !== undefined) writer.u8(type, Number(value));
  }
}

export function decodeBridgePort(attributes: Attributes): BridgePort {
  const port: Partial<Record<keyof BridgePort, boolean>> = {};
  for (const [name, type] of Object.entries(FLAGS)) {
    const value = attributes.u8(type);
    if (value !== undefined) port[name as keyof BridgePort] = value !== 0;
  }
  return port;
}
