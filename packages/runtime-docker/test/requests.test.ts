import { parseCidr, type EndpointId, type Mac, type NetworkId } from "@netkit/core";
import { expect, test } from "vitest";
import { isSame, namesOf } from "../src/container-names.ts";
import { wantedMac } from "../src/mac-address.ts";
import { refuseSubnetsOfFlannel, wantedNetwork } from "../src/network-request.ts";
import { endpointOptions, sysctlOption } from "../src/options.ts";
import { parsePoolId, Pools } from "../src/pools.ts";
import { portSpecs } from "../src/port-specs.ts";
import { createNetwork } from "../src/schemas.ts";

const id = "0123456789abcdef".repeat(4);
const portmap = (...ports: unknown[]): Record<string, unknown> => ({ "com.docker.network.portmap": ports });

test.each([
  [{ Proto: 6, Port: 80, HostIP: "", HostPort: 8080, HostPortEnd: 8080 }, "tcp", undefined, [8080, 8080]],
  [{ Proto: 17, Port: 80, HostIP: "127.0.0.1", HostPort: 0, HostPortEnd: 0 }, "udp", "127.0.0.1", undefined],
  [{ Proto: 132, Port: 80, HostIP: "::1", HostPort: 8000, HostPortEnd: 8010 }, "sctp", "::1", [8000, 8010]],
  [{ Proto: 6, Port: 80 }, "tcp", undefined, undefined],
  [{ Proto: 6, Port: 80, HostIP: null, HostPort: null, HostPortEnd: null }, "tcp", undefined, undefined],
  // Older Dockers leave out the end.
  [{ Proto: 6, Port: 80, HostPort: 8080, HostPortEnd: 0 }, "tcp", undefined, [8080, 8080]],
] as const)("the port %j is one of netkit's", (binding, protocol, hostAddress, hostPort) => {
  expect(portSpecs(portmap(binding))).toEqual([
    {
      protocol,
      port: { first: 80, last: 80 },
      ...(hostAddress === undefined ? {} : { hostAddress }),
      ...(hostPort === undefined ? {} : { hostPort: { first: hostPort[0], last: hostPort[1] } }),
    },
  ]);
});

test.each([
  [portmap({ Proto: 1, Port: 80 })],
  [portmap({ Proto: 6, Port: 0 })],
  [portmap({ Proto: 6, Port: 70_000 })],
  [portmap({ Proto: 6 })],
  [{ "com.docker.network.portmap": "80" }],
])("the port map %j is refused", (options) => {
  expect(() => portSpecs(options)).toThrow(expect.objectContaining({ code: "PORT_INVALID" }));
});

test("no port map has no ports", () => {
  for (const options of [{}, { "com.docker.network.portmap": null }, portmap()]) expect(portSpecs(options)).toEqual([]);
});

test("a MAC is text, or Go's bytes", () => {
  const key = "com.docker.network.endpoint.macaddress";
  const mac = "02:00:00:00:00:07" as Mac;
  const bytes = Buffer.from("020000000007", "hex").toString("base64");
  expect(wantedMac("02:00:00:00:00:07", {})).toBe(mac);
  expect(wantedMac(undefined, { [key]: bytes })).toBe(mac);
  for (const options of [{}, { [key]: null }, { [key]: "" }]) expect(wantedMac(undefined, options)).toBeUndefined();
  for (const value of ["AgA=", 7, "no base64 at all"])
    expect(() => wantedMac(undefined, { [key]: value })).toThrow(expect.objectContaining({ code: "ADDRESS_INVALID" }));
});

test("a network is made of what Docker says of it", () => {
  const pools = new Pools();
  pools.hold(parsePoolId("10.7.0.0/24,10.7.0.128/25"));
  const request = createNetwork.parse({
    NetworkID: id,
    Options: {
      "com.docker.network.enable_ipv6": true,
      "com.docker.network.internal": true,
      "com.docker.network.generic": { icc: "false", "netkit.name": "mine", mtu: 1400 },
    },
    IPv4Data: [
      {
        AddressSpace: "netkit",
        Pool: "10.7.0.0/24",
        Gateway: "10.7.0.1/24",
        AuxAddresses: { a: "10.7.0.5/24", b: "10.7.0.6" },
      },
    ],
    IPv6Data: [{ AddressSpace: "netkit", Pool: "fd00:7::/64", Gateway: "", AuxAddresses: null }],
  });
  expect(wantedNetwork(request, "bridge", pools)).toEqual({
    create: {
      id,
      name: "mine",
      driver: "bridge",
      subnets: [
        {
          subnet: "10.7.0.0/24",
          range: "10.7.0.128/25",
          gateway: "10.7.0.1",
          auxiliary: { a: "10.7.0.5", b: "10.7.0.6" },
        },
        { subnet: "fd00:7::/64" },
      ],
      ipv4: true,
      ipv6: true,
      internal: true,
      options: { icc: "false", mtu: "1400" },
      labels: { "com.docker.network.id": id },
    },
    pools: [],
  });
});

test("what netkit has chosen is a new network's, and stands for the subnets of one that has its own", () => {
  const pools = new Pools();
  pools.hold({ subnet: parseCidr("10.7.0.0/24"), chosen: true });
  const asked = (driver: string, generic: object): unknown =>
    wantedNetwork(
      createNetwork.parse({
        NetworkID: id,
        Options: { "com.docker.network.generic": generic },
        IPv4Data: [{ Pool: "10.7.0.0/24", Gateway: "10.7.0.1/24" }],
      }),
      driver,
      pools,
    );
  expect(asked("bridge", {})).toMatchObject({ create: { subnets: [{ subnet: "10.7.0.0/24" }] }, pools: [] });
  expect(asked("flannel", {})).toMatchObject({ create: { subnets: [] }, pools: ["10.7.0.0/24"] });
  expect(asked("bridge", { "netkit.network": "mine" })).toEqual({
    join: { network: "mine", internal: false },
    pools: ["10.7.0.0/24"],
  });
});

test("a network that is there has no further options", () => {
  const generic = { "netkit.network": "mine" };
  const asked = (more: object): unknown =>
    wantedNetwork(
      createNetwork.parse({
        NetworkID: id,
        Options: { "com.docker.network.generic": { ...generic, ...more } },
        IPv4Data: [{ Pool: "10.7.0.0/24" }],
      }),
      "bridge",
      new Pools(),
    );
  expect(asked({})).toEqual({
    join: { network: "mine", internal: false, subnets: [{ subnet: "10.7.0.0/24" }] },
    pools: [],
  });
  for (const more of [{ icc: "false" }, { "netkit.name": "x" }])
    expect(() => asked(more)).toThrow(expect.objectContaining({ code: "OPTION_INVALID" }));
});

test("where Docker's IPAM has no part in the addresses, it is netkit that chooses the subnet", () => {
  const none = [{ AddressSpace: "null", Pool: "0.0.0.0/0", Gateway: "", AuxAddresses: null }];
  const asked = (generic: object, IPv4Data: object[] = none): unknown =>
    wantedNetwork(
      createNetwork.parse({ NetworkID: id, Options: { "com.docker.network.generic": generic }, IPv4Data }),
      "flannel",
      new Pools(),
    );
  expect(asked({})).toMatchObject({ create: { driver: "flannel", subnets: [], ipv4: true } });
  expect(asked({ "netkit.network": "mine" })).toEqual({ join: { network: "mine", internal: false }, pools: [] });
  expect(() => refuseSubnetsOfFlannel({ name: "x", driver: "flannel", subnets: [{ subnet: "10.7.0.0/24" }] })).toThrow(
    expect.objectContaining({ code: "UNSUPPORTED" }),
  );
});

test("options of endpoints are those that aren't Docker's own words", () => {
  expect(endpointOptions({ "com.docker.network.endpoint.exposedports": [], "rate-egress": "10mbit" })).toEqual({
    "rate-egress": "10mbit",
  });
  const sysctls = { "com.docker.network.endpoint.sysctls": "net.ipv4.conf.IFNAME.log_martians=1" };
  expect([endpointOptions(sysctls), sysctlOption({ ...sysctls, other: "x" }), sysctlOption({})]).toEqual([
    {},
    sysctls,
    {},
  ]);
  expect(() => endpointOptions({ other: {} })).toThrow(expect.objectContaining({ code: "OPTION_INVALID" }));
});

test("pools are counted, and known by what they are", () => {
  const pools = new Pools();
  const [one, two] = [pools.hold(parsePoolId("10.7.0.0/24")), pools.hold(parsePoolId("10.7.0.0/24"))];
  expect(one).toBe(two);
  pools.release(one);
  expect(pools.subnets).toEqual(["10.7.0.0/24"]);
  pools.release(one);
  pools.release(one);
  expect(pools.subnets).toEqual([]);
  for (const text of ["", "x", "10.7.0.0/24,x", "10.7.0.0/33"])
    expect(() => parsePoolId(text)).toThrow(expect.objectContaining({ code: "ARGUMENT_INVALID" }));
});

test("a sandbox goes by its container's names, so far as they are names", () => {
  const network = "n" as NetworkId;
  const one = { id: "e" as EndpointId, network, aliases: [] };
  const attached = [one];
  const names = { name: "web", hostname: "who", endpoints: new Map([["e", ["www", "web", "not a name"]]]) };
  const wanted = namesOf(names, "0123456789ab", attached);
  expect(wanted).toEqual({ name: "web", hostname: "who", aliases: { n: ["web", "www", "0123456789ab"] } });
  const aliases = wanted.aliases[network] ?? [];
  expect(isSame({ name: "web", hostname: "who", endpoints: [{ ...one, aliases }] }, wanted)).toBe(true);
  expect(isSame({ name: "web", hostname: "who", endpoints: attached }, wanted)).toBe(false);
  expect(namesOf({ ...names, hostname: "-" }, "0", attached)).not.toHaveProperty("hostname");
});
