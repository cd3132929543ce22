/**
 * Hosts for tests, the leak oracle and fault injection: conformance has them, so that everybody's drivers can be
 * tested with them. And servers of distributed stores.
 *
 * @packageDocumentation
 */
export * from "@netkit/conformance/lab";
export { attempt } from "./attempt.ts";
export { interrupted } from "./interrupted.ts";
export { makeAuthority, type Authority, type Certificate } from "./servers/certificates.ts";
export { referencePlugin } from "./servers/cni-plugins.ts";
export { consulProgram, consulServer, type ConsulOptions } from "./servers/consul.ts";
export { callsBetween, etcdLoad, type EtcdLoad } from "./servers/etcd-load.ts";
export { etcdctl, etcdPrograms, etcdServer, type EtcdOptions } from "./servers/etcd.ts";
export { ownLoopback } from "./servers/loopback.ts";
export { findProgram } from "./servers/program.ts";
export { Server, type ServerOptions } from "./servers/server.ts";
