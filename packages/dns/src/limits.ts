export interface Limits {
  /** Forwarded queries of one client at a time; what is over is answered with REFUSED at once. */
  readonly forwardsPerClient: number;
  /** Forwarded queries at a time; clients with few of them (8) are let through. */
  readonly forwards: number;
  /** TCP connections of one client; one too many ends the one that has been idle longest. */
  readonly connectionsPerClient: number;
  /** TCP connections of all clients, likewise. */
  readonly connections: number;
  /** How long a TCP connection may stay without a whole query, in ms. */
  readonly idleMs: number;
  /** How long a forwarded query may take in all, in ms. Resolvers in programs wait 5 s (resolv.conf(5)). */
  readonly timeoutMs: number;
  /** Memory of what is kept for one `Upstreams`, in bytes. */
  readonly cacheBytesPerUpstreams: number;
  /** Memory of all that is kept, in bytes. */
  readonly cacheBytes: number;
}

export const defaultLimits: Limits = {
  forwardsPerClient: 128,
  forwards: 2048,
  connectionsPerClient: 64,
  connections: 4096,
  idleMs: 10_000,
  timeoutMs: 4000,
  cacheBytesPerUpstreams: 256 << 10,
  cacheBytes: 64 << 20,
};

/** Forwarded queries that a client may have however many others have. */
export const forwardsAlways = 8;
