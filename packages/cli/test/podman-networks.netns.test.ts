import { afterEach, expect, test } from "vitest";
import { inside, reaches } from "./containers.ts";
import { onHosts, type Host } from "./host.ts";
import { podmanNetwork, PodmanRuntime, type TestContainer } from "./podman-runtime.ts";

let machine: Host;
let podman: PodmanRuntime;
onHosts((host) => {
  machine = host;
  podman = new PodmanRuntime(machine, { agent: false });
});

// Before the host's own leak check: what it is about is the host.
afterEach(() => podman[Symbol.dispose]());

const bare = { subnets: [], ipam_options: { driver: "none" }, dns_enabled: false };

test("the IPAM driver none alone makes a network without addresses: the containers see to them", () => {
  machine.run("ip", "link", "add", "up0", "type", "veth", "peer", "name", "up1");
  for (const link of ["up0", "up1"]) machine.run("ip", "link", "set", link, "up");
  const before = machine.traces();
  const [one, two] = [podman.space("one"), podman.space("two")];
  const mac = "aa:bb:cc:dd:ee:ff";
  for (const network of [
    podmanNetwork("bare", 1, { ...bare, options: { mtu: "1400" } }),
    podmanNetwork("wire", 2, { ...bare, options: { mtu: "1400" }, driver: "macvlan", network_interface: "up0" }),
  ]) {
    const first: TestContainer = {
      id: "c1",
      networks: [network],
      each: [{ static_mac: mac }],
      // There is no address that they could lead to.
      more: { port_mappings: [{ host_port: 8080, container_port: 80, host_ip: "", protocol: "tcp", range: 1 }] },
    };
    const second: TestContainer = { id: "c2", networks: [network] };
    expect(podman.ok(["setup", one], first)).toEqual({
      [network.name]: {
        dns_search_domains: [],
        dns_server_ips: [],
        interfaces: { eth0: { mac_address: mac, subnets: [] } },
      },
    });
    podman.ok(["setup", two], second);
    expect(inside(one, "ip", "link", "show", "eth0")).toMatch(/UP[^]* mtu 1400 [^]*aa:bb:cc:dd:ee:ff/);
    expect(inside(one, "ip", "-o", "address", "show", "eth0") + inside(one, "ip", "route")).toBe("");
    inside(one, "ip", "address", "add", "10.8.0.2/24", "dev", "eth0");
    inside(two, "ip", "address", "add", "10.8.0.3/24", "dev", "eth0");
    expect(reaches(two, "10.8.0.2")).toBe(true);
    expect(machine.ok("doctor")).toContain("all is well");
    podman.ok(["teardown", one], first);
    podman.ok(["teardown", two], second);
    expect(machine.traces()).toEqual(before);
  }
  machine.run("ip", "link", "del", "up0");
});

test("a network's route by another network of the container, or by what else leads there", () => {
  const netns = podman.space("one");
  const routes = [{ destination: "10.91.0.0/24", gateway: "10.89.2.9" }];
  const [first, second] = [podmanNetwork("p1", 1, { routes }), podmanNetwork("p2", 2)];
  const alone: TestContainer = { id: "c1", networks: [first], each: [{ static_ips: ["10.89.1.2"] }] };
  const before = machine.traces();
  expect(podman.refusal(["setup", netns], alone)).toMatch(
    /route 10\.91\.0\.0\/24 .*No address or route leads to the gateway/,
  );
  expect(machine.traces()).toEqual(before);
  const both: TestContainer = {
    id: "c1",
    networks: [first, second],
    each: [...(alone.each ?? []), { static_ips: ["10.89.2.2"] }],
  };
  podman.ok(["setup", netns], both);
  expect(inside(netns, "ip", "route")).toContain("10.91.0.0/24 via 10.89.2.9 dev eth1");
  expect(machine.ok("doctor")).toContain("all is well");
  podman.ok(["teardown", netns], both);
  inside(netns, "ip", "link", "add", "up0", "type", "veth");
  inside(netns, "ip", "address", "add", "10.89.2.3/24", "dev", "up0");
  inside(netns, "ip", "link", "set", "up0", "up");
  podman.ok(["setup", netns], alone);
  expect(inside(netns, "ip", "route")).toContain("10.91.0.0/24 via 10.89.2.9 dev up0");
  podman.ok(["teardown", netns], alone);
  expect(inside(netns, "ip", "route")).not.toContain("10.91.0.0/24");
  expect(machine.traces()).toEqual(before);
});
