/**
 * netkit's store on Consul: shared by any number of hosts.
 *
 * @packageDocumentation
 */
export { openConsulStore } from "./open.ts";
export { parseConsulUrl, type ConsulStoreOptions } from "./options.ts";
