import type { Ip } from "@netkit/core";

/**
 * What one client sees. Asked anew for each query, so answers follow it at once. Names come in lower case without the
 * trailing dot, made of printable ASCII; every way that a name is to be found (`web`, `web.my-net`) is a name of its own.
 */
export interface Names {
  /** Undefined, or no such method: what the others say is so. Otherwise they are asked once it has resolved. */
  settled?(): Promise<unknown> | undefined;
  /** The addresses of a name, in any order; empty: known, without an address; undefined: not known, to be forwarded. */
  addresses(name: string): readonly Ip[] | undefined;
  /** Whether a name that isn't known is no other server's either, so that it doesn't exist; no such method: none is. */
  owns?(name: string): boolean;
  /** The name of an address, for PTR: `web.my-net`. Undefined: not known, to be forwarded. */
  pointer(address: Ip): string | undefined;
  /**
   * The port of a service of a known name: `_http._tcp.web` asks `("web", "http", "tcp")`. Services that are numbers are
   * not asked for: `_8080._tcp.web` is port 8080. Undefined, or no such method: there is no such service.
   */
  port?(name: string, service: string, protocol: "tcp" | "udp" | "sctp"): number | undefined;
}
