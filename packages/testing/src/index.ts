/**
 * Hosts for tests, the leak oracle and fault injection: conformance has them, so that everybody's drivers can be
 * tested with them. And servers of distributed stores.
 *
 * @packageDocumentation
 */
export * from "@netkit/conformance/lab";
export { etcdctl, etcdPrograms, etcdServer, type EtcdOptions } from "./servers/etcd.ts";
export { Server, type ServerOptions } from "./servers/server.ts";
