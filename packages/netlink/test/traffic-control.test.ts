import * as fc from "fast-check";
import { expect, test } from "vitest";
import { malformed } from "../src/errors.ts";
import {
  decodeFilter,
  decodeQdisc,
  delFilter,
  newFilter,
  newQdisc,
  replaceQdisc,
  type Filter,
  type Qdisc,
} from "../src/index.ts";

const ifindex = fc.integer({ min: 1, max: 0x7fffffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const bytes = fc.integer({ min: 1, max: 0xffffffff });

const qdisc: fc.Arbitrary<Qdisc> = fc.oneof(
  fc
    .record({
      kind: fc.constant("tbf" as const),
      ifindex,
      rate: fc.oneof(bytes, fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
      burst: bytes,
      limit: bytes,
      handle: fc.integer({ min: 1, max: 0x7fff }).map((number) => number * 0x10000),
    })
    .filter(({ rate, burst }) => burst / rate < 274),
  fc.record({ kind: fc.constantFrom("ingress" as const, "clsact" as const), ifindex }),
);

const filter: fc.Arbitrary<Filter> = fc.record({
  ifindex,
  direction: fc.constantFrom("ingress", "egress"),
  priority: fc.integer({ min: 1, max: 0xffff }),
  matches: fc.array(fc.record({ value: u32, mask: u32, offset: fc.integer({ min: -64, max: 64 }) }), { maxLength: 5 }),
  actions: fc.array(
    fc.record({ action: fc.constantFrom("redirect", "mirror"), as: fc.constantFrom("egress", "ingress"), ifindex }),
    { maxLength: 3 },
  ),
});

test("a qdisc is read back as it was asked for", () => {
  fc.assert(
    fc.property(qdisc, fc.constantFrom(newQdisc, replaceQdisc), (wanted, build) => {
      const { ifindex, handle, ...info } = { handle: 0xffff0000, ...wanted };
      const found = decodeQdisc(Buffer.from(build(wanted).payload));
      expect(found).toEqual({
        ifindex,
        kind: wanted.kind,
        handle,
        parent: wanted.kind === "tbf" ? "root" : "ingress",
        info,
      });
    }),
  );
});

test("a filter is read back as it was asked for", () => {
  fc.assert(
    fc.property(filter, (wanted) => {
      expect(decodeFilter(Buffer.from(newFilter(wanted).payload))).toEqual({ ...wanted, kind: "u32" });
    }),
  );
});

test("any bytes decode or are refused as malformed", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 200 }),
        fc
          .tuple(fc.oneof(qdisc.map(newQdisc), filter.map(newFilter)), fc.nat({ max: 400 }), fc.nat({ max: 255 }))
          .map(([{ payload }, at, value]) => payload.map((byte, index) => (index === at ? value : byte))),
      ),
      fc.constantFrom(decodeQdisc, decodeFilter),
      (payload, decode) => {
        let refusal: unknown = malformed("nothing");
        try {
          decode(Buffer.from(payload));
        } catch (error) {
          refusal = error;
        }
        expect(refusal).toMatchObject({ name: "NetlinkError", code: "EBADMSG" });
      },
    ),
    { numRuns: 2000 },
  );
});

test("what no message can say is refused", () => {
  const bucket = { kind: "tbf", ifindex: 1, rate: 1000, burst: 1000, limit: 1000 } as const;
  for (const wrong of [
    { rate: 0 },
    { rate: 1.5 },
    { burst: 0 },
    { burst: 2 ** 32 },
    { limit: -1 },
    { rate: 1, burst: 275 },
  ]) {
    expect(() => newQdisc({ ...bucket, ...wrong })).toThrow(RangeError);
  }
  expect(() => delFilter({ ifindex: 1, direction: "ingress", priority: 0 })).toThrow(RangeError);
  const matches = Array.from({ length: 256 }, () => ({ value: 0, mask: 0, offset: 0 }));
  expect(() => newFilter({ ifindex: 1, direction: "ingress", priority: 1, matches, actions: [] })).toThrow(RangeError);
});
