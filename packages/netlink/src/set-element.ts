import { AttributeWriter, align4 } from "./attribute.ts";
import { NLM_F_CREATE, NLM_F_EXCL } from "./message.ts";
import type { NetlinkMessage } from "./message.ts";

/** An element of a set or map of nftables. Values are as the kernel keeps them: see {@link nftValue}. */
export interface SetElement {
  readonly key: Uint8Array;
  /** The last key, in a set of intervals: each part of the key from that of `key` to this. */
  readonly keyEnd?: Uint8Array;
  /** What a map holds for the key. Verdicts are not supported. */
  readonly data?: Uint8Array;
  /** As nft's own `comment`: at most 127 bytes. */
  readonly comment?: string;
}

/** A set or map, by name. `family` is 1 for inet, 2 for ip, 10 for ip6 (NFPROTO_*, linux/netfilter.h). */
export interface SetRef {
  readonly family: number;
  readonly table: string;
  readonly set: string;
}

export const NFPROTO_INET = 1;
export const NFPROTO_BRIDGE = 7;
/** Of transactions that change nftables, linux/netfilter/nfnetlink.h. */
export const NFNL_SUBSYS_NFTABLES = 10;

const NEW = (NFNL_SUBSYS_NFTABLES << 8) | 12;
const DELETE = (NFNL_SUBSYS_NFTABLES << 8) | 14;
const HEADER = 4;

/** NFTA_SET_ELEM_LIST_*, linux/netfilter/nf_tables.h. */
const LIST_TABLE = 1;
const LIST_SET = 2;
const LIST_ELEMENTS = 3;
const LIST_ELEMENT = 1;
/** NFTA_SET_ELEM_*. */
const ELEMENT_KEY = 1;
const ELEMENT_DATA = 2;
const ELEMENT_USERDATA = 6;
const ELEMENT_KEY_END = 10;
const DATA_VALUE = 1;
/** What nft keeps in the user data: type, length, zero-terminated text. */
const COMMENT = 0;

/**
 * Add elements; with `exclusive` it is EEXIST when one of them is there already, else that is no change.
 * For {@link NetlinkSocket.transaction}.
 */
export function newSetElements(set: SetRef, elements: readonly SetElement[], exclusive = true): NetlinkMessage {
  const flags = NLM_F_CREATE | (exclusive ? NLM_F_EXCL : 0);
  return { type: NEW, flags, payload: encode(set, elements), op: `add ${elements.length} elements to ${set.set}` };
}

/** Delete elements, by their keys; ENOENT when one isn't there. For {@link NetlinkSocket.transaction}. */
export function delSetElements(set: SetRef, elements: readonly SetElement[]): NetlinkMessage {
  const payload = encode(
    set,
    elements.map(({ key, keyEnd }) => (keyEnd === undefined ? { key } : { key, keyEnd })),
  );
  return { type: DELETE, flags: 0, payload, op: `delete ${elements.length} elements of ${set.set}` };
}

/**
 * The bytes of a key or of data: numbers in network byte order, addresses as they are, each part of a concatenation
 * filled up to 32 bits.
 * @param parts an address (its bytes), or a number with its size in bits
 */
export function nftValue(...parts: readonly (Uint8Array | readonly [value: number, bits: 8 | 16 | 32])[]): Uint8Array {
  const value = new Uint8Array(
    parts.reduce((sum, part) => sum + (part instanceof Uint8Array ? align4(part.length) : 4), 0),
  );
  let at = 0;
  for (const part of parts) {
    if (part instanceof Uint8Array) {
      value.set(part, at);
      at += align4(part.length);
    } else {
      const [number, bits] = part;
      for (let shift = bits - 8, to = at; shift >= 0; shift -= 8) value[to++] = number >>> shift;
      at += 4;
    }
  }
  return value;
}

function encode({ family, table, set }: SetRef, elements: readonly SetElement[]): Buffer {
  const writer = new AttributeWriter(HEADER, 128 + elements.length * 96);
  writer.header.setUint8(0, family);
  writer.string(LIST_TABLE, table).string(LIST_SET, set);
  writer.nest(LIST_ELEMENTS, () => {
    for (const element of elements) writer.nest(LIST_ELEMENT, () => encodeElement(writer, element));
  });
  return writer.finish();
}

function encodeElement(writer: AttributeWriter, { key, keyEnd, data, comment }: SetElement): void {
  writer.nest(ELEMENT_KEY, () => writer.bytes(DATA_VALUE, key));
  if (keyEnd !== undefined) writer.nest(ELEMENT_KEY_END, () => writer.bytes(DATA_VALUE, keyEnd));
  if (data !== undefined) writer.nest(ELEMENT_DATA, () => writer.bytes(DATA_VALUE, data));
  if (comment === undefined) return;
  const length = Buffer.byteLength(comment) + 1;
  const userData = Buffer.alloc(2 + length);
  userData[0] = COMMENT;
  userData[1] = length;
  userData.write(comment, 2);
  writer.bytes(ELEMENT_USERDATA, userData);
}
