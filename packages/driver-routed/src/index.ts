/**
 * Routed networks: a pair of links for each sandbox, no bridge, and a route of the host's to each; NAT to the outside and
 * published ports.
 *
 * @packageDocumentation
 */
/** `driver` is the name by which configuration files and `netkit conformance` find it. */
export { routed, routed as driver } from "./routed.ts";
export type { RoutedOptions } from "./options.ts";
export type { RateOptions as RoutedEndpointOptions } from "@netkit/core/bridged";
