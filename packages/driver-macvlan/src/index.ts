/**
 * Macvlan networks: sandboxes with interfaces of their own on the wire of a link of the host.
 *
 * @packageDocumentation
 */
/** `driver` is the name by which configuration files and `netkit conformance` find it. */
export { macvlan, macvlan as driver } from "./macvlan.ts";
export type { MacvlanMode, MacvlanOptions } from "./options.ts";
