import { keyOf, type Cidr, type Ip, type Resource } from "@netkit/core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { elementId, elementsOf, footprintOf } from "../src/nftables/elements.ts";
import { resourcesOf } from "../src/nftables/strays.ts";
import { remaining, scriptOf, transactionOf } from "../src/nftables/transaction.ts";
import { anyResource } from "./arbitrary.ts";
import { creates, isolation, masquerade, open, publish, removes } from "./wanted.ts";

const present = (...resources: Parameters<typeof elementsOf>[0][]) => ({
  elements: new Map(resources.flatMap(elementsOf).map((element) => [elementId(element), element])),
});

describe("elements", () => {
  test("imply the resource that they stand for", () => {
    fc.assert(
      fc.property(anyResource, (resource) => {
        expect(resourcesOf(elementsOf(resource))).toEqual([resource]);
      }),
    );
  });
  test("lie within the footprint of their resource, each key once", () => {
    fc.assert(
      fc.property(anyResource, (resource) => {
        const ids = elementsOf(resource).map(elementId);
        expect(new Set(ids).size).toBe(ids.length);
        expect(footprintOf(resource).map(elementId)).toEqual(expect.arrayContaining(ids));
      }),
    );
  });
  test("one for a range that keeps its ports, one for each port of a shifted one", () => {
    expect(elementsOf(publish("tcp", "9000-9999", "10.0.0.2", "9000-9999", "br0"))).toHaveLength(1);
    expect(elementsOf(publish("tcp", "9000-9999", "10.0.0.2", "8000-8999", "br0"))).toHaveLength(1000);
  });
  test("a filter is one more for each range and for each who may, without those within another", () => {
    const from = ["10.1.0.0/16", "10.0.0.0/8", "192.0.2.7", "10.0.0.0/8"];
    const shifted = publish("tcp", "9000-9999", "10.0.0.2", "8000-8999", "br0");
    const keys = transactionOf(creates({ ...shifted, from: from as Cidr[] })).creates.slice(1000);
    expect(keys.map(elementId)).toEqual([
      "limited4 0.0.0.0/0 . tcp . 9000-9999",
      "allowed4 10.0.0.0/8 . 0.0.0.0/0 . tcp . 9000-9999",
      "allowed4 192.0.2.7 . 0.0.0.0/0 . tcp . 9000-9999",
    ]);
  });
  test("so is that of an open port, at the sandbox's own address", () => {
    const port = open("tcp", "fd00::2", "80", "br0", ["2001:db8::/32", "fd00::7"]);
    expect(elementsOf(port).map(elementId)).toEqual([
      "open6 fd00::2 . tcp . 80",
      "barred6 fd00::2 . tcp . 80",
      "admitted6 2001:db8::/32 . fd00::2 . tcp . 80",
      "admitted6 fd00::7 . fd00::2 . tcp . 80",
    ]);
  });
  test.each([
    ["a port to nowhere", publish("tcp", "80-89", "10.0.0.2", "80-89", "br0", "192.0.2.1", ["10.0.0.0/8"])],
    ["an open port", open("tcp", "10.0.0.2", "80-89", "br0", ["10.0.0.0/8"])],
  ])("a filter whose port is gone stands for %s, whose elements it is among", (_, port) => {
    for (const left of [elementsOf(port).slice(1), elementsOf(port).slice(1, 2), elementsOf(port).slice(2)]) {
      const [stray] = resourcesOf(left);
      expect(stray && keyOf(stray)).toBe(keyOf(port));
      expect(stray && transactionOf(removes(stray)).deletes.map(elementId)).toEqual(
        expect.arrayContaining(left.map(elementId)),
      );
    }
  });
  test.each<[string, Resource]>([
    ["a link", isolation('br0" }; flush ruleset; #')],
    ["a subnet", { ...masquerade("br0", "10.0.0.0/24"), subnet: "10.0.0.0/24 }; x" as Cidr }],
    ["a target", { ...publish("tcp", "1", "10.0.0.2", "1", "br0"), target: "10.0.0.2; x" as Ip }],
    ["a port", { ...publish("tcp", "1", "10.0.0.2", "1", "br0"), hostPort: { first: 0, last: 0 } }],
    ["a comment", publish("tcp", "1", "10.0.0.2", "1", 'x" x')],
    ["a protocol", { ...publish("tcp", "1", "10.0.0.2", "1", "br0"), protocol: "icmp" as "tcp" }],
  ])("refuses %s that isn't one", (_, resource) => {
    expect(() => transactionOf(creates(resource))).toThrow(/^invalid/);
  });
});

describe("filters", () => {
  const port = publish("tcp", "1", "10.0.0.2", "1", "br0");
  test.each<[string, string[]]>([
    ["none at all", []],
    ["of the other family", ["fd00::/8"]],
    ["of both families", ["10.0.0.0/8", "fd00::/8"]],
    ["with bits behind the prefix", ["10.0.0.1/8"]],
    ["with words for nft", ["10.0.0.0/8 }; flush ruleset; #"]],
  ])("%s: refused, rather than taken for no filter", (_, from) => {
    for (const filtered of [port, open("tcp", "10.0.0.2", "1", "br0")]) {
      expect(() => transactionOf(creates({ ...filtered, from: from as Cidr[] }))).toThrow(
        expect.objectContaining({ code: "ADDRESS_INVALID" }),
      );
    }
  });
});

describe("transactions", () => {
  const port = publish("tcp", "80", "10.0.0.2", "80", "br0");
  test("leave out what is there or gone already", () => {
    expect(remaining(transactionOf(creates(port)), present(port))).toEqual({ deletes: [], creates: [] });
    expect(remaining(transactionOf(removes(port)), present())).toEqual({ deletes: [], creates: [] });
  });
  test.each([
    ["a port of somebody else", publish("tcp", "80", "10.0.0.3", "80", "br1")],
    ["the same port of the same target, other port", publish("tcp", "80", "10.0.0.2", "81", "br0")],
  ])("refuse %s", (_, other) => {
    expect(() => remaining(transactionOf(creates(other)), present(port))).toThrow(
      expect.objectContaining({ code: "PORT_TAKEN" }),
    );
  });
  test("name both of two ranges that overlap", () => {
    const wide = publish("udp", "9000-9010", "10.0.0.2", "9000-9010", "br0");
    const narrow = publish("udp", "9010-9020", "10.0.0.3", "9010-9020", "br0", "192.0.2.1");
    expect(() => remaining(transactionOf(creates(narrow)), present(wide))).toThrow(
      expect.objectContaining({
        code: "PORT_TAKEN",
        message: expect.stringMatching(/192\.0\.2\.1 9010-9020 for 10\.0\.0\.3.*\* 9000-9010 for 10\.0\.0\.2/),
      }),
    );
    const elsewhere = publish("udp", "9011-9020", "10.0.0.3", "9011-9020", "br0");
    expect(remaining(transactionOf(creates(elsewhere)), present(wide)).creates).toHaveLength(1);
  });
  test("put all elements of a set into one command", () => {
    const ports = ["1", "2", "3"].map((text) => publish("tcp", text, "10.0.0.2", text, "br0"));
    expect(scriptOf("netkit", transactionOf(creates(...ports))).split("\n")).toHaveLength(1);
  });
  test("speak of canonical addresses", () => {
    const port = { ...publish("tcp", "1", "fd00::2", "1", "br0"), target: "FD00:0::2" as Ip };
    expect(transactionOf(creates(port)).creates.map(({ data }) => data)).toEqual(["fd00::2 . 1"]);
  });
});
