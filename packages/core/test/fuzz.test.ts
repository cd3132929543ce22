import { isIP } from "node:net";
import { fuzz, textNear } from "@netkit/fuzzing";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  formatPortSpec,
  parseCidr,
  parseIp,
  parseLinkName,
  parseName,
  parsePortSpec,
  parseSources,
} from "../src/index.ts";
import { anyIp, anySource, anySpec, ipv4Text, ipv6Text } from "./arbitraries.ts";
import { accepts } from "./refusals.ts";

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

test("a name is a letter or digit, then letters, digits, '_', '.', '-'", async () => {
  await fuzz(textNear(fc.stringMatching(/^[a-z0-9][\w.-]{0,140}$/), `${letters}_.- /$\n`), (name) => {
    const [first = "", ...rest] = name;
    const fits = first !== "" && letters.includes(first) && rest.every((letter) => `${letters}_.-`.includes(letter));
    expect(accepts("NAME_INVALID", () => parseName("alias", name))).toBe(fits && name.length <= 128);
  });
});

test("a link's name is always one that the kernel takes, and one word of a shell", async () => {
  await fuzz(textNear(fc.stringMatching(/^[\w.+@][\w.+@-]{0,15}$/), "ab.-_@+=:/% $'\"*\\{};\n"), (name) => {
    if (!accepts("NAME_INVALID", () => parseLinkName(name))) return;
    expect(Buffer.byteLength(name)).toBeLessThan(16);
    expect(name).toMatch(/^[\w.+@][\w.+@-]*$/);
  });
});

test("an address is what node:net takes for one, zones excepted", async () => {
  await fuzz(textNear(fc.oneof(ipv4Text, ipv6Text), "0123456789abcdefxF.:% "), (text) => {
    expect(accepts("ADDRESS_INVALID", () => parseIp(text))).toBe(isIP(text) !== 0 && !text.includes("%"));
  });
});

test("a CIDR is an address and a length, or refused", async () => {
  await fuzz(
    textNear(
      fc.tuple(anyIp, fc.nat(140)).map(([ip, length]) => `${ip}/${length}`),
      "0123456789abf.:/%- ",
    ),
    (text) => {
      if (!accepts("ADDRESS_INVALID", () => parseCidr(text))) return;
      const [address = "", length] = text.split("/");
      expect(parseCidr(text)).toBe(`${parseIp(address)}/${Number(length)}`);
    },
  );
});

test("a port is in range and said again as the same, or refused", async () => {
  await fuzz(textNear(anySpec.map(formatPortSpec), "0123456789.:-[]/ tcpuds,from="), (text) => {
    if (!accepts("PORT_INVALID", () => parsePortSpec(text))) return;
    const { hostPort, port } = parsePortSpec(text);
    for (const { first, last } of hostPort === undefined ? [port] : [hostPort, port])
      expect([first >= 1, last >= first, last <= 65_535]).toEqual([true, true, true]);
    expect(parsePortSpec(formatPortSpec(parsePortSpec(text)))).toEqual(parsePortSpec(text));
  });
});

test("sources are read again as the same, or refused", async () => {
  await fuzz(fc.array(textNear(anySource, "0123456789abf.:/"), { maxLength: 5 }), (texts) => {
    if (!accepts("ADDRESS_INVALID", () => parseSources(texts))) return;
    const sources = parseSources(texts);
    expect(parseSources(sources)).toEqual(sources);
  });
});
