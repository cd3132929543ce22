import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  driverApi,
  formatRange,
  instanceOf,
  isNetkitError,
  parsed,
  type AnyDriver,
  type Claim,
  type EndpointId,
  type HostId,
  type Ip,
  type NetworkId,
  type PortRange,
} from "@netkit/core";
import { describe, expect, test } from "vitest";
import { Drivers } from "../../src/drivers.ts";
import { peersFileJsonSchema } from "../../src/shared/peers-file/format.ts";
import { planNetworks } from "../../src/shared/peers-file/planning.ts";
import { readPeersFile } from "../../src/shared/peers-file/reading.ts";
import { recordsFor } from "../../src/shared/peers-file/records.ts";
import { findSelf, requireListed } from "../../src/shared/peers-file/this-host.ts";
import { readEndpoint, readHost, readNetwork } from "../../src/shared/records.ts";
import { hostWith, link } from "./links.ts";
import { idOf } from "./records.ts";

const overlay: AnyDriver = {
  api: driverApi,
  name: "overlay",
  summary: "",
  scope: "global",
  traits: {
    namespace: "own",
    addresses: "engine",
    families: ["ipv4", "ipv6"],
    publish: true,
    exclusive: false,
    internal: true,
    subnetOfLink: false,
    hostAddresses: true,
    finds: true,
  },
  options: {
    vni: parsed(
      "the VNI",
      "VNI",
      (text): PortRange => {
        if (!/^\d+$/.test(text)) throw new TypeError("expected a number");
        return { first: Number(text), last: Number(text) };
      },
      {},
    ),
  },
  endpointOptions: {},
  claims: ({ options }): Claim[] => {
    const vni = options["vni"] as PortRange | undefined;
    return [{ name: "vni", space: "vni", ...(vni === undefined ? {} : { value: formatRange(vni) }) }];
  },
  network: () => [],
  endpoint: () => [],
};
const context = {
  drivers: new Drivers({ drivers: [overlay, { ...overlay, name: "bridge", scope: "local" }] }),
  instance: instanceOf("/var/lib/netkit"),
};

const path = "/etc/netkit/hosts.yaml";
const whole = `hosts:
  a: 192.0.2.1
  b: { address: 192.0.2.2, mtu: 9000 }
  c: 192.0.2.3
networks:
  n:
    subnets: [10.7.0.0/24, { subnet: "fd00:7::/64", gateway: "fd00:7::ff" }]
    hosts:
      a: [10.7.0.64/26, "fd00:7:0:0:1::/80"]
      b: [10.7.0.128/26, "fd00:7:0:0:2::/80"]
    options: { vni: 5001 }
    internal: true
    labels: { team: blue, tier: 2 }
    endpoints:
      web: { host: a, ip: 10.7.0.10, ip6: "fd00:7::10" }
      db:
        host: b
        ip: 10.7.0.130
        ip6: fd00:7::11
        mac: 02:00:00:00:00:07
  m:
    subnets: [10.8.0.0/24]
    hosts: { b: 10.8.0.0/25, c: 10.8.0.128/25 }
    options: { vni: "5002" }
`;

async function plan(text: string): ReturnType<typeof planNetworks> {
  return await planNetworks(context, readPeersFile(path, text));
}

/** What refuses the file: without its path, and each problem on a line. */
async function problems(text: string): Promise<string[]> {
  try {
    await plan(text);
    return [];
  } catch (error) {
    if (!isNetkitError(error) || error.code !== "CONFIG_INVALID") throw error;
    return error.message.split("; ").map((problem) => problem.replace(`${path}:`, ""));
  }
}

async function recordsOn(vtep: string, text = whole): Promise<Map<string, unknown>> {
  const file = readPeersFile(path, text);
  const self = { id: idOf<HostId>("1"), name: "x", vtep: vtep as Ip, mtu: 1500, link: "up0" };
  return recordsFor(file, await planNetworks(context, file), self);
}

function ofKind(records: ReadonlyMap<string, unknown>, kind: string): unknown[] {
  return [...records].filter(([key]) => key.startsWith(`${kind}/`)).map(([, value]) => value);
}

async function endpointsOn(vtep: string): Promise<(EndpointId | undefined)[]> {
  return ofKind(await recordsOn(vtep), "endpoint").map((one) => readEndpoint(one)?.id);
}

describe("a file", () => {
  test("becomes the records that a store would hold, each host's own part of the networks in them", async () => {
    const records = await recordsOn("192.0.2.1");
    expect(ofKind(records, "host").map(readHost)).toEqual([
      expect.objectContaining({ name: "b", vtep: "192.0.2.2", mtu: 9000 }),
      expect.objectContaining({ name: "c", vtep: "192.0.2.3", mtu: 1500 }),
    ]);
    const [network, ...more] = ofKind(records, "network").map(readNetwork);
    expect(more).toEqual([]);
    expect(network).toMatchObject({
      name: "n",
      driver: "overlay",
      scope: "global",
      internal: true,
      ipv6: true,
      labels: { team: "blue", tier: "2" },
      claims: { vni: "5001" },
      subnets: [
        { subnet: "10.7.0.0/24", gateway: "10.7.0.1", range: "10.7.0.64/26", auxiliary: { web: "10.7.0.10" } },
        { subnet: "fd00:7::/64", gateway: "fd00:7::ff", range: "fd00:7:0:0:1::/80", auxiliary: { web: "fd00:7::10" } },
      ],
      listed: { file: path, sandboxes: { web: { ip: "10.7.0.10", ip6: "fd00:7::10" } } },
    });
    expect(ofKind(records, "endpoint").map(readEndpoint)).toEqual([
      expect.objectContaining({ hostName: "b", vtep: "192.0.2.2", addresses: [], unlisted: true }),
      expect.objectContaining({
        hostName: "b",
        mac: "02:00:00:00:00:07",
        addresses: ["10.7.0.130/24", "fd00:7::11/64"],
        sandbox: expect.objectContaining({ name: "db", aliases: [] }) as unknown,
      }),
    ]);
    expect(ofKind(await recordsOn("192.0.2.3"), "network")).toEqual([expect.objectContaining({ name: "m" })]);
  });

  test("gives all hosts the same ids; a network that is made otherwise has another, and labels make none", async () => {
    const idIn = async (vtep: string, text = whole): Promise<NetworkId | undefined> =>
      ofKind(await recordsOn(vtep, text), "network")
        .map(readNetwork)
        .find((one) => one?.name === "n")?.id;
    const id = await idIn("192.0.2.1");
    expect(await idIn("192.0.2.2")).toBe(id);
    expect(await idIn("192.0.2.1", whole.replace("blue", "red").replace("10.7.0.64/26", "10.7.0.96/27"))).toBe(id);
    for (const [before, after] of [
      ["5001", "5003"],
      ["internal: true", "internal: false"],
      ["::ff", "::fe"],
    ] as const)
      expect(await idIn("192.0.2.1", whole.replace(before, after)), after).not.toBe(id);
    expect(new Set([...(await endpointsOn("192.0.2.1")), ...(await endpointsOn("192.0.2.2"))]).size).toBe(5);
  });

  test("has the published schema", () => {
    const published = readFileSync(join(import.meta.dirname, "../../../cli/hosts.schema.json"), "utf8");
    expect(JSON.parse(published)).toEqual(peersFileJsonSchema());
  });

  test("is as the README has it", async () => {
    const readme = readFileSync(join(import.meta.dirname, "../../../driver-overlay/README.md"), "utf8");
    const [, example = ""] = /```yaml\n(.*?)```/s.exec(readme) ?? [];
    expect([...(await plan(example)).keys()]).toEqual(["my-overlay"]);
  });

  test("may be JSON, and may list no networks", async () => {
    expect([...(await plan(JSON.stringify({ hosts: { a: "192.0.2.1" } }))).keys()]).toEqual([]);
  });
});

test.each([
  ["no YAML", "hosts: [", ["1: Flow sequence in block collection must be sufficiently indented and end with a ]"]],
  ["nothing", "", ["1: there is nothing in it: write one, such as hosts: { one: 10.1.0.1 }"]],
  ["no hosts", "networks: {}", ["1: hosts: it is missing: write one, such as { one: 10.1.0.1 }"]],
  [
    "keys with nothing behind them",
    "hosts:\n  a:\nnetworks:\n  n:\n    subnets: [10.7.0.0/24]\n    endpoints:\n    internal:\n",
    [
      "2: hosts.a: there is nothing in it: write one, such as 10.1.0.1",
      "4: networks.n.hosts: it is missing: write one, such as { one: 10.0.9.64/26 }",
      "6: networks.n.endpoints: there is nothing in it: write one, such as { web: { host: one, ip: 10.0.9.2 } }, or leave it out",
      "7: networks.n.internal: there is nothing in it: write it, or leave it out",
    ],
  ],
  ["a key twice", whole.replace("  c: 192", "  a: 192"), ["4: Map keys must be unique"]],
  ["an unknown key", whole.replace("internal", "internel"), ["12: networks.n.internel: no such key"]],
  ["a bad address", whole.replace("192.0.2.3", "192.0.2.300"), ['4: hosts.c: invalid address "192.0.2.300"']],
  [
    "an address twice",
    whole.replace("192.0.2.3", "192.0.2.1"),
    ["4: hosts.c: 192.0.2.1 is the address of host 'a', too"],
  ],
  ["two families", whole.replace("192.0.2.3", "2001:db8::3"), [expect.stringContaining("4: hosts.c: 2001:db8::3 and")]],
  [
    "an unknown host",
    whole.replace("c: 10.8", "d: 10.8"),
    ["23: networks.m.hosts.d: 'hosts' of the file has no host 'd'"],
  ],
  [
    "parts that overlap",
    whole.replace("b: [10.7.0.128/26", "b: [10.7.0.64/27"),
    ["10: networks.n.hosts.b: 10.7.0.64/27 overlaps 10.7.0.64/26 of host 'a'"],
  ],
  [
    "a part elsewhere",
    whole.replace("b: 10.8.0.0/25", "b: 10.9.0.0/25"),
    [
      "23: networks.m.hosts.b: 10.9.0.0/25 lies in no subnet of the network",
      "23: networks.m.hosts.b: the host has no part of 10.8.0.0/24",
    ],
  ],
  [
    "host bits",
    whole.replace("b: 10.8.0.0/25", "b: 10.8.0.1/25"),
    ["23: networks.m.hosts.b: 10.8.0.1/25 has host bits set: it should be 10.8.0.0/25"],
  ],
  [
    "a part too small",
    whole.replace("b: 10.8.0.0/25", "b: 10.8.0.2/32"),
    ["23: networks.m.hosts.b: 10.8.0.2/32 leaves no address for a sandbox beside the host's own"],
  ],
  [
    "several parts",
    whole.replace("b: 10.8.0.0/25", "b: [10.8.0.0/26, 10.8.0.64/26]"),
    ["23: networks.m.hosts.b: the host can have one part of 10.8.0.0/24, not several"],
  ],
  ["a VNI twice", whole.replace("5002", "5001"), ["24: networks.m.options: vni 5001 is that of network 'n', too"]],
  [
    "no VNI",
    whole.replace('vni: "5002"', ""),
    ["24: networks.m.options: 'vni' has to be one value, for hosts have no store to agree on one by"],
  ],
  [
    "an unknown option",
    whole.replace('vni: "5002"', "vnj: 5002"),
    [expect.stringMatching(/^24: networks.m.options: .*vnj/)],
  ],
  [
    "subnets that overlap",
    whole.replace("[10.8.0.0/24]", "[10.7.0.0/16]"),
    ["22: networks.m.subnets: 10.7.0.0/16 overlaps 10.7.0.0/24 of network 'n'"],
  ],
  [
    "a subnet with host bits",
    whole.replace("[10.8.0.0/24]", "[10.8.0.1/24]"),
    ["22: networks.m.subnets: 10.8.0.1/24 has host bits set: it should be 10.8.0.0/24"],
  ],
  [
    "an unknown driver",
    `${whole}    driver: overlaid\n`,
    [expect.stringMatching(/^25: networks.m.driver: .*'overlaid'/)],
  ],
  [
    "a driver of one host",
    `${whole}    driver: bridge\n`,
    ["25: networks.m.driver: hosts can't share a network of driver 'bridge' by a file"],
  ],
  [
    "an endpoint in another's part",
    whole.replace("ip: 10.7.0.10,", "ip: 10.7.0.140,"),
    ["15: networks.n.endpoints.web.ip: 10.7.0.140 lies in the part of host 'b'"],
  ],
  [
    "an endpoint on the gateway",
    whole.replace("ip: 10.7.0.10,", "ip: 10.7.0.1,"),
    ["15: networks.n.endpoints.web.ip: address 10.7.0.1 is the gateway of 10.7.0.0/24"],
  ],
  [
    "two endpoints of one address",
    whole.replace("fd00:7::11", "fd00:7::10"),
    ["19: networks.n.endpoints.db.ip6: fd00:7::10 is that of 'web', too"],
  ],
  [
    "an endpoint without an address",
    whole.replace(', ip6: "fd00:7::10"', ""),
    ["15: networks.n.endpoints.web: 'ip6' is missing: the network has fd00:7::/64"],
  ],
  [
    "an endpoint on a host elsewhere",
    whole.replace("host: a", "host: c"),
    ["15: networks.n.endpoints.web.host: host 'c' isn't among the network's 'hosts'"],
  ],
])("a file with %s is refused, with the lines", async (_, text, expected) => {
  expect(await problems(text)).toEqual(expected);
});

test("many problems are told by the first ones and their number", async () => {
  const many = `hosts:\n${Array.from({ length: 9 }, (_, index) => `  h${index}: x${index}\n`).join("")}`;
  const told = await problems(many);
  expect(told).toHaveLength(6);
  expect(told.at(-1)).toBe("and 4 more");
});

describe("this host in the file", () => {
  const file = readPeersFile(path, whole);
  const eth0 = link("eth0", 1500, "192.0.2.2/24");
  const eth1 = link("eth1", 1500, "192.0.2.3/24");

  test("is the one of its addresses, or of the one that is advertised", () => {
    expect(findSelf(file, hostWith([eth0]), {}).name).toBe("b");
    expect(findSelf(file, hostWith([eth0, eth1]), { advertise: "eth1" }).name).toBe("c");
    expect(findSelf(file, hostWith([eth0, eth1]), { advertise: "192.0.2.2" }).name).toBe("b");
    // Which of a link's addresses it is, the file says.
    const several = link("eth2", 1500, "fe80::1/64", "198.51.100.1/24", "192.0.2.1/24");
    expect(findSelf(file, hostWith([eth0, several]), { advertise: "eth2" }).name).toBe("a");
  });

  test("has to be there, once", () => {
    expect(() => findSelf(file, hostWith([eth0, eth1]), {})).toThrow("this host has the addresses of 'b' and 'c'");
    expect(() => findSelf(file, hostWith([link("eth0", 1500, "192.0.2.9/24")]), {})).toThrow(
      `${path}:1: hosts: none has this host's address 192.0.2.9`,
    );
    expect(() => requireListed(file, "192.0.2.9")).toThrow("none has this host's address 192.0.2.9");
    requireListed(file, "192.0.2.2");
  });
});
