// Kinds of links that the kernel of the tests may lack, against what iproute2 6.1 sends, recorded with strace.
import { expect, test } from "vitest";
import { AttributeWriter, Attributes } from "../src/attribute.ts";
import { decodeLinkKind, encodeLinkKind, type LinkKind } from "../src/link-kind.ts";

test.each<[string, LinkKind, string]>([
  ["vlan id 50", { kind: "vlan", id: 50 }, "0600010032000000"],
  ["vlan id 4094", { kind: "vlan", id: 4094 }, "06000100fe0f0000"],
  ["ipvlan mode l2 bridge", { kind: "ipvlan", mode: "l2", flag: "bridge" }, "06000100000000000600020000000000"],
  ["ipvlan mode l3 vepa", { kind: "ipvlan", mode: "l3", flag: "vepa" }, "06000100010000000600020002000000"],
  ["ipvlan mode l3s private", { kind: "ipvlan", mode: "l3s", flag: "private" }, "06000100020000000600020001000000"],
])("ip link add ... type %s", (_, kind, recorded) => {
  const writer = new AttributeWriter();
  encodeLinkKind(writer, kind);
  expect(writer.finish().toString("hex")).toBe(recorded);
  expect(decodeLinkKind(kind.kind, new Attributes(Buffer.from(recorded, "hex")))).toEqual(kind);
});
