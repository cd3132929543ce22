import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createResolver } from "../src/index.ts";
import { readQuery } from "../src/query.ts";
import { answer, client, query, read } from "./clients.ts";

const resolver = createResolver();
const sandbox = client();
const ask = (message: Buffer) => answer(resolver, sandbox, message);

/** A query with some bytes of it replaced. */
function changed(message: Buffer, at: number, ...bytes: number[]): Buffer {
  const copy = Buffer.from(message);
  copy.set(bytes, at);
  return copy;
}

function twoOpts(): Buffer {
  const once = query("web", "A", { udpSize: 512 });
  return changed(Buffer.concat([once, once.subarray(-11)]), 10, 0, 2);
}

function namedOpt(): Buffer {
  const once = query("web", "A", { udpSize: 512 });
  return Buffer.concat([once.subarray(0, -11), Buffer.from([1, 0x61]), once.subarray(-11)]);
}

/** A name with labels of these lengths. */
function long(...labels: number[]): string {
  return labels.map((length) => "x".repeat(length)).join(".");
}

describe("no answer goes to", () => {
  test.each([
    ["nothing", Buffer.alloc(0)],
    ["less than a header", query("web").subarray(0, 11)],
    ["a response", changed(query("web"), 2, 0x81)],
  ])("%s", (_, message) => {
    expect(resolver.resolve(message, sandbox)).toBeUndefined();
  });
});

describe("FORMERR is the answer to", () => {
  const web = query("web");
  test.each([
    ["no question", changed(web, 4, 0, 0)],
    ["two questions", changed(web, 4, 0, 2)],
    ["an answer", changed(web, 6, 0, 1)],
    ["an authority", changed(web, 8, 0, 1)],
    ["a header alone", web.subarray(0, 12)],
    ["a name without an end", web.subarray(0, 15)],
    ["a question without its class", web.subarray(0, web.length - 1)],
    ["a name that points", changed(web, 12, 0xc0, 12)],
    ["a label of a length that has no meaning", changed(web, 12, 0x80)],
    ["an additional record that isn't there", changed(web, 10, 0, 1)],
    ["additional records without end", changed(web, 10, 0xff, 0xff)],
    ["half of an OPT record", query("web", "A", { udpSize: 512 }).subarray(0, -1)],
    ["two OPT records", twoOpts()],
    ["an OPT record of another name than the root", namedOpt()],
  ])("%s", async (_, message) => {
    expect(await ask(message)).toMatchObject({ id: 0x1234, rcode: "FORMERR", flag_qr: true, answers: [] });
  });

  test("a name of more than 255 bytes", async () => {
    expect(await ask(query(long(63, 63, 63, 61)))).toMatchObject({ rcode: "NXDOMAIN" });
    expect(await ask(query(long(63, 63, 63, 62)))).toMatchObject({ rcode: "FORMERR" });
  });
});

test("a label with a dot is no two labels", async () => {
  expect(await ask(query("web.my-net"))).toMatchObject({ rcode: "NOERROR" });
  expect(await ask(changed(query("web.my-net"), 12, 10, ...Buffer.from("web.my-net")))).toMatchObject({
    rcode: "NXDOMAIN",
  });
});

test.each([0x0800, 0x1000, 0x2000, 0x2800])("opcode bits %s are not implemented", async (opcode) => {
  expect(await ask(query("web", "A", { flags: opcode | 0x100 }))).toMatchObject({ id: 0x1234, rcode: "NOTIMP" });
  const reply = resolver.resolve(query("web", "A", { flags: opcode }), sandbox) as Buffer;
  expect(reply.readUInt16BE(2) & 0x7800).toBe(opcode);
});

test.each([
  ["of another class than IN", changed(query("version.bind", "TXT"), 29, 3)],
  ["of class ANY", changed(query("web"), 19, 255)],
  ["for a zone", query("web", "AXFR")],
  ["for what is new in a zone", query("web", "IXFR")],
])("a question %s is refused", async (_, message) => {
  expect(await ask(message)).toMatchObject({ rcode: "REFUSED", answers: [] });
});

test("what lies behind a message doesn't matter", async () => {
  expect(await ask(Buffer.concat([query("web"), Buffer.alloc(5)]))).toMatchObject({ rcode: "NOERROR" });
});

test.each([0, 0x100, 0x110, 0x10])("the flags %s are asked back", async (flags) => {
  const reply = await ask(query("web", "A", { flags }));
  expect({ rd: reply.flag_rd, cd: reply.flag_cd }).toEqual({ rd: (flags & 0x100) > 0, cd: (flags & 0x10) > 0 });
  expect(reply).toMatchObject({ flag_ra: true, flag_ad: false, flag_z: false });
});

describe("with EDNS", () => {
  test("an answer has it if the query has", async () => {
    const opt = { type: "OPT", name: ".", udpPayloadSize: 1232, ednsVersion: 0, extendedRcode: 0, options: [] };
    for (const name of ["web", "nobody", "addressless"]) {
      expect((await ask(query(name))).additionals).toEqual([]);
      expect((await ask(query(name, "A", { udpSize: 4096 }))).additionals).toMatchObject([{ ...opt, flag_do: false }]);
    }
  });

  test("the DO bit is asked back", async () => {
    const reply = await ask(query("web", "A", { udpSize: 4096, dnssecOk: true }));
    expect(reply.additionals).toMatchObject([{ type: "OPT", flag_do: true }]);
  });

  test("a version that is to come is answered with the one there is", async () => {
    const reply = await ask(query("web", "A", { udpSize: 4096, ednsVersion: 1 }));
    expect(reply).toMatchObject({ answers: [], additionals: [{ type: "OPT", extendedRcode: 1, ednsVersion: 0 }] });
    expect(reply.rcode).toBe("NOERROR"); // BADVERS is 16: the lower bits are 0
  });

  test("options and other additional records don't matter", async () => {
    const base = query("web", "A", { udpSize: 4096 });
    const opt = base.subarray(-11);
    const cookie = Buffer.from([0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]);
    const withCookie = Buffer.concat([base.subarray(0, -2), Buffer.from([0, cookie.length]), cookie]);
    expect(await ask(withCookie)).toMatchObject({ rcode: "NOERROR", additionals: [{ type: "OPT", options: [] }] });
    const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4]);
    const withRecord = changed(Buffer.concat([base.subarray(0, -11), record, opt]), 10, 0, 2);
    expect(await ask(withRecord)).toMatchObject({ rcode: "NOERROR", additionals: [{ type: "OPT" }] });
  });

  test.each([
    [undefined, 30],
    [1, 29],
    [512, 29],
    [600, 35],
    [4096, 40],
    [65_535, 40],
  ])("of %s bytes, as many of 40 addresses fit as %s", async (udpSize, count) => {
    const reply = await ask(query("many", "A", udpSize === undefined ? {} : { udpSize }));
    expect(reply.answers).toHaveLength(count);
    expect(reply.flag_tc).toBe(count < 40);
  });
});

describe("for any", () => {
  const label = fc.string({ unit: fc.constantFrom(...Array.from("abcxyzABCXYZ0189-_")), minLength: 1, maxLength: 63 });
  const name = fc.array(label, { minLength: 1, maxLength: 6 }).map((labels) => labels.join("."));
  const short = name.filter((text) => text.length <= 253);

  test("name, what is read is what dns-packet wrote", () => {
    fc.assert(
      fc.property(short, fc.integer({ min: 0, max: 0xffff }), fc.boolean(), (text, id, dnssecOk) => {
        const read = readQuery(query(text, "AAAA", { id, udpSize: 1000, dnssecOk }));
        expect(read).toMatchObject({
          id,
          name: text.toLowerCase(),
          type: 28,
          class: 1,
          edns: { udpSize: 1000, dnssecOk },
        });
      }),
    );
  });

  test("bytes in a label, they are no name of a client unless printed alike", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 63 }), (bytes) => {
        const message = Buffer.concat([
          Buffer.from(query("x").subarray(0, 12)),
          Buffer.from([bytes.length]),
          bytes,
          Buffer.from([0, 0, 1, 0, 1]),
        ]);
        const plain = bytes.every((byte) => byte > 0x20 && byte < 0x7f && byte !== 0x2e);
        expect(readQuery(message)?.name).toBe(plain ? Buffer.from(bytes).toString("latin1").toLowerCase() : undefined);
      }),
    );
  });

  test("number of addresses and size, the answer fits and says whether it is all", () => {
    fc.assert(
      fc.property(
        short,
        fc.nat(300),
        fc.option(fc.integer({ min: 1, max: 0xffff }), { nil: undefined }),
        (text, count, udpSize) => {
          const addresses = Array.from({ length: count }, (_, index) => `fd00::${(index + 1).toString(16)}`);
          const asker = client(undefined, { addresses: () => addresses as never, pointer: () => undefined });
          const reply = resolver.resolve(
            query(text, "AAAA", udpSize === undefined ? {} : { udpSize }),
            asker,
          ) as Buffer;
          const limit = Math.min(Math.max(udpSize ?? 512, 512), 4096);
          expect(reply.length).toBeLessThanOrEqual(limit);
          const { answers = [], flag_tc } = read(reply);
          expect(flag_tc).toBe(answers.length < count);
          // Another one would not have fitted.
          expect(flag_tc ? reply.length + 28 : Infinity).toBeGreaterThan(limit);
        },
      ),
    );
  });
});
