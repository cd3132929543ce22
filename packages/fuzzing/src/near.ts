import * as fc from "fast-check";

/** Valid bytes with some changed, and an end cut off or added; or any. */
export function bytesNear(valid: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Buffer> {
  const change = fc.tuple(fc.nat(), fc.nat(255));
  const mutant = fc
    .tuple(valid, fc.array(change, { maxLength: 8 }), fc.nat(), fc.uint8Array({ maxLength: 30 }))
    .map(([bytes, changes, length, more]) => {
      const copy = Buffer.from(bytes);
      if (copy.length > 0) for (const [at, byte] of changes) copy[at % copy.length] = byte;
      return Buffer.concat([changes.length % 2 === 0 ? copy : copy.subarray(0, length % (copy.length + 1)), more]);
    });
  return fc.oneof(
    { weight: 4, arbitrary: mutant },
    fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes)),
  );
}

/** Valid texts with a character replaced, added or removed; texts made of a grammar's pieces; any other text. */
export function textNear(valid: fc.Arbitrary<string>, alphabet: string): fc.Arbitrary<string> {
  const letter = fc.constantFrom(...alphabet.split(""));
  const mutant = fc
    .tuple(valid, fc.nat(), fc.nat(1), fc.oneof(letter, fc.constant("")))
    .map(([text, place, cut, put]) => {
      const at = place % (text.length + 1);
      return text.slice(0, at) + put + text.slice(at + cut);
    });
  const pieces = fc.array(letter, { maxLength: 20 }).map((letters) => letters.join(""));
  return fc.oneof({ weight: 4, arbitrary: mutant }, pieces, valid, fc.string({ unit: "binary" }));
}

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** What programs of all kinds trip over; undefined: nothing at all. */
const odd: readonly (Json | undefined)[] = [
  undefined,
  null,
  true,
  "",
  [],
  {},
  0,
  -1,
  1e308,
  -0.5,
  2 ** 53,
  65_536,
  "0",
  "-",
  "\u0000",
  "\uD800",
  "../..",
  "constructor",
  "a=b,c",
  "x".repeat(5000),
  [null],
  [[]],
  [{}],
  { a: null },
  { constructor: { prototype: {} } },
  JSON.parse('{"__proto__": {"x": 1}}') as Json,
];

/** A valid document with values in it, one as a rule, replaced by odd ones, or left out; or any document. */
export function jsonNear(valid: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const change = fc.tuple(fc.nat(), fc.constantFrom(...odd));
  const some = (count: number): fc.Arbitrary<[number, Json | undefined][]> =>
    fc.array(change, { minLength: count, maxLength: count });
  const changes = fc.oneof({ weight: 4, arbitrary: some(1) }, { weight: 1, arbitrary: some(3) });
  const mutant = fc
    .tuple(valid as fc.Arbitrary<Json>, changes)
    .map(([document, wanted]) => wanted.reduce((so, [place, value]) => changed(so, place, value), document));
  return fc.oneof({ weight: 20, arbitrary: mutant }, fc.jsonValue());
}

/** @param value undefined: none */
function changed(document: Json, place: number, value: Json | undefined): Json {
  const at = place % countOf(document);
  return replaced(document, at, value) ?? null;
}

function countOf(node: Json): number {
  return 1 + children(node).reduce((sum, [, child]) => sum + countOf(child), 0);
}

function children(node: Json): (readonly [string, Json])[] {
  return typeof node === "object" && node !== null ? Object.entries(node) : [];
}

/** The node that is the `at`th, depth first, replaced. */
function replaced(node: Json, at: number, value: Json | undefined): Json | undefined {
  if (at === 0) return value;
  let left = at - 1;
  const kept = children(node).flatMap(([key, child]) => {
    const count = countOf(child);
    const mine = left >= 0 && left < count ? replaced(child, left, value) : child;
    left -= count;
    return mine === undefined ? [] : [[key, mine] as const];
  });
  return Array.isArray(node) ? kept.map(([, child]) => child) : Object.fromEntries(kept);
}
