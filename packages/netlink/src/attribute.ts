import { endianness } from "node:os";
import { malformed } from "./errors.ts";

/** Netlink is spoken in the byte order of the host. */
export const LITTLE_ENDIAN: boolean = endianness() === "LE";

/** linux/netlink.h: the attribute holds attributes. */
const NLA_F_NESTED = 0x8000;
/** linux/netlink.h: the bits of nla_type that are the type; the others are flags. */
export const NLA_TYPE_MASK = 0x3fff;

const HEADER = 4;
/** For attributes without one, which are most. */
const noHeader = new DataView(new ArrayBuffer(0));

/** Round up to the alignment of netlink messages and attributes (NLA_ALIGN). */
export function align4(length: number): number {
  return (length + 3) & ~3;
}

/** Writes a fixed header and attributes (struct nlattr, linux/netlink.h) into one growing buffer. */
export class AttributeWriter {
  #buffer: Buffer;
  #view: DataView;
  #length: number;

  /** Start with `headerLength` zero bytes for the family's header. */
  constructor(headerLength = 0, capacity = 256) {
    this.#buffer = Buffer.allocUnsafe(Math.max(capacity, headerLength));
    this.#view = viewOf(this.#buffer);
    this.#buffer.fill(0, 0, headerLength);
    this.#length = headerLength;
  }

  /** The header's bytes, for the family to fill in before the first attribute is written. */
  get header(): DataView {
    return this.#view;
  }

  u8(type: number, value: number): this {
    const at = this.#attribute(type, 1);
    this.#view.setUint8(at, value);
    return this;
  }

  u16(type: number, value: number): this {
    const at = this.#attribute(type, 2);
    this.#view.setUint16(at, value, LITTLE_ENDIAN);
    return this;
  }

  u32(type: number, value: number): this {
    const at = this.#attribute(type, 4);
    this.#view.setUint32(at, value, LITTLE_ENDIAN);
    return this;
  }

  u64(type: number, value: bigint): this {
    const at = this.#attribute(type, 8);
    this.#view.setBigUint64(at, value, LITTLE_ENDIAN);
    return this;
  }

  /** A 16-bit number in network byte order, as ports are. */
  be16(type: number, value: number): this {
    const at = this.#attribute(type, 2);
    this.#view.setUint16(at, value, false);
    return this;
  }

  /** A 32-bit number in network byte order. */
  be32(type: number, value: number): this {
    const at = this.#attribute(type, 4);
    this.#view.setUint32(at, value, false);
    return this;
  }

  /** A string with its terminating zero byte. */
  string(type: number, value: string): this {
    const length = Buffer.byteLength(value);
    const at = this.#attribute(type, length + 1);
    this.#buffer.write(value, at, length);
    this.#buffer[at + length] = 0;
    return this;
  }

  bytes(type: number, value: Uint8Array): this {
    const at = this.#attribute(type, value.length);
    this.#buffer.set(value, at);
    return this;
  }

  /** An attribute without a value, whose presence says it all. */
  flag(type: number): this {
    this.#attribute(type, 0);
    return this;
  }

  /** An attribute that holds `headerLength` zero bytes and then what `write` writes. */
  nest(type: number, write: (writer: this, header: DataView) => void, headerLength = 0): this {
    const at = this.#attribute(type | NLA_F_NESTED, headerLength);
    this.#buffer.fill(0, at, at + headerLength);
    write(
      this,
      headerLength === 0 ? noHeader : new DataView(this.#buffer.buffer, this.#buffer.byteOffset + at, headerLength),
    );
    this.#view.setUint16(at - HEADER, this.#checked(this.#length - at + HEADER), LITTLE_ENDIAN);
    return this;
  }

  /** Everything written so far. The writer must not be used after this. */
  finish(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  #attribute(type: number, length: number): number {
    const start = this.#length;
    const end = start + HEADER + align4(length);
    if (end > this.#buffer.length) this.#grow(end);
    this.#view.setUint16(start, this.#checked(HEADER + length), LITTLE_ENDIAN);
    this.#view.setUint16(start + 2, type, LITTLE_ENDIAN);
    this.#buffer.fill(0, start + HEADER + length, end);
    this.#length = end;
    return start + HEADER;
  }

  #checked(length: number): number {
    if (length > 0xffff) throw new RangeError(`A netlink attribute holds at most 65,535 bytes; this one has ${length}`);
    return length;
  }

  #grow(needed: number): void {
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
    this.#view = viewOf(larger);
  }
}

/** One decoded attribute: its type without flags, and its value. */
export interface Attribute {
  readonly type: number;
  readonly value: Buffer;
}

/** The attributes in `bytes`, in order. Throws EBADMSG when a length points outside. */
export function decodeAttributes(bytes: Buffer): Attribute[] {
  const found: Attribute[] = [];
  walk(bytes, 0, (type, start, end) => found.push({ type, value: bytes.subarray(start, end) }));
  return found;
}

/** Calls `visit` with the type of each attribute from `offset` on, and where its value is. */
function walk(bytes: Buffer, offset: number, visit: (type: number, start: number, end: number) => void): void {
  let at = offset;
  while (bytes.length - at >= HEADER) {
    const length = readU16(bytes, at);
    const type = readU16(bytes, at + 2) & NLA_TYPE_MASK;
    if (length < HEADER || at + length > bytes.length) {
      throw malformed(`attribute ${type} claims ${length} bytes, ${bytes.length - at} are left`);
    }
    visit(type, at + HEADER, at + length);
    at += align4(length);
  }
}

/** By hand, for a dump is read by nothing else: Buffer's own checks take as long as all the rest. */
function readU16(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0;
  const second = bytes[at + 1] ?? 0;
  return LITTLE_ENDIAN ? first | (second << 8) : (first << 8) | second;
}

/**
 * A set of attributes by type. Every getter returns `undefined` for an absent one and throws EBADMSG for a short one. A
 * link has fifty of them and most are never asked for, so only where they are is kept.
 */
export class Attributes {
  readonly #bytes: Buffer;
  /** Where the value of each begins; its length is in front of it. */
  readonly #starts = new Map<number, number>();

  /** Decode `bytes` from `offset`. Of a type that occurs twice the last one counts, as in the kernel. */
  constructor(bytes: Buffer, offset = 0) {
    if (offset > bytes.length) throw malformed(`${bytes.length} bytes, the header alone has ${offset}`);
    this.#bytes = bytes;
    walk(bytes, offset, (type, start) => this.#starts.set(type, start));
  }

  has(type: number): boolean {
    return this.#starts.has(type);
  }

  /** The value as it is. It shares memory with the message: copy it to keep it. */
  bytes(type: number): Buffer | undefined {
    const start = this.#starts.get(type);
    return start === undefined ? undefined : this.#bytes.subarray(start, this.#end(start));
  }

  u8(type: number): number | undefined {
    const at = this.#sized(type, 1);
    return at === undefined ? undefined : this.#bytes[at];
  }

  u16(type: number): number | undefined {
    const at = this.#sized(type, 2);
    return at === undefined ? undefined : readU16(this.#bytes, at);
  }

  u32(type: number): number | undefined {
    const at = this.#sized(type, 4);
    if (at === undefined) return undefined;
    return LITTLE_ENDIAN ? this.#bytes.readUInt32LE(at) : this.#bytes.readUInt32BE(at);
  }

  i32(type: number): number | undefined {
    const value = this.u32(type);
    return value === undefined ? undefined : value | 0;
  }

  u64(type: number): bigint | undefined {
    const at = this.#sized(type, 8);
    if (at === undefined) return undefined;
    return LITTLE_ENDIAN ? this.#bytes.readBigUInt64LE(at) : this.#bytes.readBigUInt64BE(at);
  }

  /** A 16-bit number in network byte order. */
  be16(type: number): number | undefined {
    const at = this.#sized(type, 2);
    return at === undefined ? undefined : this.#bytes.readUInt16BE(at);
  }

  /** A 32-bit number in network byte order. */
  be32(type: number): number | undefined {
    const at = this.#sized(type, 4);
    return at === undefined ? undefined : this.#bytes.readUInt32BE(at);
  }

  /** Text up to the terminating zero byte, or to the end when there is none. */
  string(type: number): string | undefined {
    const start = this.#starts.get(type);
    if (start === undefined) return undefined;
    const last = this.#end(start);
    const end = this.#bytes.indexOf(0, start);
    return this.#bytes.toString("utf8", start, end < 0 || end > last ? last : end);
  }

  /** The attributes inside this one, after `offset` bytes of header. */
  nested(type: number, offset = 0): Attributes | undefined {
    const value = this.bytes(type);
    return value && new Attributes(value, offset);
  }

  #end(start: number): number {
    return start - HEADER + readU16(this.#bytes, start - HEADER);
  }

  /** Where the value begins, which has to be that long at least. */
  #sized(type: number, length: number): number | undefined {
    const start = this.#starts.get(type);
    if (start === undefined) return undefined;
    const found = this.#end(start) - start;
    if (found < length) throw malformed(`attribute ${type} has ${found} bytes, not ${length}`);
    return start;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
