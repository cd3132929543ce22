/**
 * Ipvlan networks: sandboxes with addresses of their own behind the MAC of a link of the host.
 *
 * @packageDocumentation
 */
/** `driver` is the name by which configuration files and `netkit conformance` find it. */
export { ipvlan, ipvlan as driver } from "./ipvlan.ts";
export type { IpvlanFlag, IpvlanMode, IpvlanOptions } from "./options.ts";
