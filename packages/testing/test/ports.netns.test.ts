// Published ports on one host: which one a request gets, whose it is, and who reaches it.
import { createServer, type Server } from "node:net";
import { once } from "node:events";
import { afterEach, describe, expect, test } from "vitest";
import type { PublishedPort } from "@netkit/core";
import type { Netkit, SandboxDetails, SandboxHandle, SandboxRequest } from "@netkit/engine";
import { onHosts, TestHost } from "./host.ts";

let host: TestHost;
let netkit: Netkit;
const held: AsyncDisposable[] = [];
onHosts(async (given) => {
  ({ host, netkit } = given);
  await netkit.networks.create({
    name: "n",
    ipv6: true,
    subnets: [{ subnet: "10.9.0.0/24" }, { subnet: "fd09::/64" }],
  });
});
afterEach(async () => {
  for (const one of held.splice(0)) await one[Symbol.asyncDispose]();
});

const open = async (...publish: string[]): Promise<SandboxHandle> =>
  await netkit.sandboxes.open({ networks: [{ network: "n", publish }] });
const onBoth = (first: string, second: string): SandboxRequest => ({
  networks: [
    { network: "n", publish: [first] },
    { network: "o", publish: [second] },
  ],
});
const portsOf = async (sandbox: SandboxHandle): Promise<readonly PublishedPort[]> =>
  (await sandbox.inspect()).endpoints[0]?.ports ?? [];
const hostPortsOf = async (sandbox: SandboxHandle): Promise<number[]> => hostPorts(await sandbox.inspect());
const hostPorts = ({ endpoints }: SandboxDetails): number[] =>
  endpoints.flatMap(({ ports }) => ports.map(({ hostPort }) => hostPort.first));

/** A process of the host that has a port. */
async function occupy(port: number, address?: string): Promise<void> {
  const server: Server = createServer().listen(port, address);
  await once(server, "listening");
  held.push({ [Symbol.asyncDispose]: async () => void (await once(server.close(), "close")) });
}

/** A server in the sandbox that answers with `text`. */
async function serve(sandbox: SandboxHandle, port: number, text: string): Promise<void> {
  const program = `require("node:http").createServer((_, response) => response.end("${text}")).listen(${port}, () => console.log("up"))`;
  const child = await sandbox.run([process.execPath, "-e", program], { stdio: "pipe" });
  held.push({
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await child.exited;
    },
  });
  if (child.stdout !== null) await once(child.stdout, "data");
}

/** What a set or map of netkit's table holds. */
function nft(what: string): string {
  const [kind, name] = what.split(" ");
  return host.sh(`nft list ${kind} inet ${netkit.instance.mark} ${name}`);
}

const get = (address: string): string => host.sh(`curl -sf -m 3 http://${address}/ || echo nobody`);

/** A server that answers each datagram with `text`, and a question from a port that stays. */
const echo = (text: string): string =>
  `const s = require("node:dgram").createSocket("udp4").on("message", (_, from) => s.send("${text}", from.port, from.address)).bind(80, () => console.log("up"))`;
const ask = (): string =>
  host.sh(
    `${process.execPath} -e 'const s = require("node:dgram").createSocket("udp4").on("message", (m) => { console.log(String(m)); s.close(); }).bind(5555, () => s.send("x", 8080, "10.9.0.1")); setTimeout(() => { console.log("nobody"); process.exit(); }, 1000).unref()'`,
  );

/** The kernel gives links their own addresses and routes a while after they have a carrier. */
async function linksAreUp(): Promise<void> {
  const links = host.sh("ip -o link show | grep -c -v ' lo:'");
  const ready = (): string => host.sh("ip -o -6 address show -tentative scope link | wc -l");
  await expect.poll(ready, { interval: 20, timeout: 10_000 }).toBe(links);
}

/** Everything that a request could leave: the ruleset, the links and what is stored. */
async function everything(): Promise<string> {
  await linksAreUp();
  const stored = (await netkit.sandboxes.list()).map(({ name, endpoints }) => [name, endpoints]);
  return `${host.traces()}\n${JSON.stringify(stored)}`;
}

describe("which port", () => {
  test("a host range for one port gives the first that is free of sandboxes and of the host's processes", async () => {
    await occupy(8081, "127.0.0.1");
    const sandboxes = [];
    for (let count = 0; count < 3; count++) sandboxes.push(await open("8080-8083:80"));
    expect(await Promise.all(sandboxes.map(hostPortsOf))).toEqual([[8080], [8082], [8083]]);
    const before = await everything();
    await expect(open("8080-8083:80")).rejects.toMatchObject({ code: "POOL_EXHAUSTED" });
    expect(await everything()).toBe(before);
    await sandboxes[1]?.close();
    expect(await hostPortsOf(await open("8080-8083:80"))).toEqual([8082]);
  });

  test("no host port gives one of the kernel's ephemeral ones, without the reserved ones, and none twice", async () => {
    host.sh("sysctl -qw net.ipv4.ip_local_port_range='40000 40003' net.ipv4.ip_local_reserved_ports=40001");
    const [box] = [await open("80", "127.0.0.1::81"), await open("80")];
    const found = [...(await hostPortsOf(box)), ...(await netkit.sandboxes.list()).slice(1).flatMap(hostPorts)];
    expect(new Set(found)).toEqual(new Set([40_000, 40_002, 40_003]));
    expect(found).toHaveLength(3);
    await expect(open("80")).rejects.toMatchObject({ code: "POOL_EXHAUSTED" });
    expect(await hostPortsOf(await open("80/udp"))).not.toContain(40_001);
  });

  test("an ephemeral port leaves those alone that the same request names, on any address", async () => {
    host.sh("sysctl -qw net.ipv4.ip_local_port_range='40000 40003'");
    const ports = await portsOf(await open("80", "127.0.0.1::81", "127.0.0.1:40000:82", "0.0.0.0:40002-40002:83"));
    expect(ports.map(({ port }) => port.first)).toEqual([80, 81, 82, 83]);
    const [first = 0, second = 0, ...named] = ports.map(({ hostPort }) => hostPort.first);
    expect(new Set([first, second])).toEqual(new Set([40_001, 40_003]));
    expect(named).toEqual([40_000, 40_002]);
  });

  test("a range without a host range gets as many ephemeral ones in a row", async () => {
    host.sh("sysctl -qw net.ipv4.ip_local_port_range='40000 40009'");
    await occupy(40_004);
    const [port] = await portsOf(await open("80-84"));
    expect(port).toMatchObject({ hostPort: { first: 40_005, last: 40_009 }, port: { first: 80, last: 84 } });
  });
});

describe("whose port", () => {
  test("the addresses of the loopback are one port each, and everywhere is all of them", async () => {
    const [one, two] = [await open("127.0.0.1:8080:80"), await open("127.0.0.2:8080:80")];
    await serve(one, 80, "one");
    await serve(two, 80, "two");
    expect([get("127.0.0.1:8080"), get("127.0.0.2:8080"), get("127.0.0.3:8080")]).toEqual(["one", "two", "nobody"]);
    for (const spec of ["8080:80", "0.0.0.0:8080:80", "127.0.0.2:8080:81", "8000-8999:8000-8999"])
      await expect(open(spec)).rejects.toMatchObject({ code: "PORT_TAKEN" });
    await one.close();
    await expect(open("8080:80")).rejects.toMatchObject({ code: "PORT_TAKEN" });
    expect(get("127.0.0.2:8080")).toBe("two");
    await two.close();
    await open("8080:80");
  });

  test("no address is the same port of both families; 0.0.0.0 and :: are one family each", async () => {
    const [both, v4, v6] = [await open("8080:80"), await open("0.0.0.0:8081:80"), await open("[::]:8081:80")];
    for (const [sandbox, text] of [
      [both, "both"],
      [v4, "v4"],
      [v6, "v6"],
    ] as const)
      await serve(sandbox, 80, text);
    expect([get("127.0.0.1:8080"), get("[fd09::1]:8080")]).toEqual(["both", "both"]);
    expect([get("127.0.0.1:8081"), get("[fd09::1]:8081")]).toEqual(["v4", "v6"]);
    const [ephemeral] = await portsOf(await open("80"));
    expect(nft("map any6")).toContain(`tcp . ${ephemeral?.hostPort.first} `);
    expect(nft("map any4")).toContain(`tcp . ${ephemeral?.hostPort.first} `);
  });

  test("tcp, udp and sctp have ports of their own", async () => {
    const [port, udp, sctp] = await portsOf(await open("8080:80", "8080:80/udp", "8080:80/sctp"));
    expect([port?.protocol, udp?.protocol, sctp?.protocol]).toEqual(["tcp", "udp", "sctp"]);
    await expect(open("8000-9000:8000-9000/sctp")).rejects.toMatchObject({ code: "PORT_TAKEN" });
    expect(nft("map any4")).toMatch(/sctp \. 8080/);
    expect((await netkit.doctor()).findings).toEqual([]);
  });

  test.each([
    ["a single port within a range", "8000-8999:8000-8999", "8500:80"],
    ["the first port of a range", "8000-8999:8000-8999", "8000:80"],
    ["a range around a single port", "8500:80", "8000-8999:8000-8999"],
    ["the last port of a range, shifted", "8500:80", "8300-8500:100-300"],
    ["two ranges with one port in common", "8000-8500:8000-8500", "8500-9000:8500-9000"],
    ["a range within a range", "1024-65535:1024-65535", "8000-8001:80-81"],
    ["a range everywhere and a port of one address", "8000-8999:8000-8999", "127.0.0.1:8500:80"],
    ["a port with a filter", "8500:80,from=10.0.0.0/8", "8500:80,from=192.0.2.0/24"],
  ])("%s: refused by name, here and in another root, and nothing is left", async (_, mine, theirs) => {
    const web = await netkit.sandboxes.open({ name: "web", networks: [{ network: "n", publish: [mine] }] });
    const before = await everything();
    await expect(open("7000:80", theirs)).rejects.toMatchObject({
      code: "PORT_TAKEN",
      message: expect.stringContaining("'web'"),
    });
    expect(await everything()).toBe(before);

    using root = new TestHost.Root();
    const second = await host.open({ root: root.path });
    await second.networks.create({ name: "m" });
    const wish = { networks: [{ network: "m", publish: [theirs] }] };
    await expect(second.sandboxes.open(wish)).rejects.toMatchObject({
      code: "PORT_TAKEN",
      message: expect.stringContaining(host.root),
    });
    await web.close();
    await (await second.sandboxes.open(wish)).close();
    await second.networks.remove("m");
    await second.close();
  });

  test("a sandbox publishes on two networks at once, and what another root has of either is refused", async () => {
    await netkit.networks.create({ name: "o" });
    const web = await netkit.sandboxes.open(onBoth("[::]:8080:80", "0.0.0.0:8080:80"));
    expect(hostPorts(await web.inspect())).toEqual([8080, 8080]);
    using root = new TestHost.Root();
    const second = await host.open({ root: root.path });
    for (const name of ["n", "o"]) await second.networks.create({ name });
    for (const wish of [onBoth("8080:80", "81:81"), onBoth("81:81", "8080:80")])
      await expect(second.sandboxes.open(wish)).rejects.toMatchObject({ code: "PORT_TAKEN" });
    for (const name of ["n", "o"]) await second.networks.remove(name);
    await second.close();
    await web.close();
  });

  test("a port on a routed network is nobody's on the host, here and in another root", async () => {
    const web = await netkit.sandboxes.open({ networks: [{ network: "n", publish: ["80:80", "90-99:90-99"] }] });
    await occupy(81, "0.0.0.0");
    using root = new TestHost.Root();
    const second = await host.open({ root: root.path });
    for (const one of [netkit, second]) {
      await one.networks.create({ name: "r", options: { "gateway-mode-ipv4": "routed" } });
      const box = await one.sandboxes.open({ networks: [{ network: "r", publish: ["80", "81"] }] });
      await box.publish("r", ["90-99", "100"]);
    }
    // Nor in anybody's way.
    await (await second.sandboxes.open({ networks: [{ network: "r", publish: ["80"] }] })).close();
    await web.publish("n", ["100:100"]);
    for (const one of [netkit, second]) expect((await one.doctor()).findings).toEqual([]);
    for (const sandbox of await second.sandboxes.list()) await second.sandboxes.remove(sandbox.id, { force: true });
    await second.networks.remove("r");
    await second.close();
  });

  test.each(["8080:80", "8080-8081:80-81", "8000-8999:8000-8999", "9000:90,from=10.0.0.0/8"])(
    "%s of a process of the host: refused, and nothing is left",
    async (spec) => {
      await occupy(spec.startsWith("9") ? 9000 : 8080, "127.0.0.1");
      const box = await open();
      const before = await everything();
      await expect(box.publish("n", ["7000:80", spec])).rejects.toMatchObject({
        code: "PORT_TAKEN",
        message: expect.stringMatching(/host port (8080|9000)\/tcp is in use by a process/),
      });
      await expect(open(spec)).rejects.toMatchObject({ code: "PORT_TAKEN" });
      expect(await everything()).toBe(before);
      for (const one of held.splice(0)) await one[Symbol.asyncDispose]();
      await box.publish("n", ["7000:80", spec]);
    },
  );

  test("one of several ports of an endpoint goes alone, whatever it shares with the others", async () => {
    const specs = [
      "127.0.0.1:8080:80",
      "127.0.0.2:8080:80",
      "127.0.0.1:9000-9400:9000-9400",
      "127.0.0.2:9000-9100:80-180",
    ];
    const box = await open(...specs);
    await box.unpublish("n", ["127.0.0.1:8080:80", "127.0.0.1:9000-9400:9000-9400"]);
    await open("127.0.0.1:8080:80", "127.0.0.1:9000-9400:9000-9400");
    for (const spec of ["127.0.0.2:8080:80", "127.0.0.2:9050:80"])
      await expect(open(spec)).rejects.toMatchObject({ code: "PORT_TAKEN" });
    expect((await netkit.doctor()).findings).toEqual([]);
  });
});

describe("who reaches it", () => {
  test("a filter holds for single ports and ranges, is planned in the families that it names, and goes with the port", async () => {
    const box = await open("8080:80,from=10.0.0.0/8", "8090-8099:80-89,from=fd00::/8,from=fd09::/64");
    await serve(box, 80, "box");
    expect((await portsOf(box)).map(({ from }) => from)).toEqual([["10.0.0.0/8"], ["fd00::/8"]]);
    // The host itself always gets through.
    expect([get("127.0.0.1:8080"), get("[fd09::1]:8090")]).toEqual(["box", "box"]);
    expect([get("[fd09::1]:8080"), get("127.0.0.1:8090")]).toEqual(["nobody", "nobody"]);
    const neighbour = await netkit.sandboxes.open({ networks: ["n"] });
    const ask = async (address: string): Promise<number | null> =>
      (await (await neighbour.run(["curl", "-sf", "-m", "1", "-o", "/dev/null", `http://${address}/`])).exited).code;
    expect([await ask("10.9.0.1:8080"), await ask("[fd09::1]:8090")]).toEqual([0, 0]);
    await box.unpublish("n", ["8080:80"]);
    await box.publish("n", ["8080:80,from=192.0.2.0/24"]);
    expect(await ask("10.9.0.1:8080")).not.toBe(0);
    expect(get("127.0.0.1:8080")).toBe("box");
    expect((await netkit.doctor()).findings).toEqual([]);
    await box.unpublish("n", ["8080:80", "8090-8099:80-89"]);
    expect(nft("set allowed4") + nft("set limited6")).not.toContain("elements");
  });

  test("a filter that lets nobody in is refused with what would", async () => {
    await netkit.networks.create({ name: "v4", subnets: [{ subnet: "10.10.0.0/24" }] });
    await expect(
      netkit.sandboxes.open({ networks: [{ network: "v4", publish: ["80:80,from=fd00::/8"] }] }),
    ).rejects.toMatchObject({ code: "UNSUPPORTED", message: expect.stringContaining("no IPv6 addresses") });
    await netkit.networks.create({ name: "local", options: { "host-address": "127.0.0.1" } });
    await expect(
      netkit.sandboxes.open({ networks: [{ network: "local", publish: ["80:80,from=fd00::/8"] }] }),
    ).rejects.toMatchObject({ code: "PORT_INVALID", message: expect.stringContaining("nobody from fd00::/8") });
  });

  test("a thousand ports in one request, as a range, shifted, and one by one, come, are whole and go", async () => {
    const singles = Array.from({ length: 1000 }, (_, index) => `${30_000 + index}:${4000 + index}`);
    const box = await open("20000-20999:20000-20999", "21000-21999:1-1000", ...singles);
    expect(nft("map span4").match(/20000-20999/g)).toHaveLength(1);
    await serve(box, 4999, "last");
    await serve(box, 1000, "shifted");
    expect([get("127.0.0.1:30999"), get("[fd09::1]:21999")]).toEqual(["last", "shifted"]);
    expect((await netkit.doctor()).findings).toEqual([]);
    for (const port of [20_000, 20_999, 21_500, 30_500])
      await expect(open(`${port}:80`)).rejects.toMatchObject({ code: "PORT_TAKEN" });
    await box.unpublish("n", ["20000-20999:20000-20999", "21000-21999:1-1000", ...singles]);
    expect(await portsOf(box)).toEqual([]);
    await open("20000-31000:20000-31000");
  });

  test("a UDP sender that never pauses follows its port to another sandbox", async () => {
    const [one, two] = [await open("8080:80/udp"), await open()];
    for (const [sandbox, text] of [
      [one, "one"],
      [two, "two"],
    ] as const) {
      const child = await sandbox.run([process.execPath, "-e", echo(text)], { stdio: "pipe" });
      held.push({ [Symbol.asyncDispose]: async () => void (child.kill("SIGKILL"), await child.exited) });
      if (child.stdout !== null) await once(child.stdout, "data");
    }
    expect(ask()).toBe("one");
    await one.unpublish("n", ["8080:80/udp"]);
    await two.publish("n", ["8080:80/udp"]);
    expect(ask()).toBe("two");
  });
});
