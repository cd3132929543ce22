/** What a resolver has done since it was made. */
export interface Stats {
  /** Everything that came, whole or not. */
  queries: number;
  /** Answered from the names of a client. */
  local: number;
  /** Answered from the cache. */
  cached: number;
  /** Sent to other servers, or joined to an equal query that was under way. */
  forwarded: number;
  /** Of those: no server had an answer. */
  failed: number;
  /** Answered with REFUSED for being too many at a time. */
  overLimit: number;
  /** No DNS query, so left without an answer. */
  dropped: number;
  /** Forwarded queries under way. */
  forwarding: number;
  /** Open TCP connections. */
  connections: number;
}
