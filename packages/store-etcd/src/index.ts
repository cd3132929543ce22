/**
 * netkit's store on etcd: shared by any number of hosts.
 *
 * @packageDocumentation
 */
export { openEtcdStore } from "./open.ts";
export { parseEtcdUrl, type EtcdStoreOptions } from "./options.ts";
