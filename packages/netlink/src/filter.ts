import { Attributes, LITTLE_ENDIAN, decodeAttributes } from "./attribute.ts";
import type { AttributeWriter } from "./attribute.ts";
import { withoutUndefined } from "./decoded.ts";
import { malformed } from "./errors.ts";
import { NLM_F_CREATE, NLM_F_EXCL } from "./message.ts";
import type { NetlinkMessage } from "./message.ts";
import type { NetlinkSocket } from "./socket.ts";
import {
  INGRESS_HANDLE,
  RTM_DELTFILTER,
  RTM_GETTFILTER,
  RTM_NEWTFILTER,
  TCA_KIND,
  TCA_OPTIONS,
  TC_HEADER,
  decodeTrafficHeader,
  trafficHeader,
} from "./traffic-control.ts";

/** What becomes of a packet (struct tc_mirred, linux/tc_act/tc_mirred.h): it, or a copy, goes to another link. */
export interface Mirred {
  readonly action: "redirect" | "mirror";
  /** As if that link sent it (`egress`) or had received it. */
  readonly as: "egress" | "ingress";
  /** The link. */
  readonly ifindex: number;
}

/** Four bytes of a packet, counted from its network header, that must be `value` where `mask` has ones. */
export interface Match {
  readonly value: number;
  readonly mask: number;
  readonly offset: number;
}

/** Where a filter is, and which. */
export interface FilterRef {
  readonly ifindex: number;
  /** Of what the link receives, or of what it sends (needs the qdisc `clsact`). */
  readonly direction: "ingress" | "egress";
  /** The lowest is tried first. */
  readonly priority: number;
}

/** A filter u32 (struct tc_u32_sel, linux/pkt_cls.h) for packets of all protocols. */
export interface Filter extends FilterRef {
  /** All must hold. */
  readonly matches: readonly Match[];
  readonly actions: readonly Mirred[];
}

/** A filter as the kernel has it. `matches` and `actions` are those of a filter u32; other actions are left out. */
export interface ListedFilter extends FilterRef {
  /** The kernel's word: `u32`, `matchall`, ... */
  readonly kind: string;
  readonly matches?: readonly Match[];
  readonly actions?: readonly Mirred[];
}

/** TC_H_MIN_INGRESS and TC_H_MIN_EGRESS, linux/pkt_sched.h. */
const DIRECTIONS = { ingress: INGRESS_HANDLE + 0xfff2, egress: INGRESS_HANDLE + 0xfff3 } as const;
/** ETH_P_ALL in network byte order, linux/if_ether.h. */
const ALL_PROTOCOLS = LITTLE_ENDIAN ? 0x0300 : 0x0003;
/** The first filter of the first hash table, `800::800`. */
const HANDLE = 0x80000800;

const TCA_U32_SEL = 5;
const TCA_U32_ACT = 7;
const TCA_ACT_KIND = 1;
const TCA_ACT_OPTIONS = 2;
const TCA_MIRRED_PARMS = 2;
const TC_U32_TERMINAL = 1;
const TC_ACT_PIPE = 3;
const TC_ACT_STOLEN = 4;
const SELECTOR_LENGTH = 16;
const MATCH_LENGTH = 16;
const MIRRED_LENGTH = 28;

const MIRRED: readonly { readonly code: number; readonly action: Mirred["action"]; readonly as: Mirred["as"] }[] = [
  { code: 1, action: "redirect", as: "egress" },
  { code: 2, action: "mirror", as: "egress" },
  { code: 3, action: "redirect", as: "ingress" },
  { code: 4, action: "mirror", as: "ingress" },
];

/**
 * Add a filter. Fails with EEXIST when the link has one of that priority, and with EINVAL without the qdisc `ingress` or
 * `clsact`, with which it goes.
 */
export function newFilter(filter: Filter): NetlinkMessage {
  const { ifindex, matches, actions } = filter;
  const writer = trafficHeader({ ...headerOf(filter), handle: HANDLE });
  writer.string(TCA_KIND, "u32");
  writer.nest(TCA_OPTIONS, () => {
    writer.bytes(TCA_U32_SEL, encodeSelector(matches));
    writer.nest(TCA_U32_ACT, () => {
      for (const [index, action] of actions.entries()) encodeMirred(writer, index + 1, action);
    });
  });
  const op = `add a filter of what ifindex ${ifindex} ${filter.direction === "ingress" ? "receives" : "sends"}`;
  return { type: RTM_NEWTFILTER, flags: NLM_F_CREATE | NLM_F_EXCL, payload: writer.finish(), op };
}

/** Delete all filters of a priority. Fails with ENOENT when there is none. */
export function delFilter(filter: FilterRef): NetlinkMessage {
  const payload = trafficHeader(headerOf(filter)).finish();
  return { type: RTM_DELTFILTER, flags: 0, payload, op: `delete the filters of ifindex ${filter.ifindex}` };
}

/** List the filters of a link in one direction; none where it has no qdisc for them. */
export function listFilters(socket: NetlinkSocket, where: Omit<FilterRef, "priority">): ListedFilter[] {
  const { ifindex, direction } = where;
  const payload = trafficHeader({ ifindex, parent: DIRECTIONS[direction] }).finish();
  const op = `list the filters of ifindex ${ifindex}`;
  return socket.dump({ type: RTM_GETTFILTER, flags: 0, payload, op }, decodeFilter);
}

/** Decode the payload of RTM_NEWTFILTER; `undefined` for what only holds filters (a hash table). Throws EBADMSG. */
export function decodeFilter(payload: Buffer): ListedFilter | undefined {
  const attributes = new Attributes(payload, TC_HEADER);
  const { ifindex, handle, parent, info } = decodeTrafficHeader(payload);
  const options = attributes.nested(TCA_OPTIONS);
  const kind = attributes.string(TCA_KIND) ?? "";
  const selector = kind === "u32" ? options?.bytes(TCA_U32_SEL) : undefined;
  if (handle === 0 || (kind === "u32" && selector === undefined)) return undefined;
  const actions = options?.bytes(TCA_U32_ACT);
  return {
    ifindex,
    direction: parent === DIRECTIONS.egress ? "egress" : "ingress",
    priority: info >>> 16,
    kind,
    ...withoutUndefined({
      matches: selector && decodeSelector(selector),
      actions:
        selector && decodeAttributes(actions ?? Buffer.alloc(0)).flatMap(({ value }) => decodeMirred(value) ?? []),
    }),
  };
}

function headerOf({ ifindex, direction, priority }: FilterRef): Parameters<typeof trafficHeader>[0] {
  if (!Number.isInteger(priority) || priority < 1 || priority > 0xffff)
    throw new RangeError(`Not a priority: ${priority}`);
  return { ifindex, parent: DIRECTIONS[direction], info: priority * 0x10000 + ALL_PROTOCOLS };
}

/** struct tc_u32_sel and its struct tc_u32_key, linux/pkt_cls.h. */
function encodeSelector(matches: readonly Match[]): Uint8Array {
  if (matches.length > 0xff) throw new RangeError(`A filter has at most 255 matches, not ${matches.length}`);
  const view = new DataView(new ArrayBuffer(SELECTOR_LENGTH + matches.length * MATCH_LENGTH));
  view.setUint8(0, TC_U32_TERMINAL);
  view.setUint8(2, matches.length);
  for (const [index, { value, mask, offset }] of matches.entries()) {
    const at = SELECTOR_LENGTH + index * MATCH_LENGTH;
    view.setUint32(at, mask);
    view.setUint32(at + 4, value);
    view.setInt32(at + 8, offset, LITTLE_ENDIAN);
  }
  return new Uint8Array(view.buffer);
}

function decodeSelector(bytes: Buffer): Match[] {
  const count = bytes.length < SELECTOR_LENGTH ? 0 : bytes.readUInt8(2);
  if (bytes.length < SELECTOR_LENGTH + count * MATCH_LENGTH) throw malformed(`filter of ${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: count }, (_, index) => {
    const at = SELECTOR_LENGTH + index * MATCH_LENGTH;
    return { mask: view.getUint32(at), value: view.getUint32(at + 4), offset: view.getInt32(at + 8, LITTLE_ENDIAN) };
  });
}

function encodeMirred(writer: AttributeWriter, order: number, { action, as, ifindex }: Mirred): void {
  const code = MIRRED.find((one) => one.action === action && one.as === as)?.code ?? 0;
  const view = new DataView(new ArrayBuffer(MIRRED_LENGTH));
  view.setInt32(8, action === "redirect" ? TC_ACT_STOLEN : TC_ACT_PIPE, LITTLE_ENDIAN);
  view.setInt32(20, code, LITTLE_ENDIAN);
  view.setUint32(24, ifindex, LITTLE_ENDIAN);
  writer.nest(order, () => {
    writer.string(TCA_ACT_KIND, "mirred");
    writer.nest(TCA_ACT_OPTIONS, () => writer.bytes(TCA_MIRRED_PARMS, new Uint8Array(view.buffer)));
  });
}

function decodeMirred(bytes: Buffer): Mirred | undefined {
  const attributes = new Attributes(bytes);
  if (attributes.string(TCA_ACT_KIND) !== "mirred") return undefined;
  const parameters = attributes.nested(TCA_ACT_OPTIONS)?.bytes(TCA_MIRRED_PARMS) ?? Buffer.alloc(0);
  if (parameters.length < MIRRED_LENGTH) throw malformed(`action of ${parameters.length} bytes`);
  const view = new DataView(parameters.buffer, parameters.byteOffset, MIRRED_LENGTH);
  const found = MIRRED.find(({ code }) => code === view.getInt32(20, LITTLE_ENDIAN));
  return found && { action: found.action, as: found.as, ifindex: view.getUint32(24, LITTLE_ENDIAN) };
}
