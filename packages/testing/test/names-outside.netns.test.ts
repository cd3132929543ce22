// Which servers are asked for the names of others, and from where.
import type { Netkit } from "@netkit/engine";
import { expect, test } from "vitest";
import { addressesOf, type AgentHost, lookUp, resolve, onAgentHosts } from "./agent-host.ts";
import { withResolvConf } from "./resolv-conf.ts";
import { upstream } from "./upstream.ts";

let host: AgentHost;
let netkit: Netkit;
onAgentHosts((given) => ({ host, netkit } = given));

test("other names are asked of the servers of --dns, and of nobody on an internal network", async () => {
  await netkit.networks.create({ name: "n", subnets: [{ subnet: "10.77.0.0/24" }] });
  await netkit.networks.create({ name: "in", internal: true });
  const first = await netkit.sandboxes.open({ name: "a", networks: ["n"], dns: { servers: ["10.77.0.1"] } });
  const inner = await netkit.sandboxes.open({ name: "b", networks: ["in"], dns: { servers: ["10.77.0.1"] } });
  const peer = await netkit.sandboxes.open({ name: "c", networks: ["in"] });
  using server = await upstream("10.77.0.1");
  expect(await lookUp(first, "outside.example", "ahostsv4")).toEqual(["192.0.2.1"]);
  expect(server.queries()).toBe(1);
  expect(await lookUp(first, "outside.example", "ahostsv4")).toEqual(["192.0.2.1"]);
  expect(server.queries(), "the second answer comes from the cache").toBe(1);
  expect(await lookUp(inner, "outside.example", "ahostsv4")).toBeUndefined();
  expect(await lookUp(inner, "c", "ahostsv4")).toEqual(await addressesOf(peer));
  expect(server.queries()).toBe(1);
  // What Podman's containers ask first for every name is netkit's to know.
  expect(await lookUp(first, "outside.example.dns.podman", "ahostsv4")).toBeUndefined();
  expect(server.queries()).toBe(1);
  // A known name without an address of the family is nobody else's business.
  await lookUp(first, "a.n", "ahostsv6");
  expect(server.queries()).toBe(1);
});

test("where no default route is given, servers are asked that a route leads to, and others fail at once", async () => {
  const options = { "no-default-route": true };
  const routes = [{ destination: "192.0.2.0/24", gateway: "10.77.0.1" }];
  await netkit.networks.create({ name: "led", subnets: [{ subnet: "10.77.0.0/24" }], options, routes });
  await netkit.networks.create({ name: "lone", options });
  host.sh("ip address add 192.0.2.53/32 dev lo");
  using server = await upstream("192.0.2.53");
  const [led, lone] = await Promise.all(
    ["led", "lone"].map((network) =>
      netkit.sandboxes.open({ name: network, networks: [network], dns: { servers: ["192.0.2.53"] } }),
    ),
  );
  if (led === undefined || lone === undefined) throw new Error("two sandboxes");
  const started = performance.now();
  expect(await lookUp(lone, "outside.example", "ahostsv4")).toBeUndefined();
  expect(performance.now() - started).toBeLessThan(2_000);
  expect(await lookUp(lone, "lone", "ahostsv4")).toEqual(await addressesOf(lone));
  expect(server.queries()).toBe(0);
  expect(await lookUp(led, "outside.example", "ahostsv4")).toEqual(["192.0.2.1"]);
  expect(server.queries()).toBe(1);
  host.sh("ip address del 192.0.2.53/32 dev lo");
});

test("the host's own servers are asked, one on its loopback from the host", async () => {
  using _ = withResolvConf("nameserver 127.0.0.1\n");
  using server = await upstream("127.0.0.1");
  await netkit.networks.create({ name: "n" });
  const a = await netkit.sandboxes.open({ name: "a", networks: ["n"] });
  expect(await lookUp(a, "outside.example", "ahostsv4")).toEqual(["192.0.2.1"]);
  expect(server.queries()).toBe(1);
});

test("on a network with IPv6 alone names are served, and others are asked over IPv6", async () => {
  await netkit.networks.create({ name: "six", ipv4: false, subnets: [{ subnet: "fd00:77::/64" }] });
  const a = await netkit.sandboxes.open({ name: "a", networks: ["six"], dns: { servers: ["fd00:77::1"] } });
  const b = await netkit.sandboxes.open({ name: "b", networks: ["six"] });
  using server = await upstream("fd00:77::1");
  expect(await lookUp(a, "b")).toEqual(await addressesOf(b));
  // The C library asks for no IPv4 address where there is none of its own.
  expect(await resolve(a, "outside.example", "A")).toEqual(["192.0.2.1"]);
  expect(server.queries()).toBe(1);
});

test("a server that a sandbox is to ask and that is its own is no loop, and unknown names fail at once", async () => {
  await netkit.networks.create({ name: "n" });
  const a = await netkit.sandboxes.open({ name: "a", networks: ["n"], dns: { servers: ["127.0.0.11"] } });
  const started = performance.now();
  expect(await lookUp(a, "outside.example", "ahostsv4")).toBeUndefined();
  expect(performance.now() - started).toBeLessThan(2_000);
});
