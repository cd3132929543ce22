/**
 * Networks as flannel has them, on its own records in etcd, among hosts that run flanneld or netkit: each host leases a subnet
 * and reaches those of the others by VXLAN or by plain routes.
 *
 * @packageDocumentation
 */
/** `driver` is the name by which configuration files and `netkit conformance` find it. */
export { flannel, flannel as driver } from "./flannel.ts";
export type { LeaseTimes } from "./holder.ts";
export type { FlannelOptions } from "./options.ts";
