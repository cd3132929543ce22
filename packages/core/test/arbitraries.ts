import * as fc from "fast-check";
import { parseIp, type Ip } from "../src/index.ts";

export const ipv4Text: fc.Arbitrary<string> = fc.ipV4();
/** All spellings: any case, leading zeros, any run of zeros shortened, dotted tails. */
export const ipv6Text: fc.Arbitrary<string> = fc.ipV6();
export const anyIp: fc.Arbitrary<Ip> = fc.oneof(ipv4Text, ipv6Text).map(parseIp);

/** An address, or a subnet without bits behind its prefix. */
export const anySource: fc.Arbitrary<string> = fc.oneof(
  anyIp,
  fc.tuple(fc.nat(0xffff), fc.constantFrom(0, 8, 12, 16, 24, 32)).map(([bits, length]) => subnet4(bits, length)),
  fc.tuple(fc.nat(0xffff), fc.constantFrom(0, 8, 16)).map(([bits, length]) => subnet6(bits, length)),
);

function subnet4(bits: number, length: number): string {
  const kept = length === 0 ? 0 : (bits * 0x10000) & (-1 << (32 - length));
  return `${[24, 16, 8, 0].map((shift) => (kept >>> shift) & 255).join(".")}/${length}`;
}

function subnet6(bits: number, length: number): string {
  const kept = bits & (0xffff << (16 - length)) & 0xffff;
  return kept === 0 ? `::/${length}` : `${kept.toString(16)}::/${length}`;
}

/** Valid texts with a character replaced, added or removed; texts made of a grammar's pieces; any other text. */
export function nearly(valid: fc.Arbitrary<string>, alphabet: string): fc.Arbitrary<string> {
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
