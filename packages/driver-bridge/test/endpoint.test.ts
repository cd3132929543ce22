import {
  keyOf,
  parseCidr,
  parseMac,
  parseOptions,
  type OptionInput,
  type PublishedPort,
  type PublishResource,
  type Resource,
} from "@netkit/core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { driver, endpointView, ipv4, ipv6, networkView, port } from "./views.ts";

const ns = "ab".repeat(32);
const link = "nkb0123456789";
/** That of 172.20.0.2, as the engine chooses it. */
const mac = parseMac("02:6e:ac:14:00:02");
const both = networkView({}, { subnets: [ipv4, ipv6] });

const published = (resources: readonly Resource[]): PublishResource[] =>
  resources.filter((resource) => resource.kind === "publish");

describe("an endpoint", () => {
  test("of IPv4", () => {
    expect(driver.endpoint(endpointView(networkView(), { mac }))).toEqual([
      {
        kind: "veth",
        ns: "host",
        name: "nkvfedcba9876",
        master: link,
        hairpin: false,
        isolated: false,
        guarded: true,
        peer: { ns, name: "eth0", mac },
      },
      { kind: "address", ns, link: "eth0", address: "172.20.0.2/22" },
      { kind: "route", ns, destination: "0.0.0.0/0", via: "172.20.0.1", link: "eth0" },
    ]);
  });

  test("says which of its addresses don't follow from its MAC", () => {
    const addresses = ["172.20.0.2/22", "172.20.0.3/22"].map((address) => ({ address: parseCidr(address) }));
    const senders = (changes: Parameters<typeof endpointView>[1], options = {}): string[] =>
      driver
        .endpoint(endpointView(networkView(options), { addresses, ...changes }))
        .flatMap((resource) => (resource.kind === "sender" ? [resource.address] : []));
    expect(senders({ mac })).toEqual(["172.20.0.3"]);
    const own = parseMac("92:00:00:01:02:03");
    // The kernel's link-local address as well.
    expect(senders({ mac: own })).toEqual(["172.20.0.2", "172.20.0.3", "fe80::9000:ff:fe01:203"]);
    expect(senders({ mac: own }, { "spoof-check": false })).toEqual([]);
  });

  test("with a name for the host's end, by which its rates go, too", () => {
    const options = { "host-ifname": "web0", "rate-ingress": 1_000_000 };
    const resources = driver.endpoint(
      endpointView(networkView(), { options: parseOptions(driver.endpointOptions, options, "") }),
    );
    expect(resources).toContainEqual(expect.objectContaining({ kind: "veth", name: "web0" }));
    expect(resources).toContainEqual(expect.objectContaining({ kind: "shaper", link: "web0" }));
    const asBridge = { options: parseOptions(driver.endpointOptions, { "host-ifname": link }, "") };
    expect(() => driver.endpoint(endpointView(networkView(), asBridge))).toThrow(
      expect.objectContaining({ code: "OPTION_INVALID" }),
    );
  });

  test("has no ports on a bridge that is somebody else's", () => {
    const network = networkView({ name: "br9", unmanaged: true });
    expect(() => driver.endpoint(endpointView(network, { ports: [port("8080:80")] }))).toThrow(
      expect.objectContaining({ code: "UNSUPPORTED", message: expect.stringContaining("port 80/tcp") as unknown }),
    );
  });

  test("of both families, with a port and an MTU, that its neighbours can't reach", () => {
    const network = networkView({ mtu: 1400, icc: false }, { subnets: [ipv4, ipv6] });
    expect(driver.endpoint(endpointView(network, { mac, ports: [port("8080:80")] }))).toEqual([
      {
        kind: "veth",
        ns: "host",
        name: "nkvfedcba9876",
        mtu: 1400,
        master: link,
        hairpin: true,
        isolated: true,
        guarded: true,
        peer: { ns, name: "eth0", mac, mtu: 1400 },
      },
      { kind: "sysctl", ns, path: "net/ipv6/conf/eth0/accept_ra", value: "0" },
      { kind: "address", ns, link: "eth0", address: "172.20.0.2/22" },
      { kind: "address", ns, link: "eth0", address: "fd00:5::2/64" },
      { kind: "route", ns, destination: "0.0.0.0/0", via: "172.20.0.1", link: "eth0" },
      { kind: "route", ns, destination: "::/0", via: "fd00:5::1", link: "eth0" },
      // No rule knows it by the MAC, which has the IPv4 address.
      { kind: "sender", ns: "host", link: "nkvfedcba9876", address: "fd00:5::2" },
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
    const kinds = driver.endpoint(endpointView(network, { mac, ...changes })).map(({ kind }) => kind);
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
    expect(found.map(({ family }) => family)).toEqual(families);
    for (const resource of found) expect(resource.hostAddress).toBe(hostAddress);
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
    expect(found.map(({ family, from }) => [family, from])).toEqual([
      ["ipv4", ["10.0.0.0/8"]],
      ["ipv6", ["fd00::/8"]],
      ["ipv6", ["fd00::/8"]],
      ["ipv4", undefined],
      ["ipv6", undefined],
    ]);
  });

  test("not for sources of a family that the endpoint lacks", () => {
    const open = networkView({ "gateway-mode-ipv4": "nat-unprotected" }, { subnets: [ipv4, ipv6] });
    for (const spec of ["80:80,from=10.0.0.0/8", "80:80,from=fd00::/8", "0.0.0.0:80:80,from=10.0.0.0/8"]) {
      expect(() => driver.endpoint(endpointView(open, { ports: [port(spec)] }))).toThrow(
        /^port 80\/tcp can't be for some sources alone: everybody reaches .* IPv4 addresses \(gateway-mode-ipv4=nat-unprotected\)$/,
      );
    }
    expect(published(driver.endpoint(endpointView(open, { ports: [port("[::]:80:80,from=fd00::/8")] })))).toHaveLength(
      1,
    );
    expect(() => driver.endpoint(endpointView(networkView(), { ports: [port("80:80,from=fd00::/8")] }))).toThrow(
      expect.objectContaining({ code: "UNSUPPORTED", message: expect.stringContaining("no IPv6 addresses") }),
    );
  });

  test("not by NAT on [::1], which the agent serves, whatever family the endpoint has", () => {
    for (const subnets of [[ipv4], [ipv6], [ipv4, ipv6]]) {
      const network = networkView({ "trusted-host-interfaces": "lan" }, { subnets });
      const resources = driver.endpoint(endpointView(network, { ports: [port("[::1]:80:80")] }));
      expect(resources.filter(({ kind }) => kind === "publish" || kind === "open")).toEqual([]);
    }
    const internal = endpointView(networkView({}, { internal: true }), { ports: [port("[::1]:80:80")] });
    expect(() => driver.endpoint(internal)).toThrow(expect.objectContaining({ code: "ARGUMENT_INVALID" }));
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
    const message = "port 80/tcp can't be published: network 'web' is internal";
    expect(() => driver.endpoint(view)).toThrow(expect.objectContaining({ code: "ARGUMENT_INVALID", message }));
  });

  test.each([
    ["[2001:db8::1]:8080:80/udp", "port 80/udp can't be published: network 'web' has no IPv6 addresses"],
    ["[::]:8080:80", "port 80/tcp can't be published: network 'web' has no IPv6 addresses"],
  ])("%s nowhere without IPv6", (text, message) => {
    const view = endpointView(networkView(), { ports: [port(text)] });
    expect(() => driver.endpoint(view)).toThrow(expect.objectContaining({ code: "UNSUPPORTED", message }));
  });
});

const opened = (options: OptionInput, ...ports: PublishedPort[]): string[] =>
  driver
    .endpoint(endpointView(networkView(options, { subnets: [ipv4, ipv6] }), { ports }))
    .flatMap((resource) =>
      resource.kind === "open"
        ? [
            `${resource.target} ${resource.protocol} ${resource.targetPort.first}-${resource.targetPort.last}`,
            ...(resource.from === undefined ? [] : [`for ${resource.from.join(",")}`]),
          ].join(" ")
        : [],
    );

const trustedPorts = (...texts: string[]): string[] =>
  opened({ "trusted-host-interfaces": "eth1" }, ...texts.map(port));

describe("a routed family", () => {
  const routed = { "gateway-mode-ipv4": "routed", "gateway-mode-ipv6": "routed" };

  test("opens the endpoint's own port, and publishes in the other family", () => {
    const network = networkView({ "gateway-mode-ipv6": "routed" }, { subnets: [ipv4, ipv6] });
    const resources = driver.endpoint(endpointView(network, { ports: [port("8080:80")] }));
    expect(published(resources)).toMatchObject([{ family: "ipv4", hostPort: { first: 8080, last: 8080 } }]);
    expect(resources.filter(({ kind }) => kind === "open")).toEqual([
      { kind: "open", ns: "host", protocol: "tcp", target: "fd00:5::2", targetPort: { first: 80, last: 80 }, link },
    ]);
  });

  test("needs no hairpin", () => {
    const view = endpointView(networkView(routed), { ports: [port("80:80")] });
    expect(driver.endpoint(view)[0]).toMatchObject({ kind: "veth", hairpin: false });
  });

  test("opens a port once, however many ports of the host lead to it", () => {
    expect(opened({ "gateway-mode-ipv6": "routed" }, port("8080:80"), port("8081:80"))).toEqual([
      "fd00:5::2 tcp 80-80",
    ]);
    const ranges = [port("9000-9009:90-99"), port("9100-9109:95-104"), port("9200:200"), port("9300-9301:90-91/udp")];
    expect(opened({ "gateway-mode-ipv6": "routed" }, ...ranges)).toEqual([
      "fd00:5::2 tcp 90-104",
      "fd00:5::2 tcp 200-200",
      "fd00:5::2 udp 90-91",
    ]);
  });

  test("opens a port for the sources that it names, in their families alone", () => {
    expect(opened(routed, port("80:80,from=10.0.0.0/8,from=fd00::/8"), port("81:81,from=fd00::/8"))).toEqual([
      "172.20.0.2 tcp 80-80 for 10.0.0.0/8",
      "fd00:5::2 tcp 80-80 for fd00::/8",
      "fd00:5::2 tcp 81-81 for fd00::/8",
    ]);
  });

  test("opens a port to which several of the host lead for the sources of all of them", () => {
    expect(trustedPorts("8080:80,from=10.0.0.0/8", "8081:80,from=192.0.2.0/24", "8082:80,from=10.1.0.0/16")).toEqual([
      "172.20.0.2 tcp 80-80 for 10.0.0.0/8,192.0.2.0/24",
    ]);
    expect(trustedPorts("0.0.0.0:8080:80", "0.0.0.0:8081:80,from=192.0.2.0/24")).toEqual(["172.20.0.2 tcp 80-80"]);
    const ranges = ["8000-8009:80-89,from=10.0.0.0/8", "9000-9009:85-94,from=192.0.2.0/24", "0.0.0.0:8088:88"];
    expect(trustedPorts(...ranges, "0.0.0.0:8095:95")).toEqual([
      "172.20.0.2 tcp 80-84 for 10.0.0.0/8",
      "172.20.0.2 tcp 85-87 for 10.0.0.0/8,192.0.2.0/24",
      "172.20.0.2 tcp 88-88",
      "172.20.0.2 tcp 89-89 for 10.0.0.0/8,192.0.2.0/24",
      "172.20.0.2 tcp 90-94 for 192.0.2.0/24",
      "172.20.0.2 tcp 95-95",
    ]);
  });

  test("has no host addresses", () => {
    const message = "port 80/tcp can't be published on 192.0.2.1: IPv4 of network 'web' is routed";
    expect(() => opened({ "gateway-mode-ipv4": "routed" }, port("192.0.2.1:80:80"))).toThrow(
      expect.objectContaining({ code: "ARGUMENT_INVALID", message }),
    );
  });

  test("a trusted link reaches what is published, but for what is published on the loopback", () => {
    const trusting = { "trusted-host-interfaces": "eth1" };
    expect(opened(trusting, port("8080:80"), port("192.0.2.1:81:81"), port("127.0.0.1:82:82"))).toEqual([
      "172.20.0.2 tcp 80-80",
      "172.20.0.2 tcp 81-81",
      "fd00:5::2 tcp 80-80",
    ]);
    expect(opened({}, port("8080:80"))).toEqual([]);
    expect(opened({ ...trusting, "gateway-mode-ipv4": "nat-unprotected" }, port("8080:80"))).toEqual([
      "fd00:5::2 tcp 80-80",
    ]);
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
      "gateway-mode-ipv4": fc.constantFrom("nat", "nat-unprotected", "routed"),
      "gateway-mode-ipv6": fc.constantFrom("nat", "nat-unprotected", "routed"),
      "inhibit-ipv4": fc.boolean(),
      "trusted-host-interfaces": fc.constantFrom(undefined, "eth1"),
    })
    .map(({ subnets, internal, ...options }) => {
      const { icc, masquerade, mtu } = options;
      return networkView(internal ? { icc, masquerade, mtu } : options, { subnets, internal });
    });
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
