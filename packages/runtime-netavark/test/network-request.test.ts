import { expect, test } from "vitest";
import type { PodmanNetwork } from "../src/network-options.ts";
import { networkRequest } from "../src/network-request.ts";

const plain: PodmanNetwork = {
  name: "pnet",
  id: "a".repeat(64),
  driver: "bridge",
  network_interface: "podman1",
  subnets: [{ subnet: "10.89.0.0/24", gateway: "10.89.0.1" }],
};

test("a bridge network has Podman's id, name, link and subnet, whose upper half is netkit's own", () => {
  expect(networkRequest(plain)).toEqual({
    name: "pnet",
    id: "a".repeat(64),
    driver: "bridge",
    subnets: [{ subnet: "10.89.0.0/24", gateway: "10.89.0.1", range: "10.89.0.128/25" }],
    routes: [],
    options: { name: "podman1" },
    labels: { "netavark.network": "pnet" },
  });
  expect(networkRequest({ ...plain, dns_enabled: false }).options).toEqual({ name: "podman1", names: false });
});

test.each([
  ["10.89.0.0/16", "10.89.128.0/17"],
  ["10.89.0.16/29", "10.89.0.20/30"],
  ["10.89.0.0/30", undefined],
  ["fd00:89::/64", "fd00:89:0:0:8000::/65"],
])("of %s the upper half is %s", (subnet, range) => {
  const [found] = networkRequest({ ...plain, subnets: [{ subnet }] }).subnets ?? [];
  expect(found?.range).toBe(range);
});

test("options that netkit calls otherwise, routes, and families", () => {
  const all = networkRequest({
    ...plain,
    subnets: [{ subnet: "fd00:89::/64" }],
    internal: true,
    routes: [{ destination: "fd01::/64", route_type: "unreachable", metric: 3 }],
    options: {
      "com.docker.network.driver.mtu": "1400",
      no_default_route: "1",
      outbound_addr4: "192.0.2.1",
      isolate: "true",
      metric: "5",
    },
  });
  expect(all).toMatchObject({
    ipv6: true,
    ipv4: false,
    internal: true,
    routes: [{ destination: "fd01::/64", type: "unreachable", metric: 3 }],
  });
  expect(all.options).toEqual({ mtu: "1400", "no-default-route": "1", name: "podman1", "snat-ipv4": "192.0.2.1" });
});

test("a route's gateway that is in no subnet of the network is elsewhere", () => {
  const routes = [
    { destination: "10.91.0.0/24", gateway: "10.89.0.9" },
    { destination: "10.92.0.0/24", gateway: "10.90.0.9" },
  ];
  expect(networkRequest({ ...plain, routes }).routes).toEqual([routes[0], { ...routes[1], elsewhere: true }]);
});

test("with the IPAM driver none a network has no addresses", () => {
  const bare = networkRequest({ ...plain, subnets: [], ipam_options: { driver: "none" } });
  expect(bare).toMatchObject({ subnets: [], addresses: false });
  expect(bare.ipv4).toBeUndefined();
});

test("a bridge that is somebody else's stays so", () => {
  const request = networkRequest({ ...plain, options: { mode: "unmanaged" } });
  expect(request.options).toEqual({ name: plain.network_interface, unmanaged: true });
  // Somebody there may hand out addresses.
  const bare = { ...plain, subnets: undefined, options: { mode: "unmanaged" } };
  expect(networkRequest(bare)).toMatchObject({ subnets: [], addresses: false });
});

test.each(["macvlan", "ipvlan"])("a %s network lies on Podman's link, or on the default one", (driver) => {
  const wire = { ...plain, driver, network_interface: "up0", options: { mode: "x", bclim: "1" } };
  expect(networkRequest(wire)).toMatchObject({ driver, options: { parent: "up0", mode: "x" } });
  expect(networkRequest({ ...wire, network_interface: "", options: {} }).options).toEqual({});
});

test.each([
  [{ subnets: [] }, "ARGUMENT_INVALID"],
  [{ options: { vlan: "5" } }, "UNSUPPORTED"],
  [{ options: { vrf: "red" } }, "UNSUPPORTED"],
  [{ driver: "wild" }, "ARGUMENT_INVALID"],
  [{ network_interface: undefined }, "ARGUMENT_INVALID"],
])("%j is refused", (change, code) => {
  expect(() => networkRequest({ ...plain, ...change })).toThrow(expect.objectContaining({ code }));
});
