import * as fc from "fast-check";
import { expect, test } from "vitest";
import { AttributeWriter } from "../src/attribute.ts";
import { isNetlinkError } from "../src/errors.ts";
import {
  NLMSG_ERROR,
  NLMSG_HEADER_LENGTH,
  decodeAck,
  messageLength,
  readMessages,
  writeMessage,
} from "../src/message.ts";
import type { MessageHeader } from "../src/message.ts";
import {
  decodeAddress,
  decodeConnection,
  decodeFdbEntry,
  decodeLink,
  decodeNeighbour,
  decodeRoute,
  decodeRule,
  newAddress,
  newFdbEntry,
  newLink,
  newNeighbour,
  newRoute,
  newRule,
} from "../src/index.ts";

const message = fc.record({
  type: fc.integer({ min: 16, max: 0xffff }),
  flags: fc.integer({ min: 0, max: 0xffff }),
  payload: fc.uint8Array({ maxLength: 50 }),
  op: fc.constant("test"),
});

/** What `decode` throws, but for the one error that it may throw. */
function fault(decode: () => unknown): unknown {
  try {
    decode();
    return undefined;
  } catch (error) {
    return isNetlinkError(error) && error.code === "EBADMSG" ? undefined : error;
  }
}

function decodeAnyAck(header: MessageHeader, payload: Buffer): void {
  decodeAck(header, payload, { type: 16, flags: 0, payload: new Uint8Array(8), op: "test" }, undefined);
}

test("messages written behind each other are read back in order", () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 8 }), (messages) => {
      const bytes = Buffer.alloc(messages.reduce((sum, message) => sum + messageLength(message), 0));
      let end = 0;
      for (const [index, message] of messages.entries()) end = writeMessage(bytes, end, message, 0, index + 1);
      expect(end).toBe(bytes.length);
      const read: unknown[] = [];
      readMessages(bytes, ({ type, flags, sequence }, payload) => {
        read.push({ type, flags, sequence, payload: [...payload] });
      });
      expect(read).toEqual(
        messages.map(({ type, flags, payload }, index) => ({
          type,
          flags,
          sequence: index + 1,
          payload: [...payload],
        })),
      );
    }),
  );
});

test("any bytes are messages or refused as malformed", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      expect(fault(() => readMessages(Buffer.from(bytes), decodeAnyAck))).toBeUndefined();
    }),
    { numRuns: 2000 },
  );
});

const SAMPLES = {
  link: [
    decodeLink,
    newLink({ kind: "veth", name: "a", mac: "02:00:00:00:00:01", peer: { name: "b" } }).payload,
    newLink({ kind: "vxlan", name: "v", vni: 7, local: "fd00::1", remote: "10.0.0.1", port: 4789 }).payload,
    newLink({ kind: "bridge", name: "b", stp: true, ageingTimeCs: 100 }).payload,
  ],
  address: [
    decodeAddress,
    newAddress({ ifindex: 2, address: "10.0.0.2/24", peer: "10.0.0.3", broadcast: "10.0.0.255" }).payload,
    newAddress({ ifindex: 2, address: "fd00::2/64", validLifetimeS: 30 }).payload,
  ],
  route: [
    decodeRoute,
    newRoute({ destination: "10.0.0.0/8", gateway: "fe80::1", ifindex: 2, mtu: 1400 }).payload,
    newRoute({ destination: "::/0", nexthops: [{ gateway: "fd00::1" }, { ifindex: 2, weight: 3 }] }).payload,
  ],
  rule: [decodeRule, newRule({ version: 4, from: "10.0.0.0/8", iifName: "a", mark: 1, table: 9 }).payload],
  neighbour: [decodeNeighbour, newNeighbour({ ifindex: 2, address: "fd00::9", mac: "02:00:00:00:00:01" }).payload],
  fdb: [
    decodeFdbEntry,
    newFdbEntry({ ifindex: 2, mac: "02:00:00:00:00:01", table: "self", destination: "10.0.0.1", vlan: 3 }).payload,
  ],
  connection: [
    decodeConnection,
    new AttributeWriter(4)
      .nest(1, (tuple) => {
        tuple.nest(1, (ip) => ip.bytes(1, new Uint8Array(4)).bytes(2, new Uint8Array(4)));
        tuple.nest(2, (protocol) => protocol.u8(1, 17).be16(2, 1).be16(3, 2));
      })
      .finish(),
  ],
} as const;

test.each(Object.entries(SAMPLES))("a damaged %s decodes or is refused as malformed", (_, [decode, ...payloads]) => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 });
  fc.assert(
    fc.property(fc.constantFrom(...payloads), damage, fc.nat(), (payload, damage, cut) => {
      const bytes = Buffer.from(payload);
      for (const [at, value] of damage) bytes[at % bytes.length] = value;
      const end = cut % 3 === 0 ? cut % bytes.length : bytes.length;
      expect(fault(() => decode(bytes.subarray(0, end)))).toBeUndefined();
    }),
    { numRuns: 3000 },
  );
});

test("an acknowledgement carries the kernel's text and the attribute at fault", () => {
  const request = { type: 24, flags: 0, payload: new AttributeWriter(12).u32(15, 254).finish(), op: "add a route" };
  const text = new AttributeWriter(4 + NLMSG_HEADER_LENGTH).string(1, "Invalid table").u32(2, 28).finish();
  text.writeInt32LE(-22, 0);
  const header = { length: text.length + 16, type: NLMSG_ERROR, flags: 0x300, sequence: 1 };
  expect(decodeAck(header, text, request, "/run/netns/a")).toMatchObject({
    message: "add a route in namespace /run/netns/a: Invalid table (EINVAL)",
    op: "add a route",
    errno: 22,
    code: "EINVAL",
    extack: "Invalid table",
    offset: 28,
    attribute: 15,
    namespace: "/run/netns/a",
  });
});
