/**
 * Hosts that share a segment, for tests of netkit as their administrators use it: in namespaces of this machine, or on virtual
 * machines, which NETKIT_VMS names.
 *
 * @packageDocumentation
 */
export { Host, type Place } from "./host.ts";
export { localMachine, Machine, quoted, sshMachine, type Outcome, type RunOptions } from "./machine.ts";
export { NamespaceHost } from "./namespace-host.ts";
export type { Process } from "./process.ts";
export { openSegment, virtualMachines, type VirtualMachine } from "./segment.ts";
export { onSite, type Site, type SiteOptions } from "./site.ts";
export { localStores, StoreServers, type StoreKind } from "./store-servers.ts";
export { timeScale } from "@netkit/conformance/lab";
