import type { Cidr } from "@netkit/core";
import { expect, test } from "vitest";
import { completeNetwork, parseWish, type Surroundings } from "../src/create.ts";

const host: Surroundings = { links: ["lo", "up0", "podman1"], subnets: ["10.89.1.0/24" as Cidr] };

function completed(network: object = {}, more: { used?: object; options?: object } = {}) {
  const wish = {
    network: {
      name: "pnet",
      id: "a".repeat(64),
      driver: "bridge",
      dns_enabled: false,
      internal: false,
      ipv6_enabled: false,
      ...network,
    },
    used: { interfaces: [], names: {}, subnets: [], ...more.used },
    options: {
      subnet_pools: [{ base: "10.89.0.0/16", size: 24 }],
      default_interface_name: "podman",
      check_used_subnets: true,
      ...more.options,
    },
  };
  return completeNetwork(parseWish(JSON.stringify(wish)), host);
}

test("what is left open is filled in, and what is not known here goes back as it is", () => {
  expect(completed({ labels: { a: "b" }, more: [1] })).toEqual({
    name: "pnet",
    id: "a".repeat(64),
    driver: "bridge",
    dns_enabled: false,
    internal: false,
    ipv6_enabled: false,
    network_interface: "podman2",
    subnets: [{ subnet: "10.89.0.0/24", gateway: "10.89.0.1" }],
    ipam_options: { driver: "host-local" },
    labels: { a: "b" },
    more: [1],
    created: expect.stringMatching(/^2\d{3}-/) as unknown,
  });
});

const subnetBeside = (...used: string[]): string | undefined =>
  completed({}, { used: { subnets: used } }).subnets?.[0]?.subnet;

test("the first subnet that neither Podman nor netkit uses, past large ones", () => {
  expect(subnetBeside("10.89.0.0/24")).toBe("10.89.2.0/24");
  expect(subnetBeside("10.89.0.0/17")).toBe("10.89.128.0/24");
  expect(subnetBeside("10.89.0.1/22", "10.89.4.128/25")).toBe("10.89.5.0/24");
  expect(() => subnetBeside("10.0.0.0/8")).toThrow("could not find free subnet from subnet pools");
});

test("both families where IPv6 is asked for, by chance within fd00::/8", () => {
  const { subnets = [] } = completed({ ipv6_enabled: true });
  expect(subnets.map(({ subnet }) => subnet)).toEqual(["10.89.0.0/24", expect.stringMatching(/^fd[0-9a-f:]+::\/64$/)]);
  expect(completed({ subnets: [{ subnet: "fd00::/64" }] })).toMatchObject({
    ipv6_enabled: true,
    subnets: [{ subnet: "fd00::/64", gateway: "fd00::1" }],
  });
});

test("an internal network has a gateway for its names alone, one without addresses has neither", () => {
  expect(completed({ internal: true }).subnets?.[0]).toEqual({ subnet: "10.89.0.0/24" });
  expect(completed({ internal: true, dns_enabled: true }).subnets?.[0]?.gateway).toBe("10.89.0.1");
  const none = completed({ ipam_options: { driver: "none" }, dns_enabled: true });
  expect(none).toMatchObject({ dns_enabled: false, ipam_options: { driver: "none" } });
  expect(none.subnets).toBeUndefined();
});

test("networks on a link of the host have no names, and no subnets of their own accord", () => {
  const wire = { driver: "macvlan", network_interface: "up0", dns_enabled: true };
  expect(completed(wire)).toMatchObject({ dns_enabled: false, ipam_options: { driver: "dhcp" } });
  expect(completed({ ...wire, subnets: [{ subnet: "10.1.0.0/24" }] })).toMatchObject({
    subnets: [{ gateway: "10.1.0.1" }],
    ipam_options: { driver: "host-local" },
  });
});

test("Docker's names of options are Podman's", () => {
  const options = { "com.docker.network.driver.mtu": "1400", "com.docker.network.bridge.name": "br1" };
  expect(completed({ options })).toMatchObject({ network_interface: "br1", options: { mtu: "1400" } });
});

const subnet = (text: string, more: object = {}) => ({ subnets: [{ subnet: text, ...more }] });

test.each([
  [{ name: "" }, "Network name must be supplied"],
  [{ name: "a b" }, "Invalid characters in network name"],
  [{ name: "taken" }, "network already exists taken"],
  [{ id: "" }, "Network id must be supplied"],
  [{ id: "zz" }, "hexadecimal"],
  [{ network_interface: "a/b" }, "bridge name a/b is invalid"],
  [{ network_interface: "taken0" }, "bridge name taken0 already in use"],
  [{ driver: "macvlan", network_interface: "no0" }, "parent interface no0 does not exist"],
  [{ driver: "ipvlan" }, "ipam driver dhcp is not supported with ipvlan"],
  [{ driver: "macvlan", options: { isolate: "true" } }, "unsupported macvlan network option: isolate"],
  [{ options: { mtu: "many" } }, 'unable to parse "mtu": invalid digit found in string'],
  [{ options: { vlan: "5000" } }, "vlan must be between 0 and 4094"],
  [{ options: { wings: "2" } }, "unsupported bridge network option: wings"],
  [{ ipam_options: { driver: "wild" } }, "Unsupported ipam driver: wild"],
  [{ ipam_options: { driver: "none" }, ...subnet("10.1.0.0/24") }, "None ipam driver is set but subnets are given"],
  [{ network_dns_servers: ["192.0.2.1"] }, "DNS is not enabled"],
  [{ dns_enabled: true, network_dns_servers: ["here"] }, "invalid IP address syntax"],
  [subnet("10.89.1.128/25"), "subnet 10.89.1.128/25 is already used on the host or by another config"],
  [{ subnets: [{ subnet: "10.1.0.0/24" }, { subnet: "10.1.0.0/24" }] }, "duplicate subnet defined: 10.1.0.0/24"],
  [{ subnets: [{ subnet: "10.1.0.0/16" }, { subnet: "10.1.3.0/24" }] }, "overlapping subnets: 10.1.0.0/16 and"],
  [subnet("10.1.0.0/32"), "could not create gateway for subnet 10.1.0.0/32 because it has a 31 or greater"],
  [subnet("10.1.0.0/24", { gateway: "10.2.0.1" }), "gateway 10.2.0.1 not in subnet 10.1.0.0/24"],
  [subnet("10.1.0.0/24", { lease_range: { start_ip: "10.2.0.1" } }), "lease range start_ip 10.2.0.1 not in subnet"],
  [subnet("10.1.0.0/24", { lease_range: { start_ip: "10.1.0.9", end_ip: "10.1.0.8" } }), "less than or equal"],
  [{ routes: [{ destination: "here", gateway: "10.1.0.1" }] }, "invalid IP address syntax"],
  [{ routes: [{ destination: "10.1.0.1/24", gateway: "10.1.0.1" }] }, "route destination invalid"],
  [{ routes: [{ destination: "10.1.0.0/24" }] }, "route 10.1.0.0/24 requires a gateway for type unicast"],
  [
    { routes: [{ destination: "10.1.0.0/24", gateway: "10.1.0.1", route_type: "blackhole" }] },
    "route 10.1.0.0/24 must not have a gateway for type blackhole",
  ],
])("%j is refused", (change, why) => {
  const used = { interfaces: ["taken0"], names: { taken: "b".repeat(64) } };
  expect(() => completed(change, { used })).toThrow(why);
});

test.each(["", "{}", "[]", '{"network": {}}'])("%j is not understood", (input) => {
  expect(() => parseWish(input)).toThrow("failed to load network options");
});
