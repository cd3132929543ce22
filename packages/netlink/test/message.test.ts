import * as fc from "fast-check";
import { expect, test } from "vitest";
import { AttributeWriter } from "../src/attribute.ts";
import {
  NLMSG_ERROR,
  NLMSG_HEADER_LENGTH,
  decodeAck,
  messageLength,
  readMessages,
  writeMessage,
} from "../src/message.ts";

const message = fc.record({
  type: fc.integer({ min: 16, max: 0xffff }),
  flags: fc.integer({ min: 0, max: 0xffff }),
  payload: fc.uint8Array({ maxLength: 50 }),
  op: fc.constant("test"),
});

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
