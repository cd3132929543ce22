import { expect, test } from "vitest";
import { parseConfiguration } from "../src/configuration.ts";
import { parseEnvironment } from "../src/environment.ts";
import { aliasesOf, dnsOf, endpointWishes } from "../src/wishes.ts";

const environment = (args = "") =>
  parseEnvironment({
    CNI_COMMAND: "ADD",
    CNI_CONTAINERID: "c1",
    CNI_NETNS: "/run/netns/c1",
    CNI_IFNAME: "eth0",
    CNI_PATH: "/x",
    CNI_ARGS: args,
  });
const configuration = (more: object) => parseConfiguration(JSON.stringify({ name: "n", cniVersion: "1.1.0", ...more }));
const wishes = (args: string, more: object) => endpointWishes(environment(args), configuration(more));

const byArgs = "IP=10.1.0.1;MAC=02:00:00:00:00:01";
const byConfiguration = { cni: { ips: ["10.1.0.2"], mac: "02:00:00:00:00:02" } };
const byRuntime = { ips: ["10.1.0.3/24"], mac: "02:00:00:00:00:03" };

test.each([
  ["", {}, {}],
  [byArgs, {}, { ip: "10.1.0.1", mac: "02:00:00:00:00:01" }],
  [byArgs, { args: byConfiguration }, { ip: "10.1.0.2", mac: "02:00:00:00:00:02" }],
  [byArgs, { args: byConfiguration, runtimeConfig: byRuntime }, { ip: "10.1.0.3", mac: "02:00:00:00:00:03" }],
  [byArgs, { runtimeConfig: { mac: byRuntime.mac } }, { ip: "10.1.0.1", mac: "02:00:00:00:00:03" }],
  ["IP=10.1.0.1,fd00::1", {}, { ip: "10.1.0.1", ip6: "fd00::1" }],
  ["", { runtimeConfig: { ips: ["fd00::7/64", "10.1.0.7"] } }, { ip: "10.1.0.7", ip6: "fd00::7" }],
  // As Podman says it of a container that it reloads.
  [
    "",
    { runtimeConfig: { ips: ["10.1.0.7", "10.1.0.7", "fd00::7", "fd00:0::7"] } },
    { ip: "10.1.0.7", ip6: "fd00::7" },
  ],
  ["", { gwPriority: 5 }, { gatewayPriority: 5 }],
])("CNI_ARGS %j and %j come to %j", (args, more, wanted) => {
  expect(wishes(args, more)).toEqual(wanted);
});

test("an interface has one address of a family", () => {
  expect(() => wishes("", { runtimeConfig: { ips: ["10.1.0.1", "10.1.0.2"] } })).toThrow(
    expect.objectContaining({ code: 7, message: expect.stringContaining("10.1.0.1 and 10.1.0.2") as unknown }),
  );
});

test.each([
  [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }, ["8080:80/tcp"]],
  [{ hostPort: 8080, containerPort: 80 }, ["8080:80/tcp"]],
  [{ hostPort: 53, containerPort: 53, protocol: "UDP", hostIP: "127.0.0.1" }, ["127.0.0.1:53:53/udp"]],
  [{ hostPort: 80, containerPort: 80, protocol: "tcp,udp", hostIP: "" }, ["80:80/tcp", "80:80/udp"]],
  [{ hostPort: 80, containerPort: 80, hostIP: "::1" }, ["[::1]:80:80/tcp"]],
  [{ hostPort: 0, containerPort: 80 }, undefined],
])("the port mapping %j is %j", (mapping, publish) => {
  expect(wishes("", { runtimeConfig: { portMappings: [mapping] } }).publish).toEqual(publish);
});

test.each([
  [
    { ingressRate: 1e6, ingressBurst: 2e6 },
    { "rate-ingress": 1e6, "burst-ingress": 2e6 },
  ],
  [{ egressRate: 1e6 }, { "rate-egress": 1e6 }],
  [{ ingressRate: 1e6, ingressBurst: 2 ** 31 - 1 }, { "rate-ingress": 1e6 }],
  [{ ingressRate: 0, ingressBurst: 2e6, egressRate: 0 }, undefined],
])("the bandwidth %j is %j", (bandwidth, options) => {
  expect(wishes("", { runtimeConfig: { bandwidth } }).options).toEqual(options);
});

test.each([
  ["", { runtimeConfig: { aliases: ["a", "b"] } }, ["a", "b"]],
  ["", { runtimeConfig: { aliases: { n: ["a"], other: ["b"] } } }, ["a"]],
  ["K8S_POD_NAME=web", { runtimeConfig: { aliases: { other: ["b"] } } }, ["web"]],
  ["K8S_POD_NAME=web", { runtimeConfig: { aliases: ["web"] } }, ["web"]],
  ["K8S_POD_NAME=-", {}, []],
])("CNI_ARGS %j and %j: others find it as %j", (args, more, aliases) => {
  expect(aliasesOf(environment(args), configuration(more))).toEqual(aliases);
});

test.each([
  [{}, { servers: [], search: [], options: [] }],
  [{ dns: { nameservers: ["192.0.2.1"], domain: "a" } }, { servers: ["192.0.2.1"], search: ["a"], options: [] }],
  [
    {
      dns: { nameservers: ["192.0.2.1"], search: ["a"] },
      runtimeConfig: { dns: { servers: ["192.0.2.2"], searches: ["b"] } },
    },
    { servers: ["192.0.2.2"], search: ["b"], options: [] },
  ],
])("%j asks for %j", (more, dns) => {
  expect(dnsOf(configuration(more))).toEqual(dns);
});
