/**
 * Bridge networks: a Linux bridge with a gateway address, NAT to the outside and published ports.
 *
 * @packageDocumentation
 */
/** `driver` is the name by which configuration files and `netkit conformance` find it. */
export { bridge, bridge as driver } from "./bridge.ts";
export type { BridgeOptions } from "./options.ts";
export type { BridgedEndpointOptions as BridgeEndpointOptions, GatewayMode } from "@netkit/core/bridged";
