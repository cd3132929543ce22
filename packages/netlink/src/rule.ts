import { Attributes, AttributeWriter, LITTLE_ENDIAN } from "./attribute.ts";
import { nameOf, withoutUndefined } from "./decoded.ts";
import { AF_INET, AF_INET6, familyOfVersion, ofFamily } from "./ip-family.ts";
import type { IpVersion } from "./ip-family.ts";
import { formatPrefix, parsePrefix } from "./ip-bytes.ts";
import { NLM_F_CREATE, NLM_F_EXCL } from "./message.ts";
import type { NetlinkMessage } from "./message.ts";
import type { NetlinkSocket } from "./socket.ts";

const ACTIONS = { lookup: 1, goto: 2, nop: 3, blackhole: 6, unreachable: 7, prohibit: 8 } as const;

/** What a rule does with a packet that it matches (FR_ACT_*, linux/fib_rules.h). */
export type RuleAction = keyof typeof ACTIONS;

/** A routing policy rule (struct fib_rule_hdr, FRA_*; linux/fib_rules.h). */
export interface Rule {
  readonly version: IpVersion;
  /** Rules are tried in this order. Default: one less than the first one's after 0. */
  readonly priority?: number;
  /** Default: lookup. */
  readonly action?: RuleAction;
  /** The route table to look up. */
  readonly table?: number;
  /** The priority of the rule to go on with. */
  readonly gotoPriority?: number;
  /** Match the source: `10.0.0.0/8`. */
  readonly from?: string;
  /** Match the destination. */
  readonly to?: string;
  /** Match the name of the link that the packet came in on. */
  readonly iifName?: string;
  /** Match the name of the link that the sender is bound to. */
  readonly oifName?: string;
  readonly mark?: number;
  /** Which bits of the mark count. Default: all. */
  readonly markMask?: number;
  /** Match the IP protocol number. */
  readonly ipProtocol?: number;
  /** Pass over what the table answers with a prefix of this length or shorter. */
  readonly suppressPrefixLength?: number;
  /** Match what doesn't match. */
  readonly invert?: boolean;
  /** Who made the rule (RTPROT_*). Default: 4, static. */
  readonly protocol?: number;
}

/** A rule as the kernel has it. */
export interface ListedRule extends Rule {
  readonly priority: number;
  readonly action: RuleAction;
  readonly protocol: number;
}

const RTM_NEWRULE = 32;
const RTM_DELRULE = 33;
const RTM_GETRULE = 34;
const HEADER = 12;

const FRA_DST = 1;
const FRA_SRC = 2;
const FRA_IIFNAME = 3;
const FRA_GOTO = 4;
const FRA_PRIORITY = 6;
const FRA_FWMARK = 10;
const FRA_SUPPRESS_PREFIXLEN = 14;
const FRA_TABLE = 15;
const FRA_FWMASK = 16;
const FRA_OIFNAME = 17;
const FRA_PROTOCOL = 21;
const FRA_IP_PROTO = 22;
const FIB_RULE_INVERT = 2;
const RTPROT_STATIC = 4;

/** Add a rule. Fails with EEXIST when there is an equal one. */
export function newRule(rule: Rule): NetlinkMessage {
  const payload = encode({ protocol: RTPROT_STATIC, action: "lookup", ...rule });
  return { type: RTM_NEWRULE, flags: NLM_F_CREATE | NLM_F_EXCL, payload, op: `add ${describeRule(rule)}` };
}

/** Delete the first rule to which everything that is given applies. Fails with ENOENT when there is none. */
export function delRule(rule: Rule): NetlinkMessage {
  return { type: RTM_DELRULE, flags: 0, payload: encode(rule), op: `delete ${describeRule(rule)}` };
}

/** List the rules of the socket's namespace. */
export function listRules(socket: NetlinkSocket, version?: IpVersion): ListedRule[] {
  const writer = new AttributeWriter(HEADER);
  writer.header.setUint8(0, familyOfVersion(version));
  return socket.dump({ type: RTM_GETRULE, flags: 0, payload: writer.finish(), op: "list rules" }, decodeRule);
}

/** Decode the payload of RTM_NEWRULE; `undefined` for one that isn't about IP. Throws EBADMSG. */
export function decodeRule(payload: Buffer): ListedRule | undefined {
  const attributes = new Attributes(payload, HEADER);
  const family = payload.readUInt8(0);
  const action = nameOf(ACTIONS, payload.readUInt8(7));
  if (!action || (family !== AF_INET && family !== AF_INET6)) return undefined;
  const flags = LITTLE_ENDIAN ? payload.readUInt32LE(8) : payload.readUInt32BE(8);
  const prefix = (type: number, length: number): string | undefined => {
    const bytes = attributes.bytes(type);
    return bytes && formatPrefix({ bytes: ofFamily(bytes, family), length });
  };
  const table = attributes.u32(FRA_TABLE) ?? payload.readUInt8(4);
  const suppressed = attributes.i32(FRA_SUPPRESS_PREFIXLEN);
  const mark = attributes.u32(FRA_FWMARK);
  return {
    version: family === AF_INET ? 4 : 6,
    priority: attributes.u32(FRA_PRIORITY) ?? 0,
    action,
    protocol: attributes.u8(FRA_PROTOCOL) ?? 0,
    ...withoutUndefined({
      table: table || undefined,
      gotoPriority: attributes.u32(FRA_GOTO),
      from: prefix(FRA_SRC, payload.readUInt8(2)),
      to: prefix(FRA_DST, payload.readUInt8(1)),
      iifName: attributes.string(FRA_IIFNAME),
      oifName: attributes.string(FRA_OIFNAME),
      mark,
      markMask: mark === undefined ? undefined : attributes.u32(FRA_FWMASK),
      ipProtocol: attributes.u8(FRA_IP_PROTO),
      suppressPrefixLength: suppressed === -1 ? undefined : suppressed,
      invert: flags & FIB_RULE_INVERT ? true : undefined,
    }),
  };
}

function encode(rule: Rule): Buffer {
  const writer = new AttributeWriter(HEADER);
  const view = writer.header;
  const from = rule.from === undefined ? undefined : parsePrefix(rule.from);
  const to = rule.to === undefined ? undefined : parsePrefix(rule.to);
  view.setUint8(0, familyOfVersion(rule.version));
  view.setUint8(1, to?.length ?? 0);
  view.setUint8(2, from?.length ?? 0);
  view.setUint8(7, rule.action === undefined ? 0 : ACTIONS[rule.action]);
  view.setUint32(8, rule.invert ? FIB_RULE_INVERT : 0, LITTLE_ENDIAN);
  if (to) writer.bytes(FRA_DST, to.bytes);
  if (from) writer.bytes(FRA_SRC, from.bytes);
  if (rule.iifName !== undefined) writer.string(FRA_IIFNAME, rule.iifName);
  if (rule.oifName !== undefined) writer.string(FRA_OIFNAME, rule.oifName);
  if (rule.gotoPriority !== undefined) writer.u32(FRA_GOTO, rule.gotoPriority);
  if (rule.priority !== undefined) writer.u32(FRA_PRIORITY, rule.priority);
  if (rule.mark !== undefined) writer.u32(FRA_FWMARK, rule.mark).u32(FRA_FWMASK, rule.markMask ?? 0xffffffff);
  if (rule.suppressPrefixLength !== undefined) writer.u32(FRA_SUPPRESS_PREFIXLEN, rule.suppressPrefixLength);
  if (rule.table !== undefined) writer.u32(FRA_TABLE, rule.table);
  if (rule.protocol !== undefined) writer.u8(FRA_PROTOCOL, rule.protocol);
  if (rule.ipProtocol !== undefined) writer.u8(FRA_IP_PROTO, rule.ipProtocol);
  return writer.finish();
}

function describeRule(rule: Rule): string {
  const priority = rule.priority === undefined ? "" : ` ${rule.priority}`;
  return `IPv${rule.version} rule${priority}${rule.table === undefined ? "" : ` for table ${rule.table}`}`;
}
