/**
 * The pieces of drivers whose sandboxes are behind a pair of which the host has the other end, as a port of a bridge that holds the
 * gateway's address, or routed to.
 *
 * @packageDocumentation
 */
export type { Area, GatewayMode } from "./area.ts";
export { endpointResources, pairResources } from "./endpoint.ts";
export { bridgeMac, bridgeSysctls, forwardingSysctls } from "./network.ts";
export { publish } from "./ports.ts";
export {
  areaOptions,
  endpointOptions,
  rateOptions,
  spoofCheck,
  type AreaOptions,
  type BridgedEndpointOptions,
  type GuardOptions,
  type RateOptions,
} from "./options.ts";
