import { LITTLE_ENDIAN } from "./attribute.ts";
import { malformed } from "./errors.ts";

/** Counters since the link was made (struct rtnl_link_stats64, linux/if_link.h). */
export interface LinkStats {
  readonly rxPackets: bigint;
  readonly txPackets: bigint;
  readonly rxBytes: bigint;
  readonly txBytes: bigint;
  readonly rxErrors: bigint;
  readonly txErrors: bigint;
  readonly rxDropped: bigint;
  readonly txDropped: bigint;
  readonly multicast: bigint;
  readonly collisions: bigint;
}

/** Decode IFLA_STATS64. */
export function decodeLinkStats(bytes: Buffer): LinkStats {
  if (bytes.length < 80) throw malformed(`link statistics of ${bytes.length} bytes`);
  const counter = (at: number): bigint =>
    LITTLE_ENDIAN ? bytes.readBigUInt64LE(at * 8) : bytes.readBigUInt64BE(at * 8);
  return {
    rxPackets: counter(0),
    txPackets: counter(1),
    rxBytes: counter(2),
    txBytes: counter(3),
    rxErrors: counter(4),
    txErrors: counter(5),
    rxDropped: counter(6),
    txDropped: counter(7),
    multicast: counter(8),
    collisions: counter(9),
  };
}
