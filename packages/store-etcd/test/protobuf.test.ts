import * as fc from "fast-check";
import { expect, test } from "vitest";
import { big, flag, int, many, message, one, text, type Message } from "../src/protobuf.ts";

interface Leaf {
  readonly count: number;
  readonly id: bigint;
  readonly on: boolean;
  readonly name: string;
}

const leaf: Message<Leaf> = message({ count: int(1), id: big(2), on: flag(3), name: text(16) });

interface Tree {
  readonly leaf?: Leaf;
  readonly leaves: readonly Leaf[];
}

const tree: Message<Tree> = message({ leaf: one(64, leaf), leaves: many(2, leaf) });

test("what is encoded is decoded", () => {
  const leaves = fc.record({
    count: fc.maxSafeNat(),
    id: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    on: fc.boolean(),
    name: fc.string({ unit: "binary" }).filter((name) => name.isWellFormed()),
  });
  const trees = fc.record({ leaf: leaves, leaves: fc.array(leaves) }, { requiredKeys: ["leaves"] });
  fc.assert(
    fc.property(trees, (value) => {
      expect(tree.decode(tree.encode(value))).toEqual(value);
    }),
  );
});

test("bytes are those of the specification", () => {
  // The examples of protobuf.dev, "Encoding": varint 150 in field 1, and "testing" in field 2.
  expect(message<{ a: number }>({ a: int(1) }).encode({ a: 150 })).toEqual(Buffer.from("089601", "hex"));
  expect(message<{ b: string }>({ b: text(2) }).encode({ b: "testing" })).toEqual(
    Buffer.from("120774657374696e67", "hex"),
  );
  expect(message<{ a: number }>({ a: int(1) }).decode(Buffer.from("08ffffffffffffffffff01", "hex"))).toEqual({ a: -1 });
});

test("fields that aren't there are zero, and what a newer server says is passed over", () => {
  expect(leaf.decode(Buffer.alloc(0))).toEqual({ count: 0, id: 0n, on: false, name: "" });
  expect(tree.decode(Buffer.alloc(0))).toEqual({ leaves: [] });
  // Field 9 as varint, 64 bits, bytes and 32 bits.
  const unknown = Buffer.from(["4801", "490102030405060708", "4a020101", "4d01020304"].join(""), "hex");
  expect(leaf.decode(Buffer.concat([unknown, Buffer.from("0805", "hex")]))).toMatchObject({ count: 5 });
});

test("a message that breaks off is refused", () => {
  for (const hex of ["08", "0880", "8201057465", "4b"]) {
    expect(() => leaf.decode(Buffer.from(hex, "hex")), hex).toThrow(RangeError);
  }
});
