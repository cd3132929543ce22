import { formatPortSpec } from "@netkit/core";
import { expect, test } from "vitest";
import { mayUsePlugins, parseNetworkOptions, peekContainer } from "../src/network-options.ts";
import { publishedOf, wishesOf } from "../src/wishes.ts";

const network = {
  name: "pnet",
  id: "a".repeat(64),
  driver: "bridge",
  network_interface: "podman1",
  dns_enabled: true,
  subnets: [{ subnet: "10.89.0.0/24", gateway: "10.89.0.1" }, { subnet: "fd00::/64" }],
};

function options(attachment: object, more: object = {}, info: object = {}) {
  const input = {
    container_id: "abc",
    container_name: "web",
    networks: { pnet: { interface_name: "eth0", static_ips: ["10.89.0.2"], ...attachment } },
    network_info: { pnet: { ...network, ...info } },
    ...more,
  };
  return parseNetworkOptions(JSON.stringify(input));
}

test("what Podman wants of an interface, in netkit's terms", () => {
  const asked = options({
    static_ips: ["10.89.0.2", "fd00::2"],
    static_mac: "02-00-00-00-00-01",
    aliases: ["db", "-"],
  });
  expect(wishesOf(asked)).toMatchObject([
    {
      request: {
        ip: "10.89.0.2",
        ip6: "fd00::2",
        mac: "02:00:00:00:00:01",
        ifName: "eth0",
        aliases: ["web", "db"],
        labels: { "netavark.network": "pnet" },
        tunable: true,
      },
    },
  ]);
});

test("with the IPAM driver none an address is that of --ip, or none", () => {
  const none = { subnets: [], ipam_options: { driver: "none" } };
  const wishOf = (ips: readonly string[]) => wishesOf(options({ static_ips: ips }, {}, none))[0]?.request;
  expect(wishOf(["10.7.0.50", "fd00::50"])).toMatchObject({ ip: "10.7.0.50", ip6: "fd00::50" });
  expect(wishOf(["10.7.0.50", "10.7.0.50"])).toMatchObject({ ip: "10.7.0.50" });
  expect(wishOf([])).not.toHaveProperty("ip");
  expect(wishOf(["10.7.0.50", "10.7.0.51"])).toMatchObject({ ip: "10.7.0.50", furtherIps: ["10.7.0.51"] });
});

test("default routes have the network's metric, and of one metric the earlier goes before; a link's is before a bridge's", () => {
  const networks = ["a", "b", "c", "d"].map((name, index) => ({ name, interface_name: `eth${index}`, static_ips: [] }));
  const info = {
    a: { name: "a", driver: "bridge" },
    b: { name: "b", driver: "bridge" },
    c: { name: "c", driver: "macvlan" },
    d: { name: "d", driver: "bridge", options: { metric: "7" } },
  };
  const wishes = wishesOf(options({}, { networks, network_info: info }));
  expect(wishes.map(({ request: { metric } }) => metric)).toEqual([100, 100, 99, 7]);
  const priorities = wishes.map(({ request }) => request.gatewayPriority ?? 0);
  expect(priorities).toEqual(priorities.toSorted((x, y) => y - x));
  expect(new Set(priorities).size).toBe(4);
});

test("ports are published as Podman has them; an address that is none is named", () => {
  const mapping = { container_port: 80, host_port: 8080, host_ip: "::", protocol: "tcp,udp", range: 2 };
  expect(publishedOf(options({}, { port_mappings: [mapping] })).map(formatPortSpec)).toEqual([
    "[::]:8080-8081:80-81/tcp",
    "[::]:8080-8081:80-81/udp",
  ]);
  expect(() => publishedOf(options({}, { port_mappings: [{ ...mapping, host_ip: "0::1" }] }))).toThrow(
    "port 8080 can't be published on [::1]: NAT doesn't reach it",
  );
  expect(() => publishedOf(options({}, { port_mappings: [{ ...mapping, host_ip: "abcd" }] }))).toThrow(
    'invalid host ip "abcd" provided for port 8080',
  );
});

test.each([
  [{ driver: "bridge", ipam_options: { driver: "host-local" } }, false],
  [{ driver: "macvlan", ipam_options: { driver: "none" } }, false],
  [{ driver: "ipvlan", ipam_options: { driver: "" } }, false],
  [{ driver: "bridges" }, true],
  [{ driver: "host-device" }, true],
])("whether a plugin may have a part in %j: %s", (info, may) => {
  expect(mayUsePlugins(JSON.stringify(info))).toBe(may);
  expect(mayUsePlugins(JSON.stringify({ network_info: { n: info } }, undefined, 2))).toBe(may);
});

test("whose an input is can be told before it is read, and of one that can't be", () => {
  expect(peekContainer('{ "container_id" : "abc", ')).toBe("abc");
  expect(peekContainer("")).toBe("");
});
