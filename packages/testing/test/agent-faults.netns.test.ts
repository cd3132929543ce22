// What can go wrong under an agent, and around it.
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { createSocket } from "node:dgram";
import type { AgentEvent } from "@netkit/agent";
import { agentSocket, askAgent } from "@netkit/agent/client";
import type { Netkit } from "@netkit/engine";
import { afterEach, beforeEach, expect, test } from "vitest";
import { age } from "./age.ts";
import { addressesOf, AgentHost, lookUp } from "./agent-host.ts";
import { attempt } from "../src/index.ts";
import { Disk } from "./disk.ts";

const patient = { timeout: 15_000 };

let host: AgentHost;
beforeEach(() => {
  host = new AgentHost();
});
afterEach(async () => {
  host.expectClean();
  await host[Symbol.asyncDispose]();
});

async function listeners(): Promise<number> {
  return ((await host.ask({ method: "GET", target: "/v1/status" })) as { listeners: number }).listeners;
}

/** The events that the agent still knows, until one of them is as `stop` says. */
async function until(stop: (event: AgentEvent) => boolean): Promise<AgentEvent[]> {
  const seen: AgentEvent[] = [];
  const end = new AbortController();
  const request = { method: "GET", target: "/v1/events?since=1970-01-01", signal: end.signal } as const;
  await askAgent(agentSocket(host.root), request, (line) => {
    const event = JSON.parse(line) as AgentEvent;
    seen.push(event);
    if (stop(event)) end.abort();
  }).catch((error: unknown) => {
    if (!end.signal.aborted) throw error;
  });
  return seen;
}

test("an agent whose state directory is gone ends", async () => {
  const agent = await host.startAgent();
  rmSync(host.root, { recursive: true });
  await agent.ended;
  expect(host.complaints).toEqual([`the agent ends: its state directory ${host.root} is gone`]);
  expect(existsSync(agentSocket(host.root))).toBe(false);
  mkdirSync(host.root);
});

test("one whose state directory was replaced ends, and leaves the socket to the agent of the new one", async () => {
  const first = await host.startAgent();
  renameSync(host.root, `${host.root}.old`);
  mkdirSync(host.root);
  const second = await host.startAgent();
  await first.ended;
  await second.netkit.networks.create({ name: "n" });
  expect(await host.ask({ method: "GET", target: "/v1/status" })).toMatchObject({ networks: second.status().networks });
  await second.netkit.networks.remove("n");
  rmSync(`${host.root}.old`, { recursive: true });
});

test("a socket that was taken away is there again, and streams of events go on", async () => {
  await host.startAgent();
  const netkit = await host.openLinked();
  const seen = until(({ action }) => action === "remove");
  await expect.poll(listeners).toBe(1);
  const path = agentSocket(host.root);
  rmSync(path);
  await expect.poll(() => existsSync(path), patient).toBe(true);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  await netkit.networks.create({ name: "n" });
  await netkit.networks.remove("n");
  expect((await seen).map(({ action }) => action)).toEqual(["start", "create", "remove"]);
  host.expectQuiet();
});

test("what is no socket in the place of the agent's is left alone, and named", async () => {
  const path = agentSocket(host.root);
  mkdirSync("/run/netkit", { recursive: true });
  writeFileSync(path, "somebody's");
  const refused = { code: "AGENT_UNAVAILABLE", message: expect.stringContaining(path) };
  await expect(host.startAgent()).rejects.toMatchObject({ ...refused, message: expect.stringContaining("a file") });
  expect(statSync(path).size).toBe(10);
  rmSync(path);
  mkdirSync(path);
  await expect(host.startAgent()).rejects.toMatchObject({
    ...refused,
    message: expect.stringContaining("a directory"),
  });
  rmSync(path, { recursive: true });
  await host.startAgent();
});

test("who stops reading the events is cut off, disturbs nobody, and gets the rest when it comes back", async () => {
  const { events } = await host.startAgent();
  const sleepy = connect(agentSocket(host.root)).pause();
  sleepy.on("error", () => {});
  sleepy.write("GET /v1/events HTTP/1.0\r\n\r\n");
  await expect.poll(listeners).toBe(1);
  const attributes = { long: "x".repeat(2_000) };
  const emit = (): void => events.emit({ type: "network", action: "create", id: "", name: "n", attributes });
  for (let count = 0; count < 900; count++) emit();
  expect(await listeners()).toBe(1);
  for (let count = 0; count < 2_000; count++) emit();
  expect(await listeners()).toBe(0);
  // Two megabytes, for who reads them.
  const all = await until(({ number }) => number === events.total);
  expect(all.length).toBeGreaterThan(1_000);
  expect(all.map(({ number }) => number)).toEqual(all.map((_, index) => (all[0]?.number ?? 0) + index));
  sleepy.destroy();
  host.expectQuiet();
});

test("on a full disk names are served, what can't be removed is told, and removed once there is room", async () => {
  using disk = new Disk(host.root);
  await host.startAgent();
  const netkit = await host.openLinked();
  await netkit.networks.create({ name: "n" });
  const web = await netkit.sandboxes.open({ name: "web", networks: ["n"] });
  const short = await netkit.sandboxes.open({ name: "short", networks: ["n"], autoRemove: true });
  const child = await short.start(["sleep", "600"], { stdio: "ignore", detached: true });
  disk.fill();
  child.kill("SIGKILL");
  const told = await until(({ type, action }) => type === "agent" && action === "degraded");
  expect(told.at(-1)?.attributes).toMatchObject({
    code: "STATE_UNWRITABLE",
    message: expect.stringContaining("the disk is full"),
    hint: expect.stringContaining(host.root),
  });
  expect(told.at(-2)).toMatchObject({ type: "sandbox", action: "die", name: "short" });
  expect(await lookUp(web, "short")).toEqual(await addressesOf(short));
  await expect(netkit.networks.create({ name: "m" })).rejects.toMatchObject({ code: "STATE_UNWRITABLE" });
  disk.remount("size=4096k");
  await until(({ type, action }) => type === "sandbox" && action === "remove");
  expect((await netkit.sandboxes.list()).map(({ name }) => name)).toEqual(["web"]);
  expect(await lookUp(web, "short")).toBeUndefined();
  expect((await netkit.doctor()).findings).toEqual([]);
  // Once, though it was tried each second.
  expect(host.complaints).toEqual([expect.stringContaining("the disk is full")]);
  await host.empty(netkit);
});

test("after a reboot an agent serves what is there, and holds on to nothing that went", async () => {
  const before = await host.startAgent();
  const linked = await host.openLinked();
  await linked.networks.create({ name: "n" });
  const publish = ["8080:80", "[::1]:9090:90"];
  const gone = await linked.sandboxes.open({ name: "gone", networks: [{ network: "n", publish }] });
  await gone.start(["true"], { stdio: "ignore" });
  expect(before.status()).toMatchObject({ nameServers: 1, reservedPorts: 2 });
  await before.close();
  host.sh("ip -o link show type bridge | cut -d: -f2 | xargs -rn1 ip link del; nft flush ruleset");
  host.sh(`umount /run/netns/${linked.instance.mark}.gone; rm /run/netns/${linked.instance.mark}.gone`);
  await age(host.root);

  const after = await host.startAgent();
  const netkit = await host.openLinked();
  expect(after.status()).toMatchObject({ sandboxes: 0, endpoints: 0, nameServers: 0, reservedPorts: 0 });
  const [a] = [
    await netkit.sandboxes.open({ name: "a", networks: [{ network: "n", publish }] }),
    await netkit.sandboxes.open({ name: "gone", networks: ["n"] }),
  ];
  expect(await lookUp(a, "gone")).toHaveLength(1);
  expect(after.status()).toMatchObject({ nameServers: 2, reservedPorts: 2 });
  await host.empty(netkit);
  host.expectQuiet();
});

/** A network with a sandbox `web` on it, and the instance that has them. */
async function withWeb(): Promise<Netkit> {
  await host.startAgent();
  const netkit = await host.openLinked();
  await netkit.networks.create({ name: "n", subnets: [{ subnet: "10.9.0.0/24" }] });
  await netkit.sandboxes.open({ name: "web", networks: [{ network: "n", ip: "10.9.0.9" }] });
  return netkit;
}

test("an engine's namespace that has gone isn't kept by what is open in it, nor are its links", async () => {
  await host.startAgent();
  const netkit = await host.openLinked();
  await netkit.networks.create({ name: "n" });
  const name = `nktest-${process.pid}`;
  execFileSync("ip", ["netns", "add", name]);
  execFileSync("ip", ["-n", name, "link", "set", "lo", "up"]);
  const [network] = [(await netkit.networks.get("n")).id];
  await netkit.sandboxes.open({ name: "theirs", netns: `/run/netns/${name}`, networks: [network] });
  const links = (): string => host.sh("ip -brief link show type veth");
  await expect
    .poll(async () => await host.ask({ method: "GET", target: "/v1/status" }), patient)
    .toMatchObject({ nameServers: 1 });
  expect(links()).not.toBe("");
  execFileSync("ip", ["netns", "del", name]);
  await expect.poll(links, patient).toBe("");
  expect((await netkit.gc()).map(({ object }) => object)).toContain("sandbox theirs");
  await netkit.networks.remove("n");
});

test("a server that never answers holds up nobody's names", async () => {
  const netkit = await withWeb();
  const silent = createSocket("udp4").bind(53, "10.9.0.1");
  await once(silent, "listening");
  const busy = await netkit.sandboxes.open({ name: "busy", networks: ["n"], dns: { servers: ["10.9.0.1"] } });
  let queries = 0;
  silent.on("message", () => queries++);
  // A thousand of its own, which it isn't answered.
  const flood = `import socket; s = socket.socket(2, 2)
for i in range(1000): s.sendto(b"\\0\\1\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0" + bytes([5]) + b"n%04d" % i + b"\\0\\0\\1\\0\\1", ("127.0.0.11", 53))`;
  await attempt(busy, `python3 -c '${flood}'`);
  await expect.poll(() => queries).toBeGreaterThan(50);
  const start = performance.now();
  expect(await lookUp(busy, "web", "ahostsv4")).toEqual(["10.9.0.9"]);
  const other = await netkit.sandboxes.get("web");
  expect(await lookUp(other, "busy", "ahostsv4")).toEqual(await addressesOf(busy));
  expect(performance.now() - start).toBeLessThan(2_000);
  expect(String(await host.ask({ method: "GET", target: "/v1/metrics" }))).toMatch(/^netkit_dns_refused_total [1-9]/m);
  silent.close();
  await host.empty(netkit);
  host.expectQuiet();
});

test("10,000 connections to the resolver leave it answering, and few are kept", async () => {
  const netkit = await withWeb();
  const web = await netkit.sandboxes.get("web");
  const program = `import resource, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (20000, 20000))
kept = [socket.create_connection(("127.0.0.11", 53)) for _ in range(10000)]
print("up", flush=True); sys.stdin.read()`;
  const crowd = await web.run(["python3", "-c", program], { stdio: "pipe" });
  await once(crowd.stdout ?? process.stdin, "data");
  expect(await lookUp(web, "web.n", "ahostsv4")).toEqual(["10.9.0.9"]);
  const kept = async (): Promise<number> => {
    const metrics = String(await host.ask({ method: "GET", target: "/v1/metrics" }));
    return Number(/^netkit_dns_connections (\d+)$/m.exec(metrics)?.[1]);
  };
  // One that makes room counts until it is closed.
  await expect.poll(kept).toBeLessThanOrEqual(64);
  crowd.kill("SIGKILL");
  await crowd.exited;
  await host.empty(netkit);
  host.expectQuiet();
});
