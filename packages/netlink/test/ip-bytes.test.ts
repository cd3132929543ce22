import { isIP } from "node:net";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { formatAddress, formatMac, formatPrefix, parseAddress, parseMac, parsePrefix } from "../src/ip-bytes.ts";

const v4 = fc.uint8Array({ minLength: 4, maxLength: 4 });
const sparse = fc.constantFrom(0, 0, 0, 1, 255);
const v6 = fc.oneof(
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
  fc.array(sparse, { minLength: 16, maxLength: 16 }).map((bytes) => Uint8Array.from(bytes)),
);

/** The bytes of the address that `text` is; 0 when it is none. */
function lengthOf(text: string): number {
  try {
    return parseAddress(text).length;
  } catch (error) {
    if (error instanceof TypeError) return 0;
    throw error;
  }
}

test("an address is read as it was written", () => {
  fc.assert(
    fc.property(fc.oneof(v4, v6), (bytes) => {
      expect(parseAddress(formatAddress(bytes))).toEqual(bytes);
    }),
  );
});

test("IPv6 is written as a URL writes it (RFC 5952)", () => {
  const notMapped = v6.filter((bytes) => !formatAddress(bytes).includes("."));
  fc.assert(
    fc.property(notMapped, (bytes) => {
      const text = formatAddress(bytes);
      expect(new URL(`http://[${text}]`).hostname).toBe(`[${text}]`);
    }),
  );
});

test("what Node calls an address is read, and nothing else is", () => {
  const text = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.string({ unit: fc.constantFrom("0", "1", "9", "a", "f", ":", "::", "."), maxLength: 20 }),
  );
  fc.assert(
    fc.property(text, (text) => {
      expect(lengthOf(text)).toBe({ 0: 0, 4: 4, 6: 16 }[isIP(text)]);
    }),
    { numRuns: 5000 },
  );
});

test.each(["", "010.0.0.1", "0x7f.1", "1.2.3", "1.2.3.256", "fe80::1%eth0", "1::2::3", "::1.2.3", ":::", "12345::"])(
  "%j is refused",
  (text) => expect(() => parseAddress(text)).toThrow(TypeError),
);

test("prefixes keep their host bits", () => {
  const prefix = fc.oneof(fc.record({ bytes: v4, length: fc.nat(32) }), fc.record({ bytes: v6, length: fc.nat(128) }));
  fc.assert(
    fc.property(prefix, (prefix) => {
      expect(parsePrefix(formatPrefix(prefix))).toEqual(prefix);
    }),
  );
});

test.each(["10.0.0.0", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08", "::/129", "10.0.0.0/8/8", "/8"])(
  "the prefix %j is refused",
  (text) => expect(() => parsePrefix(text)).toThrow(TypeError),
);

test("MAC addresses are read as written, and only whole ones", () => {
  const mac = fc.uint8Array({ minLength: 6, maxLength: 6 });
  fc.assert(
    fc.property(mac, (bytes) => {
      expect(parseMac(formatMac(bytes))).toEqual(bytes);
    }),
  );
  for (const text of ["02:00:00:00:00", "02:00:00:00:00:0g", "0200.0000.0001", "2:0:0:0:0:1"]) {
    expect(() => parseMac(text)).toThrow(TypeError);
  }
});
