/**
 * netkit as a library: networks, sandboxes and endpoints on the Linux kernel.
 *
 * @packageDocumentation
 */
export type * from "./api.ts";
export { openNetkit } from "./netkit.ts";
export { Lock } from "./lock.ts";
export { wrongAddresses } from "./shared/host-addresses.ts";
export { sharesNetworks } from "./shared/other-store.ts";
