import { keyOf, parseCidr, type Resource } from "@netkit/core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { driver, endpointView, ipv4, ipv6, networkView, port } from "./views.ts";

const ns = "ab".repeat(32);
const link = "nkb0123456789";
const both = networkView({}, { subnets: [ipv4, ipv6] });

const published = (resources: readonly Resource[]): Resource[] => resources.filter(({ kind }) => kind === "publish");

describe("an endpoint", () => {
  test("of IPv4", () => {
    expect(driver.endpoint(endpointView(networkView()))).toEqual([
      {
        kind: "veth",
        ns: "host",
        name: "nkvfedcba9876",
        master: link,
        hairpin: false,
        isolated: false,
        peer: { ns, name: "eth0", mac: "02:6e:ac:14:00:02" },
      },
      { kind: "address", ns, link: "eth0", address: "172.20.0.2/22" },
      { kind: "route", ns, destination: "0.0.0.0/0", via: "172.20.0.1", link: "eth0" },
    ]);
  });

  test("of both families, with a port and an MTU, that its neighbours can't reach", () => {
    const network = networkView({ mtu: 1400, icc: false }, { subnets: [ipv4, ipv6] });
    expect(driver.endpoint(endpointView(network, { ports: [port("8080:80")] }))).toEqual([
      {
        kind: "veth",
        ns: "host",
        name: "nkvfedcba9876",
        mtu: 1400,
        master: link,
        hairpin: true,
        isolated: true,
        peer: { ns, name: "eth0", mac: "02:6e:ac:14:00:02", mtu: 1400 },
      },
      { kind: "sysctl", ns, path: "net/ipv6/conf/eth0/accept_ra", value: "0" },
      { kind: "address", ns, link: "eth0", address: "172.20.0.2/22" },
      { kind: "address", ns, link: "eth0", address: "fd00:5::2/64" },
      { kind: "route", ns, destination: "0.0.0.0/0", via: "172.20.0.1", link: "eth0" },
      { kind: "route", ns, destination: "::/0", via: "fd00:5::1", link: "eth0" },
      {
        kind: "publish",
        ns: "host",
        family: "ipv4",
        protocol: "tcp",
        hostPort: { first: 8080, last: 8080 },
        target: "172.20.0.2",
        targetPort: { first: 80, last: 80 },
        link,
      },
      {
        kind: "publish",
        ns: "host",
        family: "ipv6",
        protocol: "tcp",
        hostPort: { first: 8080, last: 8080 },
        target: "fd00:5::2",
        targetPort: { first: 80, last: 80 },
        link,
      },
    ]);
  });

  test.each([
    ["the network is internal", networkView({}, { internal: true }), {}],
    ["another endpoint has it", networkView(), { defaultRoute: [] }],
    ["the network lacks that family", networkView(), { defaultRoute: ["ipv6"] as const }],
    ["there is no gateway", networkView(), { addresses: [{ address: parseCidr("172.20.0.2/22") }] }],
  ])("has no default route where %s", (_, network, changes) => {
    const kinds = driver.endpoint(endpointView(network, changes)).map(({ kind }) => kind);
    expect(kinds).toEqual(["veth", "address"]);
  });
});

describe("a port is published", () => {
  test.each([
    ["80:80", ["ipv4", "ipv6"], undefined],
    ["127.0.0.1:80:80", ["ipv4"], "127.0.0.1"],
    ["[2001:db8::1]:80:80", ["ipv6"], "2001:db8::1"],
    ["0.0.0.0:80:80", ["ipv4"], undefined],
    ["[::]:80:80", ["ipv6"], undefined],
  ])("%s in %j", (text, families, hostAddress) => {
    const found = published(driver.endpoint(endpointView(both, { ports: [port(text)] })));
    expect(found.map((resource) => "family" in resource && resource.family)).toEqual(families);
    for (const resource of found) {
      expect("hostAddress" in resource ? resource.hostAddress : undefined).toBe(hostAddress);
    }
  });

  test("on the host address that it names; the network's is for those that name none", () => {
    const network = networkView({ "host-address": "127.0.0.1" }, { subnets: [ipv4, ipv6] });
    expect(driver.publishAddress?.(network)).toBe("127.0.0.1");
    const ports = [port("192.0.2.1:81:80"), port("[2001:db8::5]:82:80")];
    const found = published(driver.endpoint(endpointView(network, { ports })));
    expect(found).toMatchObject([
      { family: "ipv4", hostAddress: "192.0.2.1" },
      { family: "ipv6", hostAddress: "2001:db8::5" },
    ]);
  });

  test("for the sources that it names, in their families alone", () => {
    const ports = [port("80:80,from=10.0.0.0/8,from=fd00::/8"), port("81:81,from=fd00::/8"), port("82:82")];
    const found = published(driver.endpoint(endpointView(networkView({}, { subnets: [ipv4, ipv6] }), { ports })));
    expect(found.map((resource) => "from" in resource && [resource.family, resource.from])).toEqual([
      ["ipv4", ["10.0.0.0/8"]],
      ["ipv6", ["fd00::/8"]],
      ["ipv6", ["fd00::/8"]],
      false,
      false,
    ]);
  });

  test("not where nobody could reach it: on [::1], for sources of a family that the endpoint lacks", () => {
    const onlyIpv4 = networkView();
    for (const [text, why] of [
      ["[::1]:80:80", "[::1]"],
      ["80:80,from=fd00::/8", "no IPv6 addresses"],
    ] as const) {
      expect(() => driver.endpoint(endpointView(onlyIpv4, { ports: [port(text)] }))).toThrow(
        expect.objectContaining({ code: "UNSUPPORTED", message: expect.stringContaining(why) }),
      );
    }
  });

  test("once per family, on the first address", () => {
    const second = { address: parseCidr("172.20.0.3/22") };
    const view = endpointView(networkView(), { ports: [port("5000-5009:6000-6009/udp")] });
    const found = published(driver.endpoint({ ...view, addresses: [...view.addresses, second] }));
    expect(found).toMatchObject([
      {
        protocol: "udp",
        hostPort: { first: 5000, last: 5009 },
        target: "172.20.0.2",
        targetPort: { first: 6000, last: 6009 },
      },
    ]);
  });

  test("nowhere if the network is internal", () => {
    const view = endpointView(networkView({}, { internal: true }), { ports: [port("8080:80")] });
    const message = "port 8080/tcp can't be published: network 'web' is internal";
    expect(() => driver.endpoint(view)).toThrow(expect.objectContaining({ code: "ARGUMENT_INVALID", message }));
  });

  test.each([
    ["[2001:db8::1]:8080:80/udp", "port 8080/udp can't be published: network 'web' has no IPv6 addresses"],
    ["[::]:8080:80", "port 8080/tcp can't be published: network 'web' has no IPv6 addresses"],
  ])("%s nowhere without IPv6", (text, message) => {
    const view = endpointView(networkView(), { ports: [port(text)] });
    expect(() => driver.endpoint(view)).toThrow(expect.objectContaining({ code: "UNSUPPORTED", message }));
  });
});

test("resources are distinct, equal for equal views, and of plain data", () => {
  const networks = fc
    .record({
      subnets: fc.subarray([ipv4, ipv6], { minLength: 1 }),
      internal: fc.boolean(),
      icc: fc.boolean(),
      masquerade: fc.boolean(),
      mtu: fc.option(fc.integer({ min: 1280, max: 65_535 }), { nil: undefined }),
    })
    .map(({ subnets, internal, ...options }) => networkView(options, { subnets, internal }));
  fc.assert(
    fc.property(networks, fc.uniqueArray(fc.integer({ min: 1, max: 65_535 })), (network, hostPorts) => {
      const ports = network.internal ? [] : hostPorts.map((hostPort) => port(`${hostPort}:80`));
      const view = endpointView(network, { ports });
      const resources = [...driver.network(network), ...driver.endpoint(view)];
      expect(new Set(resources.map(keyOf)).size).toBe(resources.length);
      expect([...driver.network(network), ...driver.endpoint(view)]).toEqual(resources);
      expect(JSON.parse(JSON.stringify(resources))).toEqual(resources);
    }),
  );
});
