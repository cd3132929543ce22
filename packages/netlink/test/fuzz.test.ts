import { bytesNear, fuzz } from "@netkit/fuzzing";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { AttributeWriter, decodeAttributes } from "../src/attribute.ts";
import { isNetlinkError } from "../src/errors.ts";
import { NLMSG_ERROR, decodeAck, messageLength, readMessages, writeMessage } from "../src/message.ts";
import type { MessageHeader } from "../src/message.ts";
import {
  decodeAddress,
  decodeConnection,
  decodeFdbEntry,
  decodeFilter,
  decodeLink,
  decodeLinkCarrier,
  decodeLinkIndex,
  decodeNeighbour,
  decodeQdisc,
  decodeRoute,
  decodeRule,
  newAddress,
  newFdbEntry,
  newFilter,
  newLink,
  newNeighbour,
  newQdisc,
  newRoute,
  newRule,
} from "../src/index.ts";

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

/** An acknowledgement with the kernel's own words. */
function acknowledgement(): Buffer {
  const payload = new AttributeWriter(4 + 16).string(1, "Invalid table").u32(2, 28).finish();
  payload.writeInt32LE(-22, 0);
  const message = { type: NLMSG_ERROR, flags: 0x300, payload, op: "test" };
  const bytes = Buffer.alloc(messageLength(message) * 2);
  writeMessage(bytes, writeMessage(bytes, 0, message, 0, 1), message, 0, 2);
  return bytes;
}

const links = [
  newLink({ kind: "veth", name: "a", mac: "02:00:00:00:00:01", peer: { name: "b" } }).payload,
  newLink({ kind: "vxlan", name: "v", vni: 7, local: "fd00::1", remote: "10.0.0.1", port: 4789 }).payload,
  newLink({ kind: "bridge", name: "b", stp: true, ageingTimeCs: 100 }).payload,
  newLink({ kind: "macvlan", name: "m", parent: 2, mode: "bridge" }).payload,
];

const samples: readonly (readonly [name: string, decode: (bytes: Buffer) => unknown, ...valid: Uint8Array[]])[] = [
  ["messages and acknowledgements", (bytes) => readMessages(bytes, decodeAnyAck), acknowledgement()],
  [
    "attributes",
    decodeAttributes,
    new AttributeWriter()
      .u32(1, 7)
      .nest(2, (inner) => inner.string(1, "x"))
      .finish(),
  ],
  ["link", decodeLink, ...links],
  ["link's index", decodeLinkIndex, ...links],
  ["link's carrier", decodeLinkCarrier, ...links],
  [
    "address",
    decodeAddress,
    newAddress({ ifindex: 2, address: "10.0.0.2/24", peer: "10.0.0.3", broadcast: "10.0.0.255" }).payload,
    newAddress({ ifindex: 2, address: "fd00::2/64", validLifetimeS: 30 }).payload,
  ],
  [
    "route",
    decodeRoute,
    newRoute({ destination: "10.0.0.0/8", gateway: "fe80::1", ifindex: 2, mtu: 1400 }).payload,
    newRoute({ destination: "::/0", nexthops: [{ gateway: "fd00::1" }, { ifindex: 2, weight: 3 }] }).payload,
  ],
  ["rule", decodeRule, newRule({ version: 4, from: "10.0.0.0/8", iifName: "a", mark: 1, table: 9 }).payload],
  ["neighbour", decodeNeighbour, newNeighbour({ ifindex: 2, address: "fd00::9", mac: "02:00:00:00:00:01" }).payload],
  [
    "FDB entry",
    decodeFdbEntry,
    newFdbEntry({ ifindex: 2, mac: "02:00:00:00:00:01", table: "self", destination: "10.0.0.1", vlan: 3 }).payload,
  ],
  ["qdisc", decodeQdisc, newQdisc({ kind: "tbf", ifindex: 2, rate: 1e6, burst: 1e4, limit: 1e5 }).payload],
  [
    "filter",
    decodeFilter,
    newFilter({
      ifindex: 2,
      direction: "ingress",
      priority: 1,
      matches: [{ value: 1, mask: 1, offset: 0 }],
      actions: [{ action: "redirect", as: "egress", ifindex: 3 }],
    }).payload,
  ],
  [
    "connection",
    decodeConnection,
    new AttributeWriter(4)
      .nest(1, (tuple) => {
        tuple.nest(1, (ip) => ip.bytes(1, new Uint8Array(4)).bytes(2, new Uint8Array(4)));
        tuple.nest(2, (protocol) => protocol.u8(1, 17).be16(2, 1).be16(3, 2));
      })
      .finish(),
  ],
];

for (const [name, decode, ...valid] of samples) {
  test(`a damaged ${name} decodes or is refused as malformed`, async () => {
    await fuzz(bytesNear(fc.constantFrom(...valid)), (bytes) => {
      expect(fault(() => decode(bytes))).toBeUndefined();
    });
  });
}
