/**
 * As much of protobuf's wire format as etcd's messages need (protobuf.dev, "Encoding"): integers, booleans, text, bytes
 * that hold text, and messages.
 */

const varint = 0;
const delimited = 2;

/** How a field of type T goes over the wire. */
export interface Field<T> {
  readonly id: number;
  readonly repeated?: true;
  /** What the field is when it is not in a message; undefined for a message. */
  readonly absent: T | undefined;
  write(value: T, out: Writer): void;
  /** `before`: what the same field said earlier in the message. */
  read(reader: Reader, before: T | undefined): T;
}

export interface Message<T> {
  encode(value: T): Buffer;
  /** Fields that aren't there have their type's zero; messages that aren't there are undefined. */
  decode(bytes: Buffer): T;
}

/** Up to 2^53: revisions, counts, enumerations. */
export function int(id: number): Field<number> {
  return {
    id,
    absent: 0,
    write: (value, out) => out.varint(id, BigInt(value)),
    read: (reader) => Number(reader.varint()),
  };
}

/** 64 bits: ids. */
export function big(id: number): Field<bigint> {
  return { id, absent: 0n, write: (value, out) => out.varint(id, value), read: (reader) => reader.varint() };
}

export function flag(id: number): Field<boolean> {
  return {
    id,
    absent: false,
    write: (value, out) => out.varint(id, value ? 1n : 0n),
    read: (reader) => reader.varint() !== 0n,
  };
}

/** `string`, and `bytes` that hold text. */
export function text(id: number): Field<string> {
  return {
    id,
    absent: "",
    write: (value, out) => out.delimited(id, Buffer.from(value)),
    read: (reader) => reader.delimited().toString(),
  };
}

export function one<T>(id: number, type: Message<T>): Field<T> {
  return {
    id,
    absent: undefined,
    write: (value, out) => out.delimited(id, type.encode(value)),
    read: (reader) => type.decode(reader.delimited()),
  };
}

export function many<T>(id: number, type: Message<T>): Field<readonly T[]> {
  return {
    id,
    repeated: true,
    absent: [],
    write: (values, out) => values.forEach((value) => out.delimited(id, type.encode(value))),
    read: (reader, before = []) => {
      // The array is this decoder's own until the message is complete.
      const all = before.length === 0 ? [] : (before as T[]);
      all.push(type.decode(reader.delimited()));
      return all;
    },
  };
}

export function message<T extends object>(fields: { readonly [K in keyof T]-?: Field<NonNullable<T[K]>> }): Message<T> {
  const known = Object.entries<Field<unknown>>(fields);
  const byId = new Map(known.map(([name, field]) => [field.id, { name, field }]));
  return {
    encode(value) {
      const out = new Writer();
      const given = { ...value } as Readonly<Record<string, unknown>>;
      for (const [name, field] of known) if (given[name] !== undefined) field.write(given[name], out);
      return out.bytes();
    },
    decode(bytes) {
      const value: Record<string, unknown> = {};
      for (const [name, { absent }] of known) if (absent !== undefined) value[name] = absent;
      const reader = new Reader(bytes);
      while (!reader.done) {
        const { id, wire } = reader.tag();
        const found = byId.get(id);
        if (found === undefined) reader.skip(wire);
        else value[found.name] = found.field.read(reader, value[found.name]);
      }
      return value as T;
    },
  };
}

class Writer {
  readonly #parts: Buffer[] = [];

  varint(id: number, value: bigint): void {
    this.#number(BigInt((id << 3) | varint));
    this.#number(BigInt.asUintN(64, value));
  }

  delimited(id: number, bytes: Buffer): void {
    this.#number(BigInt((id << 3) | delimited));
    this.#number(BigInt(bytes.length));
    this.#parts.push(bytes);
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }

  #number(value: bigint): void {
    const bytes: number[] = [];
    for (; value > 0x7fn; value >>= 7n) bytes.push(Number(value & 0x7fn) | 0x80);
    bytes.push(Number(value));
    this.#parts.push(Buffer.from(bytes));
  }
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  tag(): { readonly id: number; readonly wire: number } {
    const tag = Number(this.varint());
    return { id: tag >>> 3, wire: tag & 7 };
  }

  /** As int64. */
  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new RangeError("a protobuf message ends within a number");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
  }

  delimited(): Buffer {
    const length = Number(this.varint());
    const bytes = this.#bytes.subarray(this.#at, (this.#at += length));
    if (bytes.length !== length) throw new RangeError("a protobuf message ends within a field");
    return bytes;
  }

  /** What a newer server says and this client doesn't know. */
  skip(wire: number): void {
    if (wire === varint) this.varint();
    else if (wire === delimited) this.delimited();
    else if (wire === 1) this.#at += 8;
    else if (wire === 5) this.#at += 4;
    else throw new RangeError(`a protobuf message has a field of the unknown wire type ${wire}`);
  }
}
