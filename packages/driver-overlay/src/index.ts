/**
 * Overlay networks: one network of sandboxes on several hosts, over VXLAN, with NAT to the outside and published ports on
 * each sandbox's own host.
 *
 * @packageDocumentation
 */
/** `driver` is the name by which configuration files and `netkit conformance` find it. */
export { overlay, overlay as driver } from "./overlay.ts";
export type { OverlayOptions } from "./options.ts";
