import { isNetkitError, parseCidr, parseIp, type SubnetRequest } from "@netkit/core";
import { describe, expect, test } from "vitest";
import { planSubnets, type SubnetRules } from "../src/index.ts";

const both: SubnetRules = { families: ["ipv4", "ipv6"], gateways: ["ipv4", "ipv6"] };

interface Text {
  readonly subnet?: string;
  readonly gateway?: string;
  readonly range?: string;
  readonly aux?: Readonly<Record<string, string>>;
}

function request({ subnet, gateway, range, aux }: Text): SubnetRequest {
  return {
    ...(subnet === undefined ? {} : { subnet: parseCidr(subnet) }),
    ...(gateway === undefined ? {} : { gateway: parseIp(gateway) }),
    ...(range === undefined ? {} : { range: parseCidr(range) }),
    ...(aux === undefined
      ? {}
      : { auxiliary: Object.fromEntries(Object.entries(aux).map(([name, ip]) => [name, parseIp(ip)])) }),
  };
}

function problemsOf(requests: readonly Text[], rules: SubnetRules = both): unknown {
  try {
    planSubnets(requests.map(request), rules);
  } catch (error) {
    if (isNetkitError(error) && error.code === "SUBNET_INVALID") return error.details["problems"];
    throw error;
  }
  return [];
}

describe("a plan is complete", () => {
  test.each<[Text, string]>([
    [{ subnet: "172.20.0.0/16" }, "172.20.0.1"],
    [{ subnet: "172.20.0.0/16", range: "172.20.5.0/24" }, "172.20.5.0"],
    [{ subnet: "172.20.0.0/16", range: "172.20.0.0/24" }, "172.20.0.1"],
    [{ subnet: "172.20.0.0/16", gateway: "172.20.9.9", range: "172.20.5.0/24" }, "172.20.9.9"],
    [{ subnet: "172.20.0.0/16", aux: { a: "172.20.0.1", b: "172.20.0.2" } }, "172.20.0.3"],
    [{ subnet: "192.0.2.0/30" }, "192.0.2.1"],
    [{ subnet: "fd00:1::/64" }, "fd00:1::1"],
    [{ subnet: "fd00:1::/56", range: "fd00:1:0:a::/64" }, "fd00:1:0:a::"],
    [{ subnet: "fd00:1::/126" }, "fd00:1::1"],
  ])("%j has the gateway %s", (text, gateway) => {
    const [plan] = planSubnets([request(text)], both);
    expect(plan).toEqual({ auxiliary: {}, ...request(text), gateway });
  });

  test("an auxiliary address that a driver wants is the next one after the gateway, of the range, unless it is asked for", () => {
    const rules: SubnetRules = { ...both, auxiliary: ["host"] };
    const planOf = (request: object): unknown => planSubnets([request], rules)[0];
    const subnet = parseCidr("10.0.0.0/24");
    expect(planOf({ subnet })).toEqual({ subnet, gateway: "10.0.0.1", auxiliary: { host: "10.0.0.2" } });
    const range = parseCidr("10.0.0.64/26");
    expect(planOf({ subnet, gateway: parseIp("10.0.0.1"), range })).toMatchObject({
      auxiliary: { host: "10.0.0.64" },
    });
    const auxiliary = { printer: parseIp("10.0.0.2"), host: parseIp("10.0.0.9") };
    expect(planOf({ subnet, auxiliary })).toMatchObject({ auxiliary });
    expect(planOf({ subnet, auxiliary: { printer: auxiliary.printer } })).toMatchObject({
      auxiliary: { printer: "10.0.0.2", host: "10.0.0.3" },
    });
    expect(() => planOf({ subnet: parseCidr("10.0.0.0/30") })).toThrow("leaves no address for a sandbox");
  });

  test("a family without gateways gets those that were asked for and no others", () => {
    const rules: SubnetRules = { families: ["ipv4", "ipv6"], gateways: ["ipv6"] };
    const texts = [
      { subnet: "192.0.2.0/31" },
      { subnet: "198.51.100.0/24", gateway: "198.51.100.254" },
      { subnet: "fd00:1::/64" },
    ];
    expect(planSubnets(texts.map(request), rules)).toEqual([
      { subnet: "192.0.2.0/31", auxiliary: {} },
      { subnet: "198.51.100.0/24", gateway: "198.51.100.254", auxiliary: {} },
      { subnet: "fd00:1::/64", gateway: "fd00:1::1", auxiliary: {} },
    ]);
  });
});

describe("a problem says what is wrong", () => {
  test.each<[Text, string]>([
    [{ subnet: "172.20.0.1/16" }, "172.20.0.1/16 has host bits set: it should be 172.20.0.0/16"],
    [{ subnet: "fd00::1/64" }, "fd00::1/64 has host bits set: it should be fd00::/64"],
    [{ subnet: "0.0.0.0/0" }, "0.0.0.0/0 is a default route, not a subnet"],
    [{ subnet: "::/0" }, "::/0 is a default route, not a subnet"],
    [{ subnet: "128.0.0.0/1" }, "128.0.0.0/1 is a default route, not a subnet"],
    [{ subnet: "192.0.2.1/32" }, "192.0.2.1/32 is a single address: a network needs a /30 or larger"],
    [{ subnet: "fd00::1/128" }, "fd00::1/128 is a single address: a network needs a /126 or larger"],
    [
      { subnet: "192.0.2.0/31" },
      "192.0.2.0/31 is a point-to-point pair without room for a gateway: use a /30 or larger",
    ],
    [{ subnet: "fd00::/127" }, "fd00::/127 is a point-to-point pair without room for a gateway: use a /126 or larger"],
    [{ subnet: "127.5.0.0/16" }, "127.5.0.0/16 holds loopback addresses (127.0.0.0/8), which no network can use"],
    [{ subnet: "0.0.0.0/8" }, '0.0.0.0/8 holds addresses of "this network" (0.0.0.0/8), which no network can use'],
    [
      { subnet: "169.254.0.0/16" },
      "169.254.0.0/16 holds link-local addresses (169.254.0.0/16), which no network can use",
    ],
    [{ subnet: "240.0.0.0/8" }, "240.0.0.0/8 holds reserved addresses (240.0.0.0/4), which no network can use"],
    [
      { subnet: "::ffff:10.0.0.0/120" },
      "::ffff:a00:0/120 holds IPv4-mapped addresses (::ffff:0:0/96), which no network can use",
    ],
    [{ subnet: "fe80::/64" }, "fe80::/64 holds link-local addresses (fe80::/10), which no network can use"],
    [{ subnet: "192.0.2.0/24", gateway: "198.51.100.1" }, "gateway 198.51.100.1 lies outside its subnet 192.0.2.0/24"],
    [{ subnet: "192.0.2.0/24", gateway: "fd00::1" }, "gateway fd00::1 is IPv6, its subnet 192.0.2.0/24 is IPv4"],
    [{ subnet: "192.0.2.0/24", gateway: "192.0.2.0" }, "gateway 192.0.2.0 is the network address of 192.0.2.0/24"],
    [
      { subnet: "192.0.2.0/24", gateway: "192.0.2.255" },
      "gateway 192.0.2.255 is the broadcast address of 192.0.2.0/24",
    ],
    [{ subnet: "fd00::/64", gateway: "fd00::" }, "gateway fd00:: is the subnet-router anycast address of fd00::/64"],
    [{ subnet: "192.0.2.0/24", range: "192.0.0.0/16" }, "range 192.0.0.0/16 is larger than its subnet 192.0.2.0/24"],
    [{ subnet: "192.0.2.0/24", range: "192.0.3.0/25" }, "range 192.0.3.0/25 lies outside its subnet 192.0.2.0/24"],
    [{ subnet: "192.0.2.0/24", range: "192.0.2.1/25" }, "192.0.2.1/25 has host bits set: it should be 192.0.2.0/25"],
    [{ subnet: "192.0.2.0/24", range: "fd00::/64" }, "range fd00::/64 is IPv6, its subnet 192.0.2.0/24 is IPv4"],
    [{ subnet: "192.0.2.0/24", range: "192.0.2.7/32" }, "range 192.0.2.7/32 leaves no address for a sandbox"],
    [{ subnet: "192.0.2.0/30", aux: { router: "192.0.2.2" } }, "192.0.2.0/30 leaves no address for a sandbox"],
    [
      { subnet: "192.0.2.0/24", aux: { dns: "10.0.0.1" } },
      "auxiliary address 'dns' 10.0.0.1 lies outside its subnet 192.0.2.0/24",
    ],
    [
      { subnet: "192.0.2.0/24", gateway: "192.0.2.9", aux: { dns: "192.0.2.9" } },
      "auxiliary address 'dns' is the gateway 192.0.2.9",
    ],
    [
      { subnet: "192.0.2.0/24", aux: { a: "192.0.2.9", b: "192.0.2.9" } },
      "auxiliary address 'b' is 192.0.2.9, as is 'a'",
    ],
    [{ gateway: "192.0.2.9" }, "gateway 192.0.2.9 needs a subnet that it lies in"],
  ])("%j", (text, problem) => {
    expect(problemsOf([text])).toEqual([problem]);
  });

  test("a family that the driver doesn't carry", () => {
    expect(problemsOf([{ subnet: "fd00::/64" }], { families: ["ipv4"], gateways: ["ipv4"] })).toEqual([
      "fd00::/64 is IPv6, which the driver doesn't carry",
    ]);
  });

  test("subnets of one network that overlap", () => {
    expect(problemsOf([{ subnet: "10.0.0.0/8" }, { subnet: "fd00::/64" }, { subnet: "10.9.0.0/16" }])).toEqual([
      "10.9.0.0/16 overlaps 10.0.0.0/8 of the same network",
    ]);
  });

  test("all problems of all subnets come at once, in details and message", () => {
    const requests = [
      { subnet: "192.0.2.0/24", gateway: "10.0.0.1", range: "192.0.3.0/25", aux: { a: "10.0.0.2", b: "fd00::1" } },
      { subnet: "172.20.0.1/16" },
      { subnet: "192.0.2.128/25" },
    ];
    const problems = [
      "range 192.0.3.0/25 lies outside its subnet 192.0.2.0/24",
      "gateway 10.0.0.1 lies outside its subnet 192.0.2.0/24",
      "auxiliary address 'a' 10.0.0.2 lies outside its subnet 192.0.2.0/24",
      "auxiliary address 'b' fd00::1 is IPv6, its subnet 192.0.2.0/24 is IPv4",
      "172.20.0.1/16 has host bits set: it should be 172.20.0.0/16",
      "192.0.2.128/25 overlaps 192.0.2.0/24 of the same network",
    ];
    expect(problemsOf(requests)).toEqual(problems);
    expect(() => planSubnets(requests.map(request), both)).toThrow(problems.join("; "));
  });
});
