import { parseCidr, type SubnetRequest } from "@netkit/core";
import { describe, expect, test } from "vitest";
import type { RouteInput } from "../src/api.ts";
import { parseRoutes } from "../src/network-routes.ts";

const subnets: SubnetRequest[] = ["10.7.0.0/24", "fd00:7::/64"].map((subnet) => ({ subnet: parseCidr(subnet) }));
const parse = (routes: readonly RouteInput[], requests = subnets) => parseRoutes({ name: "n", routes }, requests);

test("routes are kept as they were asked for, with a metric behind those of subnets where none was", () => {
  expect(
    parse([
      { destination: "10.99.0.0/16", gateway: "10.7.0.9", metric: 0 },
      { destination: "10.99.0.0/16", gateway: "10.7.0.10", metric: 1024 },
      { destination: "FD00:99:0::/48", gateway: "fd00:7:0::9" },
      { destination: "fd00:98::/48", type: "blackhole", metric: 0 },
      { destination: "10.7.0.128/25", type: "prohibit" },
    ]),
  ).toEqual([
    { destination: "10.99.0.0/16", gateway: "10.7.0.9", metric: 0 },
    { destination: "10.99.0.0/16", gateway: "10.7.0.10", metric: 1024 },
    { destination: "fd00:99::/48", gateway: "fd00:7::9", metric: 1024 },
    { destination: "fd00:98::/48", type: "blackhole", metric: 1024 },
    { destination: "10.7.0.128/25", type: "prohibit", metric: 100 },
  ]);
});

test("a gateway elsewhere is kept as such where it is meant", () => {
  const route: RouteInput = { destination: "10.99.0.0/16", gateway: "10.8.0.9", elsewhere: true };
  expect(parse([route])).toEqual([{ ...route, metric: 100 }]);
  expect(() => parse([{ ...route, gateway: "fd00:8::9" }])).toThrow("is IPv4, its gateway fd00:8::9 is IPv6");
});

describe("refused is", () => {
  const via = { destination: "10.99.0.0/16", gateway: "10.7.0.9" };
  test.each<[string, RouteInput[], string]>([
    ["host bits", [{ ...via, destination: "10.99.0.1/16" }], "host bits set: it should be 10.99.0.0/16"],
    ["no subnet", [{ ...via, destination: "10.99" }], "route 10.99: invalid CIDR"],
    ["no address", [{ ...via, gateway: "blackhol" }], "route 10.99.0.0/16: invalid address"],
    ["a default route", [{ ...via, destination: "0.0.0.0/0" }], "route 0.0.0.0/0 is a default route"],
    ["one of IPv6", [{ destination: "::/0", type: "blackhole" }], "route ::/0 is a default route"],
    ["the network's own subnet", [{ ...via, destination: "10.7.0.0/24" }], "the network's own subnet"],
    ["a gateway elsewhere", [{ ...via, gateway: "10.8.0.9" }], "10.8.0.9, which lies in no subnet"],
    ["a gateway that is nobody's", [{ ...via, gateway: "10.7.0.255" }], "nobody's address in 10.7.0.0/24"],
    ["a gateway of the other family", [{ ...via, gateway: "fd00:7::9" }], "is IPv4, its gateway fd00:7::9 is IPv6"],
    ["no way at all", [{ destination: "10.99.0.0/16" }], "neither a gateway nor a type"],
    ["two ways", [{ ...via, type: "blackhole" }], "both a gateway and a type"],
    ["an unknown type", [{ destination: "10.99.0.0/16", type: "throw" as "prohibit" }], "unknown type 'throw'"],
    ["a metric of 33 bits", [{ ...via, metric: 2 ** 32 }], "metric 4294967296"],
    ["a negative metric", [{ ...via, metric: -1 }], "metric -1"],
    ["a route twice", [via, { destination: "10.99.0.0/16", type: "prohibit" }], "with metric 100 is there twice"],
    [
      "one twice by two words for a metric",
      [
        { destination: "fd00:99::/48", type: "prohibit", metric: 1024 },
        { destination: "fd00:99::/48", type: "blackhole" },
      ],
      "with metric 1024 is there twice",
    ],
  ])("%s", (_, routes, message) => {
    expect(() => parse(routes)).toThrow(message);
  });

  test("a family that the network hasn't, by its subnets or by choice", () => {
    const six: RouteInput = { destination: "fd00:99::/48", type: "blackhole" };
    const four: RouteInput = { destination: "10.99.0.0/16", type: "blackhole" };
    expect(parse([four], [])).toHaveLength(1);
    expect(() => parse([six], [])).toThrow("is IPv6, which the network hasn't");
    expect(parseRoutes({ name: "n", ipv6: true, routes: [six] }, [])).toHaveLength(1);
    expect(() => parseRoutes({ name: "n", ipv4: false, ipv6: true, routes: [four] }, [])).toThrow("is IPv4");
  });

  test("everything at once, with what to do", () => {
    const routes: RouteInput[] = [
      { destination: "10.99.0.1/16", gateway: "10.8.0.9" },
      { destination: "10.98", gateway: "10.7.0.9" },
      { destination: "0.0.0.0/0", gateway: "10.7.0.9" },
    ];
    expect(() => parse(routes)).toThrow(
      expect.objectContaining({
        code: "ROUTE_INVALID",
        hint: expect.stringContaining("--gw-priority"),
        details: { problems: [expect.any(String), expect.any(String), expect.any(String), expect.any(String)] },
      }),
    );
  });
});
