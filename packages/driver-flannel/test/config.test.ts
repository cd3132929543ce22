import { isNetkitError, type Cidr, type Ip } from "@netkit/core";
import { describe, expect, test } from "vitest";
import { isOf, parseConfig } from "../src/config.ts";

const key = "/coreos.com/network/config";
const vxlan = { Type: "vxlan" };

describe("flannel's configuration", () => {
  test("is as flannel fills it in", () => {
    expect(parseConfig({ Network: "10.5.0.0/16", Backend: vxlan }, key)).toEqual({
      ipv4: { network: "10.5.0.0/16", length: 24, first: "10.5.1.0", last: "10.5.255.0" },
      backend: { type: "vxlan", vni: 1, port: 8472, learning: false, gbp: false, directRouting: false },
    });
    const dual = {
      Network: "10.42.0.0/16",
      EnableIPv6: true,
      IPv6Network: "2001:cafe:42::/56",
      Backend: { Type: "host-gw" },
    };
    expect(parseConfig(dual, key)).toEqual({
      ipv4: { network: "10.42.0.0/16", length: 24, first: "10.42.1.0", last: "10.42.255.0" },
      ipv6: { network: "2001:cafe:42::/56", length: 64, first: "2001:cafe:42:1::", last: "2001:cafe:42:ff::" },
      backend: { type: "host-gw" },
    });
  });

  // flannel's own: pkg/subnet/config_test.go, Documentation/configuration.md.
  test.each([
    [{ Network: "10.3.0.0/16" }, 24, "10.3.1.0", "10.3.255.0"],
    [{ Network: "10.3.0.0/25" }, 27, "10.3.0.32", "10.3.0.96"],
    [{ Network: "10.3.0.0/28" }, 30, "10.3.0.4", "10.3.0.12"],
    [{ Network: "10.3.0.0/22" }, 24, "10.3.1.0", "10.3.3.0"],
    [{ Network: "10.3.0.0/23" }, 25, "10.3.0.128", "10.3.1.128"],
    [{ Network: "10.3.0.0/16", SubnetLen: 28 }, 28, "10.3.0.16", "10.3.255.240"],
    [{ Network: "10.3.0.0/16", SubnetMin: "10.3.5.0", SubnetMax: "10.3.8.0" }, 24, "10.3.5.0", "10.3.8.0"],
    [
      { Network: "10.0.0.0/8", SubnetLen: 20, SubnetMin: "10.10.0.0", SubnetMax: "10.99.0.0" },
      20,
      "10.10.0.0",
      "10.99.0.0",
    ],
    [{ Network: "10.3.7.9/16", SubnetLen: 0 }, 24, "10.3.1.0", "10.3.255.0"],
    [{ network: "10.3.0.0/16", SUBNETLEN: 26, SubnetMax: null }, 26, "10.3.0.64", "10.3.255.192"],
  ])("%j: subnets of /%i from %s to %s", (fields, length, first, last) => {
    expect(parseConfig({ ...fields, Backend: vxlan }, key).ipv4).toMatchObject({ length, first, last });
  });

  test("of VXLAN is taken whatever the case of its names", () => {
    const backend = { type: "VXLAN", vni: 7, port: 4789, mtu: 9000, gbp: true, LEARNING: true, directrouting: true };
    expect(parseConfig({ Network: "10.5.0.0/16", backend }, key).backend).toEqual({
      type: "vxlan",
      vni: 7,
      port: 4789,
      mtu: 9000,
      gbp: true,
      learning: true,
      directRouting: true,
    });
    const zeroPort = { Network: "10.5.0.0/16", Backend: { ...vxlan, Port: 0 } };
    expect(parseConfig(zeroPort, key).backend).toMatchObject({ port: 8472 });
  });

  test.each<[string, unknown]>([
    ["isn't there", undefined],
    ["is no JSON object", "{ Network"],
    ["is no JSON object", ["10.5.0.0/16"]],
    ["has no Network", { Backend: vxlan }],
    ["has a Network that isn't one", { Network: "10.5.0.0", Backend: vxlan }],
    ["has a Network that isn't one", { Network: "fd00::/48", Backend: vxlan }],
    ["has a Network that isn't one", { Network: 10, Backend: vxlan }],
    ["has a Network that is smaller than a /28", { Network: "10.5.0.0/29", Backend: vxlan }],
    ["has a SubnetLen that is no whole number up to 30", { Network: "10.5.0.0/16", SubnetLen: 31 }],
    ["has a SubnetLen that is no whole number up to 30", { Network: "10.5.0.0/16", SubnetLen: "24" }],
    ["has room for less than four subnets of /24 in 10.5.0.0/23", { Network: "10.5.0.0/23", SubnetLen: 24 }],
    ["has a SubnetMin outside 10.5.0.0/16: 10.6.0.0", { Network: "10.5.0.0/16", SubnetMin: "10.6.0.0" }],
    ["has a SubnetMax outside 10.5.0.0/16: 10.4.0.0", { Network: "10.5.0.0/16", SubnetMax: "10.4.0.0" }],
    ["has a SubnetMin that no /24 begins with: 10.5.1.1", { Network: "10.5.0.0/16", SubnetMin: "10.5.1.1" }],
    ["has a EnableIPv6 that is neither true nor false", { Network: "10.5.0.0/16", EnableIPv6: "yes" }],
    ["has no IPv6Network", { Network: "10.5.0.0/16", EnableIPv6: true }],
    [
      "has a IPv6Network that is smaller than a /124",
      { Network: "10.5.0.0/16", EnableIPv6: true, IPv6Network: "fd00::/125" },
    ],
    ["has a Backend that is no object", { Network: "10.5.0.0/16", Backend: "vxlan" }],
    [
      "has a Backend whose VNI is no whole number up to 9999999",
      { Network: "10.5.0.0/16", Backend: { Type: "vxlan", VNI: 16777215 } },
    ],
    [
      "has a Backend whose DirectRouting is neither",
      { Network: "10.5.0.0/16", Backend: { Type: "vxlan", DirectRouting: 1 } },
    ],
  ])("is refused when it %s: %j", (why, value) => {
    expect(() => parseConfig(value, key)).toThrow(expect.objectContaining({ code: "OUTSIDE_INVALID" }));
    expect(() => parseConfig(value, key)).toThrow(`flannel's configuration in ${key} ${why}`);
  });

  test.each<[string, unknown]>([
    ["udp", { Network: "10.5.0.0/16" }],
    ["wireguard", { Network: "10.5.0.0/16", Backend: { Type: "wireguard" } }],
    ["no IPv4", { EnableIPv4: false, EnableIPv6: true, IPv6Network: "fd00::/48", Backend: vxlan }],
  ])("with what netkit can't do is told from one that is wrong: %s", (what, value) => {
    const refusal = (): unknown => {
      try {
        return parseConfig(value, key);
      } catch (error) {
        return error;
      }
    };
    const error = refusal();
    expect(isNetkitError(error) && [error.code, error.message]).toEqual(["UNSUPPORTED", expect.stringContaining(what)]);
  });

  test("says which subnets are of it", () => {
    const { ipv4 } = parseConfig({ Network: "10.5.0.0/16", SubnetMax: "10.5.9.0", Backend: vxlan }, key);
    const given = [
      "10.5.1.0/24",
      "10.5.9.0/24",
      "10.5.10.0/24",
      "10.5.0.0/24",
      "10.5.4.0/25",
      "10.6.1.0/24",
      "fd00::/24",
    ];
    expect(given.filter((subnet) => isOf(ipv4, subnet as Cidr))).toEqual(["10.5.1.0/24", "10.5.9.0/24"]);
    expect(ipv4.first).toBe("10.5.1.0" as Ip);
  });
});
