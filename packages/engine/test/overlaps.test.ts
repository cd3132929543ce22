import type { Cidr, Network, NetworkId, Resource } from "@netkit/core";
import { expect, test } from "vitest";
import { overlaps } from "../src/overlaps.ts";
import type { Reader } from "../src/lookup.ts";

const network = (name: string, subnets: readonly string[], links: Network["facts"]["links"] = {}): Network => ({
  id: name as NetworkId,
  name,
  created: "",
  labels: {},
  driver: "bridge",
  scope: "local",
  predefined: false,
  internal: false,
  ipv6: false,
  subnets: subnets.map((subnet) => ({ subnet: subnet as Cidr, reserved: {}, range: subnet as Cidr, auxiliary: {} })),
  options: {},
  facts: { links },
  claims: {},
  realised: true,
});

/** A state that holds these networks, the first of them with these resources. */
function stateOf(networks: readonly Network[], resources: readonly Resource[] = []): Reader {
  const documents = new Map<string, unknown>([
    ...networks.map((value) => [`network/${value.id}`, value] as const),
    ["owned/x", { owner: { type: "network", id: "x", name: "x" }, resources }],
  ]);
  return {
    get: async <T>(key: string) => documents.get(key) as T | undefined,
    getAll: async <T>() => new Map<string, T>(),
    range: async <T>(prefix: string) =>
      [...documents].filter(([key]) => key.startsWith(prefix)).map(([key, value]) => ({ key, value: value as T })),
  };
}

async function found(state: Reader, ...routes: [destination: string, link: string][]): Promise<string[]> {
  const list = routes.map(([destination, link]) => ({ destination: destination as Cidr, link }));
  return (await overlaps(state, list)).map(({ message }) => message);
}

const bridge: Resource = { kind: "bridge", ns: "host", name: "netkit0" };

test("a route as specific as the network's own, or more, is named with its link", async () => {
  const state = stateOf([network("n", ["10.7.0.0/24", "fd00:7::/64"])], [bridge]);
  expect(
    await found(
      state,
      ["10.7.0.0/24", "netkit0"],
      ["10.7.0.0/24", "tun0"],
      ["10.7.0.9/32", "wg0"],
      ["fd00:7::/80", ""],
      ["10.7.1.0/24", "eth0"],
    ),
  ).toEqual([
    "subnet 10.7.0.0/24 of network 'n' overlaps the host's route 10.7.0.0/24 on tun0, which takes the same addresses",
    "subnet 10.7.0.0/24 of network 'n' overlaps the host's route 10.7.0.9/32 on wg0, which takes part of it",
    "subnet fd00:7::/64 of network 'n' overlaps the host's route fd00:7::/80, which takes part of it",
  ]);
});

test("wider routes lose against the network's own, and netkit's links and a driver's parent are none of others", async () => {
  const state = stateOf(
    [network("n", ["10.7.0.0/24"]), network("lan", ["192.0.2.0/24"], { eth0: linkFacts("eth0") })],
    [bridge, { kind: "veth", ns: "host", name: "nkv1", peer: { ns: "host", name: "x" } }],
  );
  const quiet: [string, string][] = [
    ["0.0.0.0/0", "eth0"],
    ["10.0.0.0/8", "tun0"],
    ["10.7.0.2/32", "nkv1"],
    ["192.0.2.0/24", "eth0"],
  ];
  expect(await found(state, ...quiet)).toEqual([]);
  expect(await found(state, ["192.0.2.0/24", "eth1"])).toHaveLength(1);
});

function linkFacts(name: string): Network["facts"]["links"][string] {
  return { name, kind: "", mtu: 1500, addresses: [] };
}

test.each([
  ["comes", false],
  ["goes", true],
])("a network that %s while the state is read doesn't overlap the route on its own link", async (_, there) => {
  const [without, whole] = [stateOf([]), stateOf([network("n", ["10.7.0.0/24"])], [bridge])];
  for (let at = 0; at < 4; at++) {
    let reads = 0;
    const range: Reader["range"] = async (prefix) => await (reads++ < at === there ? whole : without).range(prefix);
    expect(await found({ ...whole, range }, ["10.7.0.0/24", "netkit0"])).toEqual([]);
  }
});
