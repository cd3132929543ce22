import { randomBytes } from "node:crypto";
import { parseMac, type Ip } from "@netkit/core";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { macOfAddress } from "../src/index.ts";
import { anyIp } from "./arbitraries.ts";

test.each([
  ["192.0.2.1", "02:6e:c0:00:02:01"],
  ["0.0.0.0", "02:6e:00:00:00:00"],
  ["255.255.255.255", "02:6e:ff:ff:ff:ff"],
])("the MAC of %s is %s", (ip, mac) => {
  expect(macOfAddress(ip as Ip, randomBytes(32).toString("hex"))).toBe(mac);
});

test("a MAC is unicast, and the same for the same address whoever has it", () => {
  fc.assert(
    fc.property(anyIp, (ip) => {
      const mac = macOfAddress(ip, randomBytes(32).toString("hex"));
      expect(parseMac(mac)).toBe(mac);
      expect(macOfAddress(ip, randomBytes(32).toString("hex"))).toBe(mac);
    }),
  );
});

test("without an address the MAC is the endpoint's own", () => {
  expect(macOfAddress(undefined, "0123456789ab")).toBe("02:6d:01:23:45:67");
});

test("IPv6 addresses have MACs of their own kind", () => {
  expect(macOfAddress("fd00::2" as Ip, randomBytes(32).toString("hex"))).toMatch(/^02:6f:/);
  expect(macOfAddress("fd00::2" as Ip, randomBytes(32).toString("hex"))).not.toBe(
    macOfAddress("fd00::3" as Ip, randomBytes(32).toString("hex")),
  );
});
