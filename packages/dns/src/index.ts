/**
 * netkit's resolver: answers what its clients' names say, asks other servers for the rest, and keeps what they said for
 * as long as they allow. It touches the sockets that it gets or opens for that, and nothing else.
 *
 * @packageDocumentation
 */
export { createResolver, type Resolver, type ResolverOptions, type Served, type Serving } from "./resolver.ts";
export type { Client } from "./client.ts";
export type { Limits } from "./limits.ts";
export type { Names } from "./names.ts";
export type { Stats } from "./stats.ts";
export type { Upstream, Upstreams } from "./upstreams.ts";
