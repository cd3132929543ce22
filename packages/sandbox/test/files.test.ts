import { parseIp, type Ip } from "@netkit/core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseHostname, parseResolvConf, renderHostname, renderHosts, renderResolvConf } from "../src/index.ts";

const ip = parseIp;

describe("resolv.conf", () => {
  const host =
    "# made by hand\nnameserver 192.0.2.53\ndomain old.test\nsearch a.test b.test\noptions ndots:2\noptions edns0\n";

  test("takes every list that is not given from the host", () => {
    expect(renderResolvConf({}, host)).toBe("nameserver 192.0.2.53\nsearch a.test b.test\noptions ndots:2 edns0\n");
  });

  test("a list that is given replaces the host's", () => {
    const dns = { servers: [ip("198.51.100.1"), ip("2001:db8::53")], search: ["c.test"], options: ["ndots:0"] };
    expect(renderResolvConf(dns, host)).toBe(
      "nameserver 198.51.100.1\nnameserver 2001:db8::53\nsearch c.test\noptions ndots:0\n",
    );
  });

  test("leaves out servers that only the host reaches", () => {
    const servers = ["127.0.0.53", "127.1.2.3", "::1", "0.0.0.0", "fe80::1%eth0", "192.0.2.1"];
    const text = servers.map((server) => `nameserver ${server}\n`).join("");
    expect(renderResolvConf({}, text)).toBe("nameserver 192.0.2.1\n");
  });

  test("passes over the host's comments behind values, and what is no word", () => {
    const text =
      "nameserver 192.0.2.1 # office\nnameserver 192.0.2.2#53\nsearch a.test ; was b.test\noptions ndots:2 x#y\n";
    expect(renderResolvConf({}, text)).toBe("nameserver 192.0.2.1\nsearch a.test\noptions ndots:2\n");
  });

  test("says so when none is left, and makes none up", () => {
    expect(renderResolvConf({}, "nameserver 127.0.0.53\n")).toMatch(
      /^# No name server: the host's can't be reached.*\n$/,
    );
    expect(renderResolvConf({}, "")).toMatch(/^# No name server: the host has none.*\n$/);
  });

  test("keeps a loopback server that was asked for", () => {
    expect(renderResolvConf({ servers: [ip("127.0.0.11")] }, host)).toContain("nameserver 127.0.0.11\n");
  });

  test("a search domain '.' stands for none", () => {
    expect(renderResolvConf({ search: ["."] }, host)).not.toContain("search");
  });

  test.each([{ search: ["a b"] }, { options: ["x\nnameserver 192.0.2.9"] }, { servers: ["192.0.2.1\n#" as Ip] }])(
    "refuses what would break its line: %j",
    (dns) => expect(() => renderResolvConf(dns, host)).toThrow(expect.objectContaining({ code: "ARGUMENT_INVALID" })),
  );

  test("reads back what it writes", () => {
    const label = fc.stringMatching(/^[a-z][a-z0-9.-]{0,20}$/);
    const server = fc.ipV4().map((text) => ip(text));
    const dns = fc.record({
      servers: fc.array(server, { minLength: 1 }),
      search: fc.array(label, { minLength: 1 }),
      options: fc.array(label, { minLength: 1 }),
    });
    fc.assert(
      fc.property(dns, (dns) => {
        expect(parseResolvConf(renderResolvConf(dns, host))).toEqual(dns);
      }),
    );
  });
});

describe("hosts and hostname", () => {
  test("loopback, added hosts, then the own names by address", () => {
    const text = renderHosts({
      hostname: "web",
      aliases: ["www", "web"],
      addresses: [ip("10.0.0.2"), ip("fd00::2")],
      hosts: [{ address: ip("192.0.2.7"), name: "db.test" }],
    });
    expect(text.split("\n")).toEqual([
      "127.0.0.1\tlocalhost",
      "::1\tlocalhost ip6-localhost ip6-loopback",
      "fe00::\tip6-localnet",
      "ff00::\tip6-mcastprefix",
      "ff02::1\tip6-allnodes",
      "ff02::2\tip6-allrouters",
      "192.0.2.7\tdb.test",
      "10.0.0.2\tweb www",
      "fd00::2\tweb www",
      "",
    ]);
  });

  test("host-gateway is a line for each of the host's addresses, and a domain name makes a full name", () => {
    const hosts = [{ address: "host-gateway" as const, name: "host.test" }];
    const file = { hostname: "web", domainname: "example.test", addresses: [ip("10.0.0.2")], hosts };
    const own = "10.0.0.2\tweb.example.test web\n";
    expect(renderHosts({ ...file, hostGateway: [ip("10.0.0.1"), ip("fd00::1")] })).toMatch(
      new RegExp(`10.0.0.1\thost.test\nfd00::1\thost.test\n${own}$`),
    );
    expect(renderHosts(file)).toMatch(new RegExp(`allrouters\n${own}$`));
  });

  test("refuses an added name that would be a second line", () => {
    const hosts = [{ address: ip("192.0.2.7"), name: "a\n192.0.2.8 b" }];
    expect(() => renderHosts({ hostname: "web", addresses: [], hosts })).toThrow(
      expect.objectContaining({ code: "ARGUMENT_INVALID" }),
    );
  });

  test("hostname", () => {
    expect(renderHostname("web-1.test")).toBe("web-1.test\n");
    expect(parseHostname("a".repeat(64))).toHaveLength(64);
  });

  test.each(["", "a".repeat(65), "-a", "a-", "a b", "a\n", "ä", "a;b"])("refuses the hostname %j", (name) => {
    expect(() => parseHostname(name)).toThrow(expect.objectContaining({ code: "NAME_INVALID" }));
  });
});
