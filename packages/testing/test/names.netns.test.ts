import { execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { shortId } from "@netkit/core";
import { agentLink } from "@netkit/agent/client";
import type { Netkit, SandboxHandle } from "@netkit/engine";
import { expect, test } from "vitest";
import { addressesOf, type AgentHost, lookUp, resolve, onAgentHosts } from "./agent-host.ts";
import { attempt } from "../src/index.ts";

let host: AgentHost;
let netkit: Netkit;
onAgentHosts((given) => ({ host, netkit } = given));

function unexpected(): never {
  throw new Error("the agent is there");
}

test("a name is found when connect has returned, and gone when disconnect has", async () => {
  await netkit.networks.create({ name: "n" });
  const a = await netkit.sandboxes.open({ name: "a", networks: ["n"] });
  const b = await netkit.sandboxes.open({ name: "b" });
  for (let round = 0; round < 3; round++) {
    expect(await lookUp(a, "b")).toBeUndefined();
    await b.connect("n");
    expect(await lookUp(a, "b")).toEqual(await addressesOf(b));
    await b.disconnect("n");
  }
  await b.connect("n");
  await b.close();
  expect(await lookUp(a, "b")).toBeUndefined();
});

test("names of sandboxes that are connected at the same time are found by each of them", async () => {
  await netkit.networks.create({ name: "n" });
  const boxes = await Promise.all(["a", "b", "c"].map(async (name) => await netkit.sandboxes.open({ name })));
  await Promise.all(boxes.map(async (box) => await box.connect("n")));
  for (const box of boxes)
    for (const other of boxes) expect(await lookUp(box, other.name)).toEqual(await addressesOf(other));
});

test("a name is found as soon as it is there, whether the agent was told or not", async () => {
  await netkit.networks.create({ name: "n" });
  const a = await netkit.sandboxes.open({ name: "a", networks: ["n"] });
  await using silent = await host.open({});
  for (let round = 0; round < 5; round++) {
    const b = await silent.sandboxes.open({ name: "b", networks: ["n"] });
    expect(await lookUp(a, "b")).toEqual(await addressesOf(b));
    await b.close();
    expect(await lookUp(a, "b")).toBeUndefined();
  }
});

test("names that are expected are served before they are there, and not for long if they don't come", async () => {
  const [fails, goes] = [await netkit.sandboxes.open({ name: "a" }), await netkit.sandboxes.open({ name: "b" })];
  const link = agentLink({ root: host.root, start: unexpected, warn: unexpected });
  const { records } = await netkit.follow(() => {});
  const servers = ({ netns }: SandboxHandle): string => host.sh(`nsenter --net=${netns} ss -Hlnu`);
  for (const sandbox of [fails, goes]) {
    const namespace = records.sandboxes.get(sandbox.id)?.namespace;
    const expectation = namespace && (await link.expect?.(namespace));
    expect(await expectation?.met()).toBe(true);
    expect(servers(sandbox)).toContain("127.0.0.11:53");
  }
  await goes.close();
  host.sh(`test ! -e ${goes.netns}`);
  await expect.poll(() => servers(fails), { timeout: 10_000 }).toBe("");
});

test("on a network without names port 53 is the sandbox's, until it is on another one", async () => {
  await netkit.networks.create({ name: "n", options: { names: false } });
  await netkit.networks.create({ name: "named" });
  const a = await netkit.sandboxes.open({ name: "a", networks: ["n"] });
  await netkit.sandboxes.open({ name: "b", networks: ["n", "named"] });
  const servers = (): string => host.sh(`nsenter --net=${a.netns} ss -Hlnu`);
  expect([await lookUp(a, "b"), servers()]).toEqual([undefined, ""]);
  await a.connect("named");
  expect(await lookUp(a, "b")).toHaveLength(1);
  await a.disconnect("named");
  await expect.poll(servers, { timeout: 10_000 }).toBe("");
});

test("a sandbox goes by name, alias, short id and hostname, in any case, with and without its network's name", async () => {
  await netkit.networks.create({ name: "My-Net", ipv6: true });
  const a = await netkit.sandboxes.open({ name: "a", networks: ["My-Net"] });
  const web = await netkit.sandboxes.open({
    name: "Web",
    hostname: "frontend",
    networks: [{ network: "My-Net", aliases: ["api", "www"] }],
  });
  const addresses = (await addressesOf(web)).toSorted();
  expect(addresses).toHaveLength(2);
  const names = ["web", "WEB", "frontend", "api", "www", shortId(web.id), "web.my-net", "API.MY-NET"];
  for (const name of names) expect(await lookUp(a, name), name).toEqual(addresses);
  for (const address of addresses) expect(await attempt(a, `getent hosts ${address}`)).toMatch(/\sWeb\.My-Net$/);
  // Its own name is in its hosts file, in every case in its name server.
  expect(await lookUp(web, "a")).toEqual((await addressesOf(a)).toSorted());
});

test("an alias of several sandboxes has the addresses of all", async () => {
  await netkit.networks.create({ name: "n" });
  const workers = [];
  for (const name of ["w1", "w2", "w3"])
    workers.push(await netkit.sandboxes.open({ name, networks: [{ network: "n", aliases: ["worker"] }] }));
  const all = (await Promise.all(workers.map(addressesOf))).flat().toSorted();
  const a = await netkit.sandboxes.open({ name: "a", networks: ["n"] });
  expect(await lookUp(a, "worker", "ahostsv4")).toEqual(all);
  await workers[1]?.close();
  expect(await lookUp(a, "worker", "ahostsv4")).toEqual(all.filter((_, index) => index !== 1));
});

test("neighbours ping each other by name in each family, and one with IPv6 turned off in IPv4 alone", async () => {
  await netkit.networks.create({ name: "n", ipv6: true });
  const a = await netkit.sandboxes.open({ name: "a", networks: ["n"] });
  const sysctls = { "net.ipv6.conf.IFNAME.disable_ipv6": "1" };
  await netkit.sandboxes.open({ name: "both", networks: ["n"] });
  await netkit.sandboxes.open({ name: "four", networks: [{ network: "n", sysctls }] });
  const pings = async (family: number, name: string): Promise<boolean> =>
    (await attempt(a, `ping -${family} -c 1 -W 2 ${name}`)) !== undefined;
  expect([await pings(4, "both"), await pings(6, "both")]).toEqual([true, true]);
  expect([await pings(4, "four"), await pings(6, "four")]).toEqual([true, false]);
  expect(await lookUp(a, "four")).toHaveLength(1);
});

test("names need nothing of the host: all that comes in is dropped, and another server has port 53", async () => {
  await netkit.networks.create({ name: "n" });
  host.sh(
    "nft 'add table inet strict; add chain inet strict input { type filter hook input priority 0; policy drop; }'",
  );
  const server = createSocket("udp4").bind(53, "0.0.0.0");
  try {
    await once(server, "listening");
    const a = await netkit.sandboxes.open({ name: "a", networks: ["n"] });
    const b = await netkit.sandboxes.open({ name: "b", networks: ["n"] });
    expect(await lookUp(a, "b")).toEqual(await addressesOf(b));
  } finally {
    server.close();
    host.sh("nft delete table inet strict");
  }
});

test("services and addresses have records, other types are empty, and unknown names don't exist", async () => {
  await netkit.networks.create({ name: "n", internal: true });
  const a = await netkit.sandboxes.open({ name: "a", networks: ["n"] });
  const web = await netkit.sandboxes.open({ name: "web", networks: [{ network: "n", aliases: ["api"] }] });
  const [address = ""] = await addressesOf(web);
  const reverse = `${address.split(".").toReversed().join(".")}.in-addr.arpa`;
  expect(await resolve(a, "api", "A")).toEqual([address]);
  expect(await resolve(a, reverse, "PTR")).toEqual(["web.n"]);
  expect(await resolve(a, "_8080._tcp.web", "SRV")).toMatchObject([{ name: "web", port: 8080 }]);
  for (const type of ["AAAA", "MX", "TXT"]) expect(await resolve(a, "web", type), type).toBe("ENODATA");
  expect(await resolve(a, "nobody", "A")).toBe("ENOTFOUND");
});

test("names reach as far as the networks that both are on", async () => {
  for (const name of ["front", "back"]) await netkit.networks.create({ name });
  const web = await netkit.sandboxes.open({ name: "web", networks: ["front"] });
  const both = await netkit.sandboxes.open({ name: "both", networks: ["front", "back"] });
  const db = await netkit.sandboxes.open({ name: "db", networks: ["back"] });
  expect(await lookUp(web, "db")).toBeUndefined();
  expect(await lookUp(db, "web")).toBeUndefined();
  expect(await lookUp(both, "db")).toEqual(await addressesOf(db));
  expect(await lookUp(both, "web")).toEqual(await addressesOf(web));
  expect(await lookUp(web, "both")).toHaveLength(1);
  expect(await lookUp(web, "both.back")).toBeUndefined();
});

test("on a macvlan network sandboxes find each other; its router isn't taken for the host, a bridge's gateway is", async () => {
  host.sh("ip link add lan0 type veth peer name lan1; ip link set lan0 up; ip link set lan1 up");
  // Internal, so that nobody else is asked for what isn't there.
  const wire = { driver: "macvlan", options: { parent: "lan0" }, internal: true };
  await netkit.networks.create({ name: "n", ...wire, subnets: [{ subnet: "192.0.2.0/24", gateway: "192.0.2.1" }] });
  await netkit.networks.create({ name: "zz", subnets: [{ subnet: "10.9.0.0/24" }] });
  const hosts = [{ name: "gateway", address: "host-gateway" }];
  const a = await netkit.sandboxes.open({ name: "a", networks: ["n"], hosts });
  const b = await netkit.sandboxes.open({ name: "b", networks: ["n"] });
  expect(await lookUp(a, "b")).toEqual(await addressesOf(b));
  for (const name of ["host.netkit.internal", "gateway", "192.0.2.1"])
    expect(await attempt(a, `getent hosts ${name}`), name).toBeUndefined();
  await a.connect("zz");
  for (const name of ["host.netkit.internal", "gateway"]) expect(await lookUp(a, name)).toEqual(["10.9.0.1"]);
  await host.empty(netkit);
  host.sh("ip link delete lan0");
});

test("the host is host.netkit.internal, and its address reaches it", async () => {
  await netkit.networks.create({ name: "n" });
  const a = await netkit.sandboxes.open({ name: "a", networks: ["n"] });
  const [address] = (await lookUp(a, "host.netkit.internal")) ?? [];
  expect(address).toBe((await a.inspect()).endpoints[0]?.addresses[0]?.gateway);
  expect(await lookUp(a, "host.docker.internal")).toEqual([address]);
  expect(await attempt(a, "ping -c 1 -W 2 host.netkit.internal > /dev/null && echo yes")).toBe("yes");
});

test("a joined sandbox has the names of the first, and predefined networks have none", async () => {
  await netkit.networks.create({ name: "n" });
  const a = await netkit.sandboxes.open({ name: "a", networks: ["n"] });
  const web = await netkit.sandboxes.open({ name: "web", networks: ["n"] });
  const side = await netkit.sandboxes.open({ name: "side", networks: ["container:a"] });
  expect(await lookUp(side, "web")).toEqual(await addressesOf(web));
  await a.close();
  // Its namespace lives on, and so do its names.
  expect(await lookUp(side, "web")).toEqual(await addressesOf(web));
});

test("an adopted namespace with a process of its own on port 53 keeps it, and connects all the same", async () => {
  await netkit.networks.create({ name: "n" });
  execFileSync("ip", ["netns", "add", "nktest-busy"]);
  execFileSync("ip", ["-n", "nktest-busy", "link", "set", "lo", "up"]);
  try {
    const busy = await netkit.sandboxes.open({ name: "busy", netns: "/run/netns/nktest-busy" });
    const program = 'require("node:dgram").createSocket("udp4").bind(53, "127.0.0.11", () => console.log("bound"))';
    const child = await busy.run([process.execPath, "-e", program], { stdio: "pipe" });
    await once(child.stdout ?? process.stdin, "data");
    await busy.connect("n");
    expect(await host.ask({ method: "GET", target: "/v1/status" })).toMatchObject({ nameServers: 0 });
    const why = expect.stringMatching(/^no names are served in \/run\/netns\/nktest-busy: .*EADDRINUSE/);
    expect(host.complaints.splice(0)).toEqual([why]);
    child.kill("SIGKILL");
    await child.exited;
    await expect
      .poll(async () => await host.ask({ method: "GET", target: "/v1/status" }), { timeout: 10_000 })
      .toMatchObject({ nameServers: 1 });
    await busy.close();
  } finally {
    execFileSync("ip", ["netns", "del", "nktest-busy"]);
  }
});
