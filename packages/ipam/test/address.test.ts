import { parseCidr, parseIp, subnetOf, type Cidr, type Family, type Ip } from "@netkit/core";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  addressKey,
  bigintToIp,
  broadcastOf,
  compareIps,
  contains,
  containsSubnet,
  firstUsableOf,
  ipOfKey,
  ipToBigint,
  lastUsableOf,
  networkOf,
  overlaps,
} from "../src/address.ts";
import { anyCidr, anyIp } from "./arbitraries.ts";

const ip = parseIp;
const cidr = parseCidr;

test("an address is its number, written as it was", () => {
  fc.assert(
    fc.property(anyIp, (address) => {
      const family: Family = address.includes(":") ? "ipv6" : "ipv4";
      expect(bigintToIp(ipToBigint(address), family)).toBe(address);
      expect(ipOfKey(addressKey(address))).toBe(address);
      expect(BigInt(`0x${addressKey(address)}`)).toBe(ipToBigint(address));
    }),
  );
});

test.each([
  ["0.0.0.0", "00000000"],
  ["192.0.2.255", "c00002ff"],
  ["::", "0".repeat(32)],
  ["::1", `${"0".repeat(31)}1`],
  ["2001:db8::", `20010db8${"0".repeat(24)}`],
  ["fe80::1:0:0:2", "fe800000000000000001000000000002"],
  ["1:2:3:4:5:6:7:8", "00010002000300040005000600070008"],
  ["::ffff:192.0.2.1", "00000000000000000000ffffc0000201"],
])("the key of %s is %s", (address, key) => {
  expect(addressKey(ip(address))).toBe(key);
});

test("keys sort as the addresses do", () => {
  fc.assert(
    fc.property(fc.array(anyIp), (addresses) => {
      const byNumber = addresses.toSorted((a, b) => {
        const families = Number(a.includes(":")) - Number(b.includes(":"));
        return families === 0 ? Number(ipToBigint(a) - ipToBigint(b) > 0n) * 2 - 1 : families;
      });
      expect(addresses.toSorted(compareIps)).toEqual(byNumber);
    }),
  );
});

test.each<[value: bigint, family: Family]>([
  [-1n, "ipv4"],
  [1n << 32n, "ipv4"],
  [1n << 128n, "ipv6"],
])("no address is %d in %s", (value, family) => {
  expect(() => bigintToIp(value, family)).toThrow(RangeError);
});

test.each([
  ["192.0.2.77/24", "192.0.2.0", "192.0.2.1", "192.0.2.254", "192.0.2.255"],
  ["10.1.2.3/8", "10.0.0.0", "10.0.0.1", "10.255.255.254", "10.255.255.255"],
  ["192.0.2.4/31", "192.0.2.4", "192.0.2.4", "192.0.2.5", "192.0.2.5"],
  ["192.0.2.4/32", "192.0.2.4", "192.0.2.4", "192.0.2.4", "192.0.2.4"],
  ["0.0.0.0/0", "0.0.0.0", "0.0.0.1", "255.255.255.254", "255.255.255.255"],
  ["2001:db8::5/126", "2001:db8::4", "2001:db8::5", "2001:db8::7", "2001:db8::7"],
  ["2001:db8::5/127", "2001:db8::4", "2001:db8::4", "2001:db8::5", "2001:db8::5"],
])("%s: network, first, last, broadcast", (text, ...expected) => {
  const block = cidr(text);
  expect([networkOf(block), firstUsableOf(block), lastUsableOf(block), broadcastOf(block)]).toEqual(expected);
});

test("overlap is symmetric, and is that one holds the network address of the other", () => {
  fc.assert(
    fc.property(anyCidr, anyCidr, (a, b) => {
      expect(overlaps(a, b)).toBe(overlaps(b, a));
      expect(overlaps(a, b)).toBe(contains(a, networkOf(b)) || contains(b, networkOf(a)));
      expect(containsSubnet(a, b)).toBe(contains(a, networkOf(b)) && contains(a, broadcastOf(b)));
    }),
  );
});

test("a block holds its own addresses and not the ones beside it", () => {
  fc.assert(
    fc.property(anyCidr, (block) => {
      const subnet = subnetOf(block);
      expect(subnetOf(subnet)).toBe(subnet);
      expect(overlaps(block, block)).toBe(true);
      for (const inner of [networkOf(block), broadcastOf(block)]) expect(contains(block, inner)).toBe(true);
      const family: Family = block.includes(":") ? "ipv6" : "ipv4";
      const first = ipToBigint(networkOf(block));
      const beside = first === 0n ? ipToBigint(broadcastOf(block)) + 1n : first - 1n;
      fc.pre(beside >> (family === "ipv4" ? 32n : 128n) === 0n);
      expect(contains(block, bigintToIp(beside, family))).toBe(false);
    }),
  );
});

test("families don't mix", () => {
  expect(contains("0.0.0.0/0" as Cidr, "::1" as Ip)).toBe(false);
  expect(overlaps("0.0.0.0/0" as Cidr, "::/0" as Cidr)).toBe(false);
  expect(containsSubnet("::/0" as Cidr, "10.0.0.0/8" as Cidr)).toBe(false);
});
