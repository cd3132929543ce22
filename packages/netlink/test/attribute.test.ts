import * as fc from "fast-check";
import { expect, test } from "vitest";
import { AttributeWriter, Attributes, decodeAttributes } from "../src/attribute.ts";
import { malformed } from "../src/errors.ts";

type Tree = readonly [type: number, value: Uint8Array | readonly Tree[]];

const type = fc.integer({ min: 1, max: 0x3fff });
const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.tuple(
    type,
    fc.oneof({ depthSize: "small" }, fc.uint8Array({ maxLength: 40 }), fc.array(tie("tree"), { maxLength: 4 })),
  ),
}));

function write(writer: AttributeWriter, trees: readonly Tree[]): void {
  for (const [type, value] of trees) {
    if (value instanceof Uint8Array) writer.bytes(type, value);
    else writer.nest(type, () => write(writer, value));
  }
}

/** The same trees, read from `bytes` with the shape of `trees`. */
function read(bytes: Buffer, trees: readonly Tree[]): Tree[] {
  return decodeAttributes(bytes).map(({ type, value }, index) => {
    const expected = trees[index]?.[1];
    return [type, expected && !(expected instanceof Uint8Array) ? read(value, expected) : new Uint8Array(value)];
  });
}

test("what was written is read back, however it is nested and however often the buffer grows", () => {
  fc.assert(
    fc.property(fc.array(tree, { maxLength: 12 }), fc.integer({ min: 0, max: 300 }), (trees, capacity) => {
      const writer = new AttributeWriter(0, capacity);
      write(writer, trees);
      const bytes = writer.finish();
      expect(bytes.length % 4).toBe(0);
      expect(read(bytes, trees)).toEqual(trees);
    }),
  );
});

test("numbers and strings keep their value", () => {
  const u32 = fc.integer({ min: 0, max: 0xffffffff });
  const u64 = fc.bigInt({ min: 0n, max: 0xffffffffffffffffn });
  const text = fc.string({ unit: "binary" }).filter((value) => !value.includes("\0") && value.isWellFormed());
  fc.assert(
    fc.property(u32, u64, text, (number, long, text) => {
      const bytes = new AttributeWriter(8)
        .u8(1, number & 0xff)
        .u16(2, number & 0xffff)
        .u32(3, number)
        .u64(4, long)
        .be16(5, number & 0xffff)
        .be32(6, number)
        .string(7, text)
        .flag(8)
        .finish();
      const read = new Attributes(bytes, 8);
      expect([read.u8(1), read.u16(2), read.u32(3), read.u64(4)]).toEqual([
        number & 0xff,
        number & 0xffff,
        number,
        long,
      ]);
      expect([read.be16(5), read.be32(6), read.i32(3)]).toEqual([number & 0xffff, number, number | 0]);
      expect([read.string(7), read.has(8), read.has(9), read.u32(9)]).toEqual([text, true, false, undefined]);
    }),
  );
});

test("a port is written in network byte order", () => {
  expect([...new AttributeWriter().be16(1, 4789).finish().subarray(4, 6)]).toEqual([0x12, 0xb5]);
});

test("any bytes decode or are refused as malformed", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.integer({ min: 0, max: 16 }), (bytes, offset) => {
      let refusal: unknown = malformed("nothing");
      try {
        const attributes = new Attributes(Buffer.from(bytes), offset);
        for (let type = 0; type < 8; type++) attributes.u64(type);
      } catch (error) {
        refusal = error;
      }
      expect(refusal).toMatchObject({ name: "NetlinkError", code: "EBADMSG" });
    }),
    { numRuns: 2000 },
  );
});

test("an attribute that doesn't fit its length field is refused", () => {
  expect(() => new AttributeWriter().bytes(1, new Uint8Array(65_532))).toThrow(RangeError);
  const writer = new AttributeWriter();
  expect(() => writer.nest(1, () => writer.bytes(2, new Uint8Array(40_000)).bytes(3, new Uint8Array(40_000)))).toThrow(
    RangeError,
  );
});

test("a number shorter than its type is malformed", () => {
  const bytes = new AttributeWriter().u8(1, 1).finish();
  expect(() => new Attributes(bytes).u32(1)).toThrow("attribute 1 has 1 bytes, not 4");
});
