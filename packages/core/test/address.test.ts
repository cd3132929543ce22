import { isIP } from "node:net";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { familyOf, ipOf, parseCidr, parseIp, parseMac, prefixLengthOf } from "../src/index.ts";
import { anyIp, ipv4Text, ipv6Text } from "./arbitraries.ts";
import { accepts, refusal } from "./refusals.ts";

const long = "1".repeat(300);

describe("an address", () => {
  test.each([
    ["0.0.0.0", "0.0.0.0"],
    ["255.255.255.255", "255.255.255.255"],
    ["::", "::"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["2001:DB8::A", "2001:db8::a"],
    ["2001:0db8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["1::0:0:1:0", "1::1:0"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["64:ff9b::192.0.2.1", "64:ff9b::c000:201"],
    ["::ffff:192.0.2.1", "::ffff:c000:201"],
    ["::192.0.2.1", "::c000:201"],
  ])("%s is %s", (text, canonical) => {
    expect(parseIp(text)).toBe(canonical);
  });

  test.each([
    ["nothing", ""],
    ["octal", "010.0.0.1"],
    ["octal in the middle", "10.00.0.1"],
    ["hex", "0x0a.0.0.1"],
    ["hex in one part", "0x0a000001"],
    ["two parts", "10.1"],
    ["three parts", "10.0.1"],
    ["one number", "167772161"],
    ["five parts", "10.0.0.0.1"],
    ["a part above 255", "10.0.0.256"],
    ["a sign", "+10.0.0.1"],
    ["digits that aren't ASCII", "١٠.0.0.1"],
    ["a port", "10.0.0.1:80"],
    ["a prefix length", "10.0.0.1/8"],
    ["a blank in front", " 10.0.0.1"],
    ["a blank behind", "10.0.0.1 "],
    ["a line break behind", "10.0.0.1\n"],
    ["an IPv6 address with a line break", "::1\n"],
    ["a zone", "fe80::1%eth0"],
    ["a numeric zone", "fe80::1%2"],
    ["brackets", "[::1]"],
    ["an IPv6 prefix length", "::1/128"],
    ["two gaps", "1::2::3"],
    ["three colons", ":::"],
    ["a gap that stands for nothing", "1:2:3:4::5:6:7:8"],
    ["seven groups", "1:2:3:4:5:6:7"],
    ["nine groups", "1:2:3:4:5:6:7:8:9"],
    ["five digits in a group", "2001:0db80::1"],
    ["a colon too many", "1:2:3:4:5:6:7:8:"],
    ["an octal tail", "::ffff:010.0.0.1"],
    ["a hex tail", "::ffff:0x0a.0.0.1"],
    ["a short tail", "::ffff:10.1"],
    ["a tail above 255", "::ffff:10.0.0.256"],
    ["dots in front", "10.0.0.1::"],
    ["a name", "localhost"],
    ["300 characters", long],
    ["300 groups", "1:".repeat(300)],
    ["a command", "$(reboot)"],
    ["control characters", "\u001B[2J\u0000"],
  ])("can't hold %s", (_, text) => {
    const error = refusal("ADDRESS_INVALID", () => parseIp(text));
    expect(error.details).toEqual({ text });
  });

  test("has one text, which WHATWG's URL writes for IPv6, too", () => {
    fc.assert(
      fc.property(fc.oneof(ipv4Text, ipv6Text), (text) => {
        const ip = parseIp(text);
        expect(parseIp(ip)).toBe(ip);
        expect(familyOf(ip)).toBe(isIP(text) === 6 ? "ipv6" : "ipv4");
        const host = isIP(text) === 6 ? `[${text}]` : text;
        expect(new URL(`http://${host}/`).hostname.replaceAll(/[[\]]/g, "")).toBe(ip);
      }),
    );
  });
});

describe("a CIDR", () => {
  test.each([
    ["10.7.0.1/24", "10.7.0.1/24"],
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["10.0.0.1/32", "10.0.0.1/32"],
    ["::/0", "::/0"],
    ["FD00:0::1/128", "fd00::1/128"],
    ["::ffff:192.0.2.1/96", "::ffff:c000:201/96"],
  ])("%s is %s", (text, canonical) => {
    expect(parseCidr(text)).toBe(canonical);
  });

  test.each([
    ["no length", "10.0.0.0"],
    ["an empty length", "10.0.0.0/"],
    ["no address", "/24"],
    ["a leading zero in the length", "10.0.0.0/08"],
    ["two leading zeros", "10.0.0.0/00"],
    ["a length above 32", "10.0.0.0/33"],
    ["a length above 128", "::/129"],
    ["a length of four digits", "::/1000"],
    ["a sign", "10.0.0.0/+8"],
    ["a negative length", "10.0.0.0/-1"],
    ["a fraction", "10.0.0.0/8.0"],
    ["an exponent", "10.0.0.0/1e1"],
    ["a hex length", "10.0.0.0/0x8"],
    ["a mask", "10.0.0.0/255.0.0.0"],
    ["two lengths", "10.0.0.0/8/8"],
    ["blanks", "10.0.0.0 / 8"],
    ["a line break", "10.0.0.0/8\n"],
    ["an octal address", "010.0.0.0/8"],
    ["a short address", "10/8"],
    ["a zone", "fe80::1%eth0/64"],
    ["300 characters", `${long}/8`],
  ])("can't hold %s", (_, text) => {
    expect(refusal("ADDRESS_INVALID", () => parseCidr(text)).details).toEqual({ text });
  });

  test("is its address and its length", () => {
    fc.assert(
      fc.property(anyIp, fc.nat(140), (ip, length) => {
        const text = `${ip}/${length}`;
        const fits = length <= (familyOf(ip) === "ipv4" ? 32 : 128);
        expect(accepts("ADDRESS_INVALID", () => parseCidr(text))).toBe(fits);
        fc.pre(fits);
        const cidr = parseCidr(text);
        expect(cidr).toBe(text);
        expect([ipOf(cidr), prefixLengthOf(cidr), familyOf(cidr)]).toEqual([ip, length, familyOf(ip)]);
      }),
    );
  });
});

describe("a MAC address", () => {
  test.each([
    ["02:00:5e:10:00:01", "02:00:5e:10:00:01"],
    ["02-00-5E-10-00-0A", "02:00:5e:10:00:0a"],
    ["00:00:00:00:00:01", "00:00:00:00:00:01"],
  ])("%s is %s", (text, mac) => {
    expect(parseMac(text)).toBe(mac);
  });

  test.each([
    ["nothing", ""],
    ["all zeros", "00:00:00:00:00:00"],
    ["all ones", "ff:ff:ff:ff:ff:ff"],
    ["a multicast address", "01:00:5e:10:00:01"],
    ["five pairs", "02:00:5e:10:00"],
    ["seven pairs", "02:00:5e:10:00:01:02"],
    ["single digits", "2:0:5e:10:0:1"],
    ["Cisco's form", "0200.5e10.0001"],
    ["no separators", "02005e100001"],
    ["a letter beyond f", "02:00:5g:10:00:01"],
    ["a line break", "02:00:5e:10:00:01\n"],
    ["300 characters", "02:".repeat(100)],
  ])("can't hold %s", (_, text) => {
    expect(refusal("ADDRESS_INVALID", () => parseMac(text)).details).toEqual({ text });
  });

  test("is any unicast one, in lower case", () => {
    const pair = fc.integer({ min: 0, max: 255 }).map((byte) => byte.toString(16).padStart(2, "0"));
    fc.assert(
      fc.property(fc.array(pair, { minLength: 6, maxLength: 6 }), fc.constantFrom(":", "-"), (pairs, separator) => {
        const [first = "", ...rest] = pairs;
        const unicast = Number.parseInt(first, 16) % 2 === 0 && !pairs.every((byte) => byte === "00");
        const text = [first, ...rest].join(separator).toUpperCase();
        expect(accepts("ADDRESS_INVALID", () => parseMac(text))).toBe(unicast);
        if (!unicast) return;
        expect(parseMac(text)).toBe(pairs.join(":"));
      }),
    );
  });
});
