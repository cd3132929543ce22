// Ports of [::1]: no NAT can serve them, so the agent does, for processes of the host.
import { execFile } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import type { Netkit, SandboxHandle } from "@netkit/engine";
import { afterEach, expect, test } from "vitest";
import { addressesOf, onAgentHosts, type AgentHost } from "./agent-host.ts";

let host: AgentHost;
let netkit: Netkit;
const servers: AsyncDisposable[] = [];
onAgentHosts(async (given) => {
  ({ host, netkit } = given);
  await netkit.networks.create({ name: "n", ipv6: true });
  await netkit.networks.create({ name: "ipv4" });
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server[Symbol.asyncDispose]();
});

/** Answers by UDP and TCP on port 80 with a text and who has asked. */
const service = `
const answer = (from) => process.argv[1] + " " + from;
const udp = require("node:dgram").createSocket("udp6");
udp.on("message", (_, { address, port }) => udp.send(answer(address), port, address)).bind(80, () =>
  require("node:net").createServer((s) => s.on("error", () => {}).end(answer(s.remoteAddress))).listen(80, () => console.log("up")));`;

async function serve(sandbox: SandboxHandle): Promise<void> {
  const child = await sandbox.run([process.execPath, "-e", service, (await sandbox.inspect()).name], { stdio: "pipe" });
  servers.push({
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.exited;
    },
  });
  if (child.stdout !== null) await once(child.stdout, "data");
}

/** Who answers on the host, and from which address: by another process, for this one passes it on. */
async function ask(protocol: "tcp" | "udp", port: number, { address = "::1", waitS = 3 } = {}): Promise<string> {
  const udp = `s = socket.socket(10, 2); s.settimeout(${waitS}); s.sendto(b"x", ("${address}", ${port})); d, a = s.recvfrom(99)`;
  const tcp = `s = socket.create_connection(("${address}", ${port}), ${waitS}); d = s.recv(99); a = s.getpeername()`;
  const program = `import socket; ${protocol === "udp" ? udp : tcp}; print(d.decode(), a[0], a[1])`;
  const words = ["netns", "exec", host.name, "python3", "-c", program];
  const outcome = promisify(execFile)("ip", words).catch(() => ({ stdout: "nobody" }));
  return (await outcome).stdout.trim();
}

async function gatewayOf(sandbox: SandboxHandle, family: "." | ":"): Promise<string> {
  const [endpoint] = (await sandbox.inspect()).endpoints;
  return endpoint?.addresses.find(({ address }) => address.includes(family))?.gateway ?? "";
}

test("a port of ::1 is the host's alone, by TCP and UDP, to endpoints of either family", async () => {
  const publish = ["[::1]:8080:80", "[::1]:8080:80/udp"];
  const web = await netkit.sandboxes.open({ name: "web", networks: [{ network: "n", publish }] });
  const old = await netkit.sandboxes.open({
    name: "old",
    networks: [{ network: "ipv4", publish: ["[::1]:9000-9001:80-81", "[::1]:9000:80/udp"] }],
  });
  await serve(web);
  await serve(old);
  for (const protocol of ["tcp", "udp"] as const) {
    expect(await ask(protocol, 8080)).toBe(`web ${await gatewayOf(web, ":")} ::1 8080`);
    expect(await ask(protocol, 9000)).toBe(`old ::ffff:${await gatewayOf(old, ".")} ::1 9000`);
  }
  expect(await ask("tcp", 8080, { address: await gatewayOf(web, ":"), waitS: 0.5 })).toBe("nobody");
  expect(host.sh(`nft list table inet ${netkit.instance.mark}`)).not.toMatch(/8080|9000/);
  expect(host.sh("ss -Hlnt 'sport = :8080'")).toMatch(/^LISTEN \S+ +\S+ +\[::1\]:8080/);
  // Other addresses are other ports.
  await web.publish("n", ["127.0.0.1:8080:80", "127.0.0.1:8080:80/udp"]);
  expect((await netkit.doctor()).findings).toEqual([]);

  await web.unpublish("n", publish);
  for (const protocol of ["tcp", "udp"] as const) expect(await ask(protocol, 8080, { waitS: 0.5 })).toBe("nobody");
  await old.publish("ipv4", ["[::1]:8080:80/udp"]);
  expect(await ask("udp", 8080)).toBe(`old ::ffff:${await gatewayOf(old, ".")} ::1 8080`);
});

test("UDP to ::1 gets to a port that is published everywhere, or on all of IPv6, and nobody else can have it", async () => {
  const publish = ["5353:80/udp", "[::]:5454:80/udp", "0.0.0.0:5555:80/udp"];
  const web = await netkit.sandboxes.open({ name: "web", networks: [{ network: "n", publish }] });
  await serve(web);
  const gateway = await gatewayOf(web, ":");
  for (const port of [5353, 5454]) expect(await ask("udp", port)).toBe(`web ${gateway} ::1 ${port}`);
  expect(await ask("udp", 5555, { waitS: 0.5 })).toBe("nobody");
  // One that is bound to another address of the host, as a resolver's outgoing socket may be.
  const bound = `import socket; s = socket.socket(10, 2); s.settimeout(3); s.bind(("${gateway}", 0)); s.sendto(b"x", ("::1", 5353)); print(s.recvfrom(99)[1][0])`;
  expect((await promisify(execFile)("ip", ["netns", "exec", host.name, "python3", "-c", bound])).stdout.trim()).toBe(
    "::1",
  );
  const taking = `import socket
for family, address in (10, "::"), (10, "::1"), (2, "0.0.0.0"):
    for option in socket.SO_REUSEADDR, socket.SO_REUSEPORT:
        try: s = socket.socket(family, 2); s.setsockopt(1, option, 1); s.bind((address, 5353)); print(address, option)
        except OSError: pass`;
  expect(host.sh(`python3 -c '${taking}'`)).toBe("");
});

test("what nobody would serve is refused; a port that was taken meanwhile is told", async () => {
  const unlinked = await host.open();
  for (const [instance, port, why] of [
    [unlinked, "[::1]:8080:80", "no agent"],
    [netkit, "[::1]:8080:80/sctp", "TCP and UDP alone"],
  ] as const) {
    await expect(instance.sandboxes.open({ networks: [{ network: "n", publish: [port] }] })).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringContaining(why),
    });
  }
  await netkit.sandboxes.open({ name: "web", networks: [{ network: "n", publish: ["[::1]:8080:80/udp"] }] });
  await host.ask({ method: "POST", target: "/v1/stop" });
  await expect
    .poll(async () => await host.ask({ method: "GET", target: "/v1/status" }).catch(() => "nobody"))
    .toBe("nobody");
  const holder = `import socket; s = socket.socket(10, 2); s.bind(("::1", 8080)); print("up", flush=True); input()`;
  const child = execFile("ip", ["netns", "exec", host.name, "python3", "-c", holder]);
  await once(child.stdout ?? child, "data");
  const agent = await host.startAgent();
  await new Promise((resolve) => setImmediate(resolve));
  expect(agent.status().reservedPorts).toBe(0);
  child.stdin?.end();
  await once(child, "exit");
  await expect.poll(() => agent.status().reservedPorts, { timeout: 10_000 }).toBe(1);
  // Told once, however often it was tried.
  expect(host.complaints.splice(0)).toEqual([expect.stringMatching(/\[::1\]:8080\/udp of web@n .* EADDRINUSE/)]);
  expect(await addressesOf(await netkit.sandboxes.get("web"))).toHaveLength(2);
});
