import * as fc from "fast-check";
import { parseIp, type Ip } from "../src/index.ts";

export const ipv4Text: fc.Arbitrary<string> = fc.ipV4();
/** All spellings: any case, leading zeros, any run of zeros shortened, dotted tails. */
export const ipv6Text: fc.Arbitrary<string> = fc.ipV6();
export const anyIp: fc.Arbitrary<Ip> = fc.oneof(ipv4Text, ipv6Text).map(parseIp);

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
