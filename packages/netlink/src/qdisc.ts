import { Attributes, LITTLE_ENDIAN } from "./attribute.ts";
import type { AttributeWriter } from "./attribute.ts";
import { withoutUndefined } from "./decoded.ts";
import { malformed } from "./errors.ts";
import { NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from "./message.ts";
import type { NetlinkMessage } from "./message.ts";
import type { NetlinkSocket } from "./socket.ts";
import {
  INGRESS_HANDLE,
  RTM_DELQDISC,
  RTM_GETQDISC,
  RTM_NEWQDISC,
  TCA_KIND,
  TCA_OPTIONS,
  TC_HEADER,
  TC_H_INGRESS,
  TC_H_ROOT,
  decodeTrafficHeader,
  trafficHeader,
} from "./traffic-control.ts";

/** A token bucket (tbf; struct tc_tbf_qopt, linux/pkt_sched.h) at a link's root: what the link sends keeps to a rate. */
export interface TokenBucket {
  readonly kind: "tbf";
  /** The upper 16 bits are its number, 0x10000 is `1:`. Absent: one that the kernel chooses. */
  readonly handle?: number;
  /** Bytes per second. */
  readonly rate: number;
  /**
   * Bytes that may go at once; no packet may be larger. The kernel keeps it as the time that it takes, in units of 64 ns,
   * so that a listed one may differ by a byte, or by what goes in that time.
   */
  readonly burst: number;
  /** Bytes that may wait. What comes beyond is dropped. */
  readonly limit: number;
}

/** Where filters of what a link receives are; `clsact` takes filters of what it sends as well. */
export interface FilterPoint {
  readonly kind: "ingress" | "clsact";
}

export type QdiscKind = TokenBucket | FilterPoint;

/** A queueing discipline of a link (struct tcmsg, TCA_*; linux/rtnetlink.h). */
export type Qdisc = QdiscKind & { readonly ifindex: number };

/** Where a link sends, and where it receives. */
export type QdiscParent = "root" | "ingress";

/** A queueing discipline as the kernel has it. */
export interface ListedQdisc {
  readonly ifindex: number;
  /** Zero for what every link begins with. */
  readonly handle: number;
  /** What it hangs on: the link itself, where it sends or receives, or a class of another one. */
  readonly parent: QdiscParent | number;
  /** The kernel's word: `tbf`, `noqueue`, ... */
  readonly kind: string;
  /** Its settings, for the kinds that are known here. */
  readonly info?: QdiscKind;
}

const TCA_TBF_PARMS = 1;
const TCA_TBF_RATE64 = 4;
const TCA_TBF_BURST = 6;
const TBF_PARMS_LENGTH = 36;
/** TC_LINKLAYER_ETHERNET: the kernel computes, and needs no table of times. */
const LINKLAYER_ETHERNET = 1;
/** PSCHED_SHIFT of net/pkt_sched.h: a tick has 64 ns. */
const TICKS_PER_SECOND = 1e9 / 64;
const U32_MAX = 0xffffffff;

/**
 * Add a queueing discipline. Fails with EEXIST when the link has one there already that isn't the kernel's default; without
 * a handle the kernel (6.18) lets one of another kind go instead.
 */
export function newQdisc(qdisc: Qdisc): NetlinkMessage {
  return message(NLM_F_CREATE | NLM_F_EXCL, qdisc, "add");
}

/** Add a queueing discipline, or set the one of its kind that is there; one of another kind goes. */
export function replaceQdisc(qdisc: Qdisc): NetlinkMessage {
  return message(NLM_F_CREATE | NLM_F_REPLACE, qdisc, "replace");
}

/** Delete what is at a link's root or ingress, with its filters. Fails with ENOENT when there is but the default. */
export function delQdisc(qdisc: { readonly ifindex: number; readonly parent: QdiscParent }): NetlinkMessage {
  const { ifindex, parent } = qdisc;
  const payload = trafficHeader({ ifindex, parent: PARENTS[parent] }).finish();
  return { type: RTM_DELQDISC, flags: 0, payload, op: `delete the ${parent} qdisc of ifindex ${ifindex}` };
}

/** List the queueing disciplines of the socket's namespace, or of one link. */
export function listQdiscs(socket: NetlinkSocket, filter: { readonly ifindex?: number } = {}): ListedQdisc[] {
  const payload = trafficHeader({}).finish();
  // The kernel lists those of all links, whatever it is asked for.
  return socket.dump({ type: RTM_GETQDISC, flags: 0, payload, op: "list qdiscs" }, (bytes) => {
    const qdisc = decodeQdisc(bytes);
    return filter.ifindex === undefined || qdisc.ifindex === filter.ifindex ? qdisc : undefined;
  });
}

/** Decode the payload of RTM_NEWQDISC. Throws EBADMSG. */
export function decodeQdisc(payload: Buffer): ListedQdisc {
  const attributes = new Attributes(payload, TC_HEADER);
  const { ifindex, handle, parent } = decodeTrafficHeader(payload);
  const kind = attributes.string(TCA_KIND) ?? "";
  const info = decodeInfo(kind, attributes);
  const named = parent === TC_H_ROOT ? "root" : parent === TC_H_INGRESS ? "ingress" : parent;
  return { ifindex, handle, parent: named, kind, ...withoutUndefined({ info }) };
}

const PARENTS: Readonly<Record<QdiscParent, number>> = { root: TC_H_ROOT, ingress: TC_H_INGRESS };

function message(flags: number, qdisc: Qdisc, verb: string): NetlinkMessage {
  const { ifindex, kind } = qdisc;
  const writer = trafficHeader({
    ifindex,
    parent: PARENTS[kind === "tbf" ? "root" : "ingress"],
    handle: qdisc.kind === "tbf" ? (qdisc.handle ?? 0) : INGRESS_HANDLE,
  });
  writer.string(TCA_KIND, kind);
  if (qdisc.kind === "tbf") writer.nest(TCA_OPTIONS, () => encodeTokenBucket(writer, qdisc));
  return { type: RTM_NEWQDISC, flags, payload: writer.finish(), op: `${verb} qdisc ${kind} of ifindex ${ifindex}` };
}

function decodeInfo(kind: string, attributes: Attributes): QdiscKind | undefined {
  if (kind === "ingress" || kind === "clsact") return { kind };
  const options = kind === "tbf" ? attributes.nested(TCA_OPTIONS) : undefined;
  return options && decodeTokenBucket(options);
}

function encodeTokenBucket(writer: AttributeWriter, { rate, burst, limit }: TokenBucket): void {
  if (!Number.isSafeInteger(rate) || rate < 1) throw new RangeError(`Not a rate in bytes per second: ${rate}`);
  for (const bytes of [burst, limit]) {
    if (!Number.isInteger(bytes) || bytes < 1 || bytes > U32_MAX)
      throw new RangeError(`Not a number of bytes: ${bytes}`);
  }
  const ticks = Math.floor((burst / rate) * TICKS_PER_SECOND);
  if (ticks > U32_MAX)
    throw new RangeError(`A burst of ${burst} bytes takes more than 274 s at ${rate} bytes per second`);
  const parameters = new DataView(new ArrayBuffer(TBF_PARMS_LENGTH));
  parameters.setUint8(1, LINKLAYER_ETHERNET);
  parameters.setUint32(8, Math.min(rate, U32_MAX), LITTLE_ENDIAN);
  parameters.setUint32(24, limit, LITTLE_ENDIAN);
  parameters.setUint32(28, ticks, LITTLE_ENDIAN);
  writer.bytes(TCA_TBF_PARMS, new Uint8Array(parameters.buffer));
  if (rate > U32_MAX) writer.u64(TCA_TBF_RATE64, BigInt(rate));
  writer.u32(TCA_TBF_BURST, burst);
}

function decodeTokenBucket(options: Attributes): TokenBucket {
  const bytes = options.bytes(TCA_TBF_PARMS) ?? Buffer.alloc(0);
  if (bytes.length < TBF_PARMS_LENGTH) throw malformed(`token bucket of ${bytes.length} bytes`);
  const parameters = new DataView(bytes.buffer, bytes.byteOffset, TBF_PARMS_LENGTH);
  const rate = Number(options.u64(TCA_TBF_RATE64) ?? parameters.getUint32(8, LITTLE_ENDIAN));
  const ticks = parameters.getUint32(28, LITTLE_ENDIAN);
  // A request says it in bytes, the kernel's answer in ticks alone.
  const burst = options.u32(TCA_TBF_BURST) ?? Math.round((ticks * rate) / TICKS_PER_SECOND);
  return { kind: "tbf", rate, burst, limit: parameters.getUint32(24, LITTLE_ENDIAN) };
}
