import { expect, test } from "vitest";
import { appendResult, formatResult, parseResult, type Result } from "../src/result.ts";
import { supportedVersions } from "../src/version.ts";

const result: Result = {
  interfaces: [
    { name: "nkb1", mtu: 1500 },
    { name: "eth0", mac: "02:6e:0a:01:00:02", mtu: 1500, sandbox: "/run/netns/c1" },
  ],
  ips: [
    { interface: 1, address: "10.1.0.2/16", gateway: "10.1.0.1" },
    { interface: 1, address: "fd00::2/64", gateway: "fd00::1" },
  ],
  routes: [
    { dst: "0.0.0.0/0", gw: "10.1.0.1" },
    { dst: "::/0", gw: "fd00::1" },
  ],
  dns: { nameservers: ["127.0.0.11"] },
};

test.each(["0.1.0", "0.2.0"] as const)("%s has one address of each family, with its routes", (version) => {
  expect(formatResult(result, version)).toEqual({
    cniVersion: version,
    ip4: { ip: "10.1.0.2/16", gateway: "10.1.0.1", routes: [{ dst: "0.0.0.0/0", gw: "10.1.0.1" }] },
    ip6: { ip: "fd00::2/64", gateway: "fd00::1", routes: [{ dst: "::/0", gw: "fd00::1" }] },
    dns: { nameservers: ["127.0.0.11"] },
  });
});

test.each(["0.3.0", "0.3.1", "0.4.0"] as const)("%s has interfaces, and the family of each address", (version) => {
  expect(formatResult(result, version)).toEqual({
    cniVersion: version,
    interfaces: [{ name: "nkb1" }, { name: "eth0", mac: "02:6e:0a:01:00:02", sandbox: "/run/netns/c1" }],
    ips: [
      { version: "4", interface: 1, address: "10.1.0.2/16", gateway: "10.1.0.1" },
      { version: "6", interface: 1, address: "fd00::2/64", gateway: "fd00::1" },
    ],
    routes: result.routes,
    dns: result.dns,
  });
});

test("1.0.0 has no families", () => {
  expect(formatResult(result, "1.0.0")).toMatchObject({
    interfaces: [{ name: "nkb1" }, { name: "eth0" }],
    ips: result.ips,
  });
  expect(formatResult(result, "1.0.0")["interfaces"]).not.toContainEqual(expect.objectContaining({ mtu: 1500 }));
});

test("1.1.0 has MTUs", () => {
  expect(formatResult(result, "1.1.0")).toEqual({ cniVersion: "1.1.0", ...result });
});

test.each(supportedVersions)("what is read of %s is what was written", (version) => {
  const written = formatResult(result, version);
  expect(formatResult(parseResult(written, version), version)).toEqual(written);
});

test("what others have put into a result goes on unchanged, and what refers to an interface still does", () => {
  const before = {
    interfaces: [{ name: "net1", sandbox: "/run/netns/c1", pciID: "0000:00:01.0" }],
    ips: [{ address: "192.0.2.2/24", interface: 0 }],
    routes: [{ dst: "192.0.2.0/24", priority: 7, table: 100 }],
    dns: { domain: "example" },
  };
  const both = appendResult(parseResult(before, "1.1.0"), result);
  expect(formatResult(both, "1.1.0")).toEqual({
    cniVersion: "1.1.0",
    interfaces: [...before.interfaces, ...result.interfaces],
    ips: [...before.ips, ...result.ips.map((ip) => ({ ...ip, interface: 2 }))],
    routes: [...before.routes, ...result.routes],
    dns: { domain: "example", nameservers: ["127.0.0.11"] },
  });
});

test.each([3, { ips: [{}] }, { interfaces: "eth0" }])("%j is no result", (value) => {
  expect(() => parseResult(value, "1.0.0")).toThrow(expect.objectContaining({ code: 6 }));
});

test("lists that are null are empty, as Go writes them", () => {
  expect(parseResult({ interfaces: null, ips: null, routes: null }, "1.0.0")).toEqual({
    interfaces: [],
    ips: [],
    routes: [],
    dns: {},
  });
});
