/**
 * The pieces of drivers whose sandboxes are ports of a bridge that holds the gateway's address.
 *
 * @packageDocumentation
 */
export type { Area, GatewayMode } from "./area.ts";
export { endpointResources } from "./endpoint.ts";
export { bridgeMac, bridgeSysctls } from "./network.ts";
export { publish } from "./ports.ts";
export { areaOptions, endpointOptions, spoofCheck, type AreaOptions, type BridgedEndpointOptions } from "./options.ts";
