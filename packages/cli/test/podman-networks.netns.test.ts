import { reach, serve, spaceOf } from "@netkit/testing";
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

const port_mappings = [{ host_port: 8080, container_port: 80, host_ip: "", protocol: "tcp", range: 1 }];

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
    // There is no address that they could lead to; a container on the wire has none of the host's anyway.
    const plain: TestContainer = { id: "c1", networks: [network], each: [{ static_mac: mac }] };
    const first = network["driver"] === "macvlan" ? { ...plain, more: { port_mappings } } : plain;
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

test("ports aren't published on a bridge without addresses, which a netkit network may have been meant by", () => {
  const before = machine.traces();
  const published: TestContainer = { id: "c1", networks: [podmanNetwork("bare", 1, bare)], more: { port_mappings } };
  expect(podman.refusal(["setup", podman.space("one")], published)).toMatch(
    /'bare' has no address to publish ports of\..* netkit network create bare/,
  );
  expect(machine.traces()).toEqual(before);
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

test("several addresses of a family: of two subnets, or of one; the first has the ports", async () => {
  const subnets = [
    { subnet: "10.89.1.0/24", gateway: "10.89.1.1" },
    { subnet: "10.90.1.0/24", gateway: "10.90.1.1" },
    { subnet: "fd90::/64", gateway: "fd90::1" },
  ];
  const pnet = podmanNetwork("pnet", 1, { subnets, ipv6_enabled: true });
  const other = podmanNetwork("other", 2);
  const before = machine.traces();
  const [one, two, three] = [podman.space("one"), podman.space("two"), podman.space("three")];
  const addresses = ["10.89.1.2", "10.90.1.2", "10.90.1.4", "fd90::2", "fd90::4"];
  // The default route is the other network's: what comes to a port is answered by the way that it came.
  const first: TestContainer = {
    id: "c1",
    networks: [pnet, { ...other, options: { metric: "50" } }],
    each: [{ static_ips: addresses }, { static_ips: ["10.89.2.2"] }],
    more: { port_mappings: [{ host_port: 8080, container_port: 80, host_ip: "", protocol: "tcp", range: 1 }] },
  };
  const second: TestContainer = { id: "c2", networks: [pnet], each: [{ static_ips: ["10.89.1.3", "fd90::3"] }] };
  const said = podman.ok(["setup", one], first);
  expect(said["pnet"]?.interfaces["eth0"]?.subnets).toEqual([
    { gateway: "10.89.1.1", ipnet: "10.89.1.2/24" },
    { gateway: "10.90.1.1", ipnet: "10.90.1.2/24" },
    { gateway: "10.90.1.1", ipnet: "10.90.1.4/24" },
    { gateway: "fd90::1", ipnet: "fd90::2/64" },
    { gateway: "fd90::1", ipnet: "fd90::4/64" },
  ]);
  podman.ok(["setup", two], second);
  // Only by its first address does the second container have a gateway to the other subnet.
  for (const address of addresses) expect(reaches(two, address)).toBe(true);
  {
    await using _ = await serve(spaceOf(one), 80);
    for (const address of ["10.89.1.1", "fd90::1"])
      expect(await reach(spaceOf(machine.path), { protocol: "tcp", address, port: 8080 })).toMatchObject({
        status: "ok",
      });
  }
  expect(machine.ok("doctor")).toContain("all is well");
  const taken = { ...second, id: "c3", each: [{ static_ips: ["10.89.1.9", "10.90.1.4"] }] };
  expect(podman.refusal(["setup", three], taken)).toMatch(/10\.90\.1\.4 is in use by sandbox 'name-c1'/);
  podman.ok(["teardown", one], first);
  podman.ok(["setup", three], taken);
  podman.ok(["teardown", three], taken);
  podman.ok(["teardown", two], second);
  expect(machine.traces()).toEqual(before);
});

test("mode=unmanaged: a bridge of the host's has the container as a port, of the name that is asked for, and is left as it is", () => {
  const network = podmanNetwork("theirs", 1, { network_interface: "br7", options: { mode: "unmanaged" } });
  const box: TestContainer = {
    id: "c1",
    networks: [network],
    each: [{ static_ips: ["10.89.1.2"], options: { host_interface_name: "web0" } }],
    // As with netavark they lead nowhere.
    more: { port_mappings: [{ host_port: 8080, container_port: 80, host_ip: "", protocol: "tcp", range: 1 }] },
  };
  const netns = podman.space("one");
  expect(podman.refusal(["setup", netns], box)).toBe(
    "in unmanaged mode, the bridge must already exist on the host: Netlink error: No such device (os error 19)",
  );
  machine.run("sh", "-c", "ip link add br7 type bridge; ip address add 10.89.1.1/24 dev br7; ip link set br7 up");
  const before = machine.traces();
  podman.ok(["setup", netns], box);
  expect(machine.run("ip", "-o", "link", "show", "master", "br7")).toContain("web0@");
  expect(machine.traces().rules).toBe(before.rules);
  expect(reaches(netns, "10.89.1.1")).toBe(true);
  expect(machine.ok("port", "ls")).not.toContain("8080");
  expect(machine.ok("doctor")).toContain("all is well");
  podman.ok(["teardown", netns], box);
  expect(machine.traces()).toEqual(before);
  machine.run("ip", "link", "del", "br7");
});

test("a network without interfaces is refused before anything is made, and so are those beside it", () => {
  const joining = { ...bare, labels: { "netkit.network": "none" } };
  const networks = [podmanNetwork("p1", 1), podmanNetwork("joined", 2, joining)];
  const before = machine.traces();
  const box: TestContainer = { id: "c1", networks, each: [{ static_ips: ["10.89.1.2"] }] };
  expect(podman.refusal(["setup", podman.space("one")], box)).toMatch(
    /^network 'none' .* gives a container no interface/,
  );
  expect(machine.traces()).toEqual(before);
  expect(machine.ok("sandbox", "ls", "-q")).toBe("");
  expect(machine.ok("network", "ls", "--format", "{{.Name}}")).not.toContain("p1");
});
