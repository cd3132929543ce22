import { execFile } from "node:child_process";
import { once } from "node:events";
import { statSync } from "node:fs";
import { connect, createServer } from "node:net";
import { promisify } from "node:util";
import { startAgent, type AgentEvent, type Status } from "@netkit/agent";
import { agentSocket, askAgent } from "@netkit/agent/client";
import { NetkitError } from "@netkit/core";
import type { Netkit } from "@netkit/engine";
import { expect, test } from "vitest";
import { spaceOf } from "../src/index.ts";
import { addressesOf, onAgentHosts, type AgentHost } from "./agent-host.ts";
import { heard } from "./heard.ts";

let host: AgentHost;
let netkit: Netkit;
onAgentHosts((given) => ({ host, netkit } = given));

/**
 * The events from this call on, or from the time that the query names, until `stop` says that there are enough. Not from
 * the time of this call: what has just happened has the same, or a later one if the clock was set back.
 */
async function events(
  query: string,
  stop: (event: AgentEvent) => boolean,
  during: () => Promise<void>,
): Promise<AgentEvent[]> {
  const seen: AgentEvent[] = [];
  const end = new AbortController();
  const { promise: enough, resolve } = Promise.withResolvers<void>();
  const others = await listeners();
  const request = { method: "GET", target: `/v1/events?${query}`, signal: end.signal } as const;
  const listening = askAgent(agentSocket(host.root), request, (line) => {
    const event = JSON.parse(line) as AgentEvent;
    seen.push(event);
    if (stop(event)) resolve();
  });
  const ended = listening.catch((error: unknown) => error);
  await expect.poll(listeners, { interval: 5 }).toBe(others + 1);
  await during();
  await enough;
  end.abort();
  expect(await ended).toMatchObject({ code: "CANCELLED" });
  return seen;
}

/** How many streams of events the agent has. */
async function listeners(): Promise<number> {
  return ((await host.ask({ method: "GET", target: "/v1/status" })) as Status).listeners;
}

test("everything that happens is told, in order, with names", async () => {
  const seen = await events(
    "",
    ({ type, action }) => type === "network" && action === "remove",
    async () => {
      await netkit.networks.create({ name: "n", labels: { tier: "front" } });
      const web = await netkit.sandboxes.open({ name: "web", networks: [{ network: "n", publish: ["8080:80"] }] });
      await web.publish("n", ["8443:443"]);
      const child = await web.start(["true"], { stdio: "ignore" });
      await child.exited;
      await events(
        "type=sandbox&since=1970-01-01",
        ({ action }) => action === "die",
        async () => {},
      );
      await web.close();
      await netkit.networks.remove("n");
    },
  );
  expect(seen.map(({ type, action, name }) => `${type} ${action} ${name}`)).toEqual([
    "network create n",
    "sandbox create web",
    "endpoint connect web@n",
    "port publish web@n",
    "port publish web@n",
    "sandbox start web",
    "sandbox die web",
    "port unpublish web@n",
    "port unpublish web@n",
    "endpoint disconnect web@n",
    "sandbox remove web",
    "network remove n",
  ]);
  expect(seen[0]?.attributes).toMatchObject({ tier: "front", driver: "bridge" });
  expect(seen[3]?.attributes).toMatchObject({ port: "8080->80/tcp", network: "n", sandbox: "web" });
  expect(seen.map(({ number }) => number)).toEqual(seen.map((_, index) => (seen[0]?.number ?? 0) + index));
});

test.each(["runs already", "comes right after it"])(
  "what an endpoint has to announce is announced again by an agent that %s",
  async (when) => {
    const subnets = [{ subnet: "10.61.0.0/24" }, { subnet: "fd00:61::/64" }];
    await netkit.networks.create({ name: "n", ipv6: true, subnets, options: { "announcement-interval": 400 } });
    const neighbour = await netkit.sandboxes.open({ networks: ["n"] });
    const [ip, ip6] = ["10.61.0.77", "fd00:61::77"];
    const count = await heard(spaceOf(neighbour.netns ?? ""), [ip, ip6]);
    const there = when === "runs already";
    if (!there) await host.stopAgent();
    const made = there ? netkit : await host.open({ agent: { changed: async () => {}, serves: async () => false } });
    const started = performance.now();
    await made.sandboxes.open({ networks: [{ network: "n", ip, ip6, mac: "02:00:00:00:00:77" }] });
    if (!there) await host.startAgent();
    await expect.poll(count, { timeout: 5_000 }).toEqual([3, 3]);
    expect(performance.now() - started, "by one of the two alone").toBeGreaterThan(2 * 400);
  },
);

test("what is announced where there are no names has an agent started for the repetitions, which then ends", async () => {
  await host.stopAgent();
  const ended: Promise<void>[] = [];
  const start = async (): Promise<void> => {
    ended.push((await host.startAgent({ lingerMs: 0 })).ended);
  };
  const linked = await host.openLinked(start);
  const neighbour = await linked.sandboxes.open({ networks: ["bridge"] });
  expect(ended).toEqual([]);

  const [own = ""] = await addressesOf(neighbour);
  const next = own.replace(/[0-9]+$/, (last) => String(Number(last) + 1));
  const count = await heard(spaceOf(neighbour.netns ?? ""), [next, "fe80::77"]);
  const web = await linked.sandboxes.open({ networks: [{ network: "bridge", mac: "02:00:00:00:00:77" }] });
  expect(await addressesOf(web)).toEqual([next]);
  await ended[0];
  expect(ended).toHaveLength(1);
  expect(await count()).toEqual([3, 0]);
});

test("a sandbox goes with its process, whoever started it", async () => {
  const web = await netkit.sandboxes.open({ name: "web", networks: ["none"], autoRemove: true });
  await events(
    "type=sandbox",
    ({ action }) => action === "remove",
    async () => {
      const child = await web.start(["sleep", "60"], { stdio: "ignore", detached: true });
      child.kill("SIGKILL");
      await child.exited;
    },
  );
  expect(await netkit.sandboxes.list()).toEqual([]);
});

test("changes that nobody tells of are seen all the same", async () => {
  const unlinked = await host.open();
  const [event] = await events(
    "type=network",
    ({ action }) => action === "create",
    async () => void (await unlinked.networks.create({ name: "quiet" })),
  );
  expect(event?.name).toBe("quiet");
});

test("a repair has the agent know of what was committed without a word to it", async () => {
  const mute = await host.open();
  await mute.networks.create({ name: "m" });
  await mute.sandboxes.open({ name: "box", networks: [{ network: "m", publish: ["8080:80"] }] });
  const known = async (): Promise<unknown> => await host.ask({ method: "GET", target: "/v1/status" });
  await netkit.doctor({ repair: true });
  expect(await known()).toMatchObject({ sandboxes: 1, reservedPorts: 1 });
  await mute.sandboxes.remove("box");
  expect(await netkit.doctor({ repair: true })).toMatchObject({ findings: [], repaired: [] });
  expect(await known()).toMatchObject({ sandboxes: 0, reservedPorts: 0 });
});

test("published ports can't be taken by others, and ::1 is served though no NAT can", async () => {
  await netkit.networks.create({ name: "n", ipv6: true });
  // Those of a routed network are none of the host's.
  await netkit.networks.create({ name: "routed", options: { "gateway-mode-ipv4": "routed" } });
  await netkit.sandboxes.open({ networks: [{ network: "routed", publish: ["80", "90-99/udp"] }] });
  const publish = ["8080:80", "127.0.0.1:9090:80", "5353:53/udp"];
  const web = await netkit.sandboxes.open({ name: "web", networks: [{ network: "n", publish }] });
  expect(await host.ask({ method: "GET", target: "/v1/status" })).toMatchObject({ reservedPorts: 3 });
  for (const address of ["0.0.0.0", "::", "127.0.0.1"])
    await expect(listen(8080, address)).rejects.toMatchObject({ code: "EADDRINUSE" });
  await expect(listen(9090, "127.0.0.1")).rejects.toMatchObject({ code: "EADDRINUSE" });
  const free = await listen(9090, "127.0.0.2");
  free.close();
  expect(host.succeeds("python3 -c 'import socket; socket.socket(2, 2).bind((\"0.0.0.0\", 5353))'")).toBe(false);

  const serve =
    'require("node:http").createServer((q, s) => s.end(q.socket.remoteAddress)).listen(80, "::", () => console.log("up"))';
  const server = await web.run([process.execPath, "-e", serve], { stdio: "pipe" });
  await once(server.stdout ?? process.stdin, "data");
  const bridge = (await web.inspect()).endpoints[0]?.addresses.find(({ address }) => address.includes(":"))?.gateway;
  expect(await get("http://[::1]:8080/")).toBe(bridge);
  expect(await get("http://127.0.0.1:8080/")).toMatch(/^::ffff:/);
  server.kill("SIGKILL");
  await server.exited;

  await web.unpublish("n", ["8080:80"]);
  const again = await listen(8080, "0.0.0.0");
  again.close();
  // What can be published again at once, although the agent held it a moment ago.
  await web.publish("n", ["8080:80"]);
  await web.unpublish("n", ["8080:80"]);
  await web.publish("n", ["8080:80"]);
});

/** By another process, for this one serves it. */
async function get(url: string): Promise<string> {
  const words = ["netns", "exec", host.name, "curl", "-s", "-m", "5", "-g", url];
  return (await promisify(execFile)("ip", words)).stdout;
}

async function listen(port: number, address: string): Promise<ReturnType<typeof createServer>> {
  const server = createServer().listen({ port, host: address, exclusive: true });
  await once(server, "listening");
  return server;
}

test("the API makes and removes what the library does, and checks what it is given", async () => {
  await host.ask({ method: "POST", target: "/v1/networks", body: { name: "n", subnets: [{ subnet: "10.9.0.0/24" }] } });
  await host.ask({ method: "POST", target: "/v1/sandboxes", body: { name: "web" } });
  const endpoint = { network: "n", ip: "10.9.0.9", publish: ["8081:80"] };
  expect(await host.ask({ method: "POST", target: "/v1/sandboxes/web/endpoints", body: endpoint })).toMatchObject({
    addresses: [{ address: "10.9.0.9/24" }],
  });
  expect(await addressesOf(await netkit.sandboxes.get("web"))).toEqual(["10.9.0.9"]);
  expect(await host.ask({ method: "GET", target: "/v1/networks/n" })).toMatchObject({
    endpoints: [{ sandboxName: "web" }],
  });
  const ports = { ports: ["8082:80"] };
  await host.ask({ method: "POST", target: "/v1/sandboxes/web/endpoints/n/ports", body: ports });
  await host.ask({ method: "DELETE", target: "/v1/sandboxes/web/endpoints/n/ports", body: ports });
  expect(await host.ask({ method: "POST", target: "/v1/doctor", body: {} })).toMatchObject({ findings: [] });

  const refusals = [
    [{ method: "DELETE", target: "/v1/networks/n" }, "NETWORK_IN_USE", /'web'/],
    [{ method: "GET", target: "/v1/networks/m" }, "NETWORK_NOT_FOUND", /'m'/],
    [{ method: "GET", target: "/v1/nothing" }, "ARGUMENT_INVALID", /GET \/v1\/nothing/],
    [{ method: "GET", target: "/v1/networks?all=1" }, "ARGUMENT_INVALID", /no parameter 'all'/],
    [{ method: "POST", target: "/v1/networks", body: { name: "x", colour: "red" } }, "ARGUMENT_INVALID", /colour/],
    [{ method: "POST", target: "/v1/networks", body: { name: "x y" } }, "NAME_INVALID", /x y/],
    [{ method: "POST", target: "/v1/sandboxes", body: { pid: -1 } }, "ARGUMENT_INVALID", /pid/],
    [{ method: "GET", target: "/v1/events?type=port&type=bogus" }, "ARGUMENT_INVALID", /type "bogus"/],
    [{ method: "GET", target: "/v1/events?since=yesterday" }, "ARGUMENT_INVALID", /yesterday/],
  ] as const;
  for (const [request, code, message] of refusals) {
    const error = await host.ask(request).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(NetkitError);
    expect(error).toMatchObject({ code });
    expect((error as NetkitError).message).toMatch(message);
  }
  await host.ask({ method: "DELETE", target: "/v1/sandboxes/web/endpoints/n" });
  await host.ask({ method: "DELETE", target: "/v1/sandboxes/web?force=true" });
  await host.ask({ method: "DELETE", target: "/v1/networks/n" });
});

test("the socket is root's alone, garbage and clients that stop reading disturb nobody", async () => {
  const path = agentSocket(host.root);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const silent = Array.from({ length: 200 }, () => connect(path));
  await Promise.all(silent.map((socket) => once(socket, "connect")));
  const garbage = connect(path);
  garbage.on("error", () => {});
  const rejected = new Promise((resolve) => garbage.on("close", resolve));
  garbage.write(Buffer.alloc(100_000, 0xff));
  await rejected;
  const huge = connect(path);
  huge.on("error", () => {});
  huge.write(`POST /v1/networks HTTP/1.1\r\nhost: x\r\ncontent-length: 3000000\r\n\r\n${"x".repeat(3_000_000)}`);
  const [answer] = (await once(huge, "data")) as [Buffer];
  expect(answer.toString()).toMatch(/^HTTP\/1.1 400 /);
  huge.destroy();

  const sleepy = connect(path);
  sleepy.on("error", () => {});
  sleepy.write("GET /v1/events HTTP/1.0\r\n\r\n");
  await once(sleepy, "readable");
  sleepy.pause();
  expect(await host.ask({ method: "GET", target: "/v1/status" })).toMatchObject({ listeners: 1 });
  await netkit.networks.create({ name: "n" });
  await netkit.networks.remove("n");
  sleepy.destroy();
  for (const socket of silent) socket.destroy();
  expect(await host.ask({ method: "GET", target: "/v1/networks" })).toHaveLength(3);
});

test("a route of the host that takes a network's addresses is told when it comes, and when it goes", async () => {
  await netkit.networks.create({ name: "n", subnets: [{ subnet: "10.61.0.0/24" }] });
  const seen = await events(
    "type=network",
    ({ action }) => action === "overlap-end",
    async () => {
      host.sh("ip link add vpn type veth peer name vpn-peer; ip link set vpn up; ip route add 10.61.0.0/25 dev vpn");
      await events(
        "type=network&since=1970-01-01",
        ({ action }) => action === "overlap",
        async () => {},
      );
      expect((await netkit.doctor()).findings).toMatchObject([{ problem: "overlap", object: "network n" }]);
      host.sh("ip link del vpn");
    },
  );
  expect(seen.map(({ action, name }) => `${action} ${name}`)).toEqual(["overlap n", "overlap-end n"]);
  expect(seen[0]?.attributes["message"]).toContain("10.61.0.0/25 on vpn");
});

test("metrics are in Prometheus' format", async () => {
  const text = String(await host.ask({ method: "GET", target: "/v1/metrics" }));
  for (const line of text.trimEnd().split("\n")) expect(line).toMatch(/^(# (HELP|TYPE) \S+ .+|[a-z_]+ [\d.e+]+)$/);
  expect(text).toContain("netkit_networks 3\n");
  expect(text).toMatch(/^process_resident_memory_bytes \d{7,}$/m);
});

test("a root has one agent; a socket that a dead one left is no obstacle", async () => {
  await expect(startAgent({ root: host.root })).rejects.toMatchObject({ code: "AGENT_RUNNING" });
  expect(await host.ask({ method: "POST", target: "/v1/stop" })).toMatchObject({ pid: process.pid });
  await expect
    .poll(async () => await host.ask({ method: "GET", target: "/v1/status" }).catch((error: NetkitError) => error.code))
    .toBe("AGENT_NOT_FOUND");
  const left = createServer().listen(agentSocket(host.root));
  await once(left, "listening");
  // Closing the server would remove its socket, as the death of its process doesn't.
  left.unref();
  const next = await host.startAgent();
  expect(await host.ask({ method: "GET", target: "/v1/status" })).toMatchObject({ pid: process.pid });
  left.close();
  expect(next.status().stays).toBe(true);
});

test("an agent that is to linger ends when nothing has needed it for so long, and not before", async () => {
  await host.ask({ method: "POST", target: "/v1/stop" });
  await netkit.networks.create({ name: "n" }).catch(() => {});
  const agent = await host.startAgent({ lingerMs: 1 });
  const linked = await host.openLinked();
  const sandbox = await linked.sandboxes.open({ networks: ["n"] });
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  expect(agent.status()).toMatchObject({ nameServers: 1, stays: false });
  await sandbox.close();
  await agent.ended;
  await expect(host.ask({ method: "GET", target: "/v1/status" })).rejects.toMatchObject({ code: "AGENT_NOT_FOUND" });
});
