import { createHash } from "node:crypto";
import { keyOf, parseIp, parseOptions, type EndpointId, type NetworkId } from "@netkit/core";
import { describe, expect, test } from "vitest";
import { areaName, endName } from "../src/names.ts";
import { driver, endpointView, ipv4, ipv6, networkView, port } from "./views.ts";

const view = networkView();
const name = areaName(view.id);
const link = `${name}*`;
const both = networkView({}, { subnets: [ipv4, ipv6] });
const ns = "ab".repeat(32);

describe("a network", () => {
  test("of IPv4", () => {
    expect(driver.network(view)).toEqual([
      { kind: "bridge", ns: "host", name, mac: expect.stringMatching(/^02:6b:/) as unknown, noLinkLocal: true },
      { kind: "address", ns: "host", link: name, address: "172.20.0.1/32", noPrefixRoute: true },
      { kind: "sysctl", ns: "host", path: "net/ipv4/ip_forward", value: "1" },
      { kind: "sysctl", ns: "host", path: `net/ipv6/conf/${name}/disable_ipv6`, value: "1" },
      { kind: "route", ns: "host", destination: "172.20.0.0/16", type: "unreachable" },
      { kind: "isolation", ns: "host", link, icc: true, internal: false, strict: true },
      { kind: "masquerade", ns: "host", link, subnet: "172.20.0.0/16" },
    ]);
  });

  test("of both families is routed and translated in both", () => {
    const resources = driver.network(both);
    expect(resources).toContainEqual({
      kind: "sysctl",
      ns: "host",
      path: "net/ipv6/conf/all/forwarding",
      value: "1",
    });
    expect(resources).toContainEqual({
      kind: "address",
      ns: "host",
      link: name,
      address: "fd00:5::1/128",
      noPrefixRoute: true,
    });
    expect(resources.filter(({ kind }) => kind === "masquerade")).toHaveLength(2);
  });

  test("that is internal routes its neighbours, and nothing else", () => {
    const resources = driver.network(networkView({ icc: false }, { internal: true }));
    expect(resources).toContainEqual({ kind: "sysctl", ns: "host", path: "net/ipv4/ip_forward", value: "1" });
    expect(resources).toContainEqual({ kind: "isolation", ns: "host", link, icc: false, internal: true, strict: true });
    expect(resources.map(({ kind }) => kind)).not.toContain("masquerade");
  });

  test("without masquerade keeps its addresses towards the outside", () => {
    expect(driver.network(networkView({ masquerade: false })).map(({ kind }) => kind)).not.toContain("masquerade");
  });

  test("with IPv6 has no MTU below that of IPv6", () => {
    const small = networkView({ mtu: 1000 }, { subnets: [ipv6] });
    expect(() => driver.network(small)).toThrow(expect.objectContaining({ code: "OPTION_INVALID" }));
  });

  test("publishes at its host address, of which 0.0.0.0 is all", () => {
    expect(driver.publishAddress?.(networkView({ "host-address": "192.0.2.1" }))).toBe(parseIp("192.0.2.1"));
    expect(driver.publishAddress?.(networkView({ "host-address": "0.0.0.0" }))).toBeUndefined();
  });
});

describe("an endpoint", () => {
  const end = endName(view.id, endpointView(view).id);
  const mac = "02:6e:0a:00:01:02";

  test("of IPv4: no rule or element of its own, and a route of the host's", () => {
    expect(driver.endpoint(endpointView(view))).toEqual([
      { kind: "veth", ns: "host", name: end, mac, pointToPoint: true, peer: { ns, name: "eth0", mac } },
      { kind: "address", ns, link: "eth0", address: "172.20.0.2/16" },
      { kind: "route", ns, destination: "0.0.0.0/0", via: "172.20.0.1", link: "eth0" },
      { kind: "route", ns: "host", destination: "172.20.0.2/32", link: end, source: "172.20.0.1" },
    ]);
  });

  test("of both families, with an MTU, a rate and a port", () => {
    const network = networkView({ mtu: 1400 }, { subnets: [ipv4, ipv6] });
    const options = parseOptions(driver.endpointOptions, { "rate-ingress": 1_000_000 }, "");
    const resources = driver.endpoint(endpointView(network, { options, ports: [port("8080:80")] }));
    expect(resources).toContainEqual(expect.objectContaining({ kind: "veth", mtu: 1400 }));
    expect(resources).toContainEqual(expect.objectContaining({ kind: "shaper", link: end }));
    expect(resources).toContainEqual({
      kind: "route",
      ns: "host",
      destination: "fd00:5::2/128",
      link: end,
      source: "fd00:5::1",
    });
    const sysctls = resources.flatMap((each) => (each.kind === "sysctl" && each.ns === "host" ? [each.path] : []));
    expect(sysctls).toEqual([`net/ipv6/conf/${end}/disable_ipv6`]);
    const published = resources.flatMap((each) => (each.kind === "publish" ? [each.link] : []));
    expect(published).toEqual([link, link]);
  });

  test("has no port on an internal network", () => {
    const internal = endpointView(networkView({}, { internal: true }), { ports: [port("8080:80")] });
    expect(() => driver.endpoint(internal)).toThrow(expect.objectContaining({ code: "ARGUMENT_INVALID" }));
  });

  test("has a name of 15 bytes that begins as its network's, and no other's", () => {
    const ids = Array.from({ length: 4000 }, (_, index) => digest(index) as EndpointId);
    const network = digest(-1) as NetworkId;
    const names = ids.map((id) => endName(network, id));
    expect(new Set(names).size).toBe(ids.length);
    for (const each of names) expect(each).toMatch(new RegExp(`^${areaName(network)}[0-9a-z]{7}$`));
    expect(names[0]).toHaveLength(15);
    expect(areaName(digest(-2) as NetworkId)).not.toBe(areaName(network));
  });

  test("has no key twice", () => {
    const keys = driver.endpoint(endpointView(both, { ports: [port("8080:80"), port("53:53/udp")] })).map(keyOf);
    expect(new Set(keys).size).toBe(keys.length);
  });
});

/** 64 hex digits that follow from a number. */
function digest(number: number): string {
  return createHash("sha256").update(`${number}`).digest("hex");
}
