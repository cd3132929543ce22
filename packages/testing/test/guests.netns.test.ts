import { execFile, execFileSync, spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { EndpointRequest, GuestRequest, Netkit } from "@netkit/engine";
import { describe, expect, test } from "vitest";
import { onAgentHosts, type AgentHost } from "./agent-host.ts";
import { onHosts, type TestHost } from "./host.ts";
import { output } from "./output.ts";

/** A process in a network namespace that others have made, as an engine's container is. */
class Running implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly pid: number;

  private constructor(child: ChildProcess) {
    this.child = child;
    this.pid = child.pid ?? 0;
  }

  /** @param script runs before it waits for its end */
  static async start(script = ""): Promise<Running> {
    return await Running.#of("unshare", ["--net", "sh", "-ec", `ip link set lo up; ${script}\necho; exec sleep 1000`]);
  }

  /** Another one, in the same namespace. */
  async beside(): Promise<Running> {
    return await Running.#of("nsenter", [`--net=${this.path}`, "sh", "-c", "echo; exec sleep 1000"]);
  }

  static async #of(program: string, words: readonly string[]): Promise<Running> {
    const running = new Running(spawn(program, words, { stdio: ["ignore", "pipe", "inherit"] }));
    const { stdout } = running.child;
    if (stdout === null) throw new Error("it has no stdout");
    await once(stdout, "data");
    return running;
  }

  get path(): string {
    return `/proc/${this.pid}/ns/net`;
  }

  get guest(): GuestRequest {
    return { name: "shop", place: { pid: this.pid }, aliases: ["0123456789ab"], labels: { from: "here" } };
  }

  /** A shell command inside; its output. */
  sh(command: string): string {
    return execFileSync("nsenter", [`--net=${this.path}`, "sh", "-c", command], { encoding: "utf8" }).trim();
  }

  get isAlive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  async end(): Promise<void> {
    if (!this.isAlive) return;
    const exited = once(this.child, "exit");
    this.child.kill("SIGKILL");
    await exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }
}

/** A named namespace that others have made. */
class Named implements Disposable {
  readonly name: string = `nktest-${randomBytes(3).toString("hex")}`;
  readonly path: string = `/run/netns/${this.name}`;
  readonly guest: GuestRequest = { name: "named", place: { netns: this.path } };

  constructor() {
    execFileSync("ip", ["netns", "add", this.name]);
    execFileSync("ip", ["-n", this.name, "link", "set", "lo", "up"]);
  }

  delete(): void {
    execFileSync("ip", ["netns", "del", this.name]);
  }

  [Symbol.dispose](): void {
    if (existsSync(this.path)) this.delete();
  }
}

/** Another network of the engine's own, that leads out. */
const otherNetwork =
  "ip link add eth0 type dummy 2>/dev/null || ip link add eth0 type bridge; ip address add 10.99.0.2/24 dev eth0; ip link set eth0 up; ip route add default via 10.99.0.1";
const published: EndpointRequest = { network: "n", publish: ["8080:80"], aliases: ["www"] };

describe("without an agent", () => {
  let host: TestHost;
  let netkit: Netkit;
  onHosts((given) => ({ host, netkit } = given));

  const problems = async (): Promise<string[]> => (await netkit.doctor()).findings.map(({ message }) => message);
  const names = async (): Promise<string[]> => (await netkit.sandboxes.list()).map(({ name }) => name);
  const everything = async (): Promise<unknown> => [
    host.traces(),
    await netkit.sandboxes.list(),
    await netkit.networks.inspect("n"),
  ];

  test("what runs in a namespace of its own gets interfaces while it runs, and loses them again", async () => {
    await using running = await Running.start(otherNetwork);
    await netkit.networks.create({ name: "n", ipv6: true });
    await netkit.networks.create({ name: "m" });
    const box = await netkit.sandboxes.open({ name: "box", networks: ["n"] });
    const before = running.sh("ip -o address; ip route; ip rule; sysctl -a -r '^net.ipv[46].conf' 2>/dev/null");

    const endpoint = await netkit.sandboxes.join(running.guest, published);
    expect(endpoint).toMatchObject({ ifName: "nk0", defaultRoute: ["ipv6"], aliases: ["www", "0123456789ab"] });
    for (const { address } of endpoint.addresses) await output(box, `ping -c 1 -W 2 ${address.split("/")[0]}`);
    for (const { address } of (await box.inspect()).endpoints[0]?.addresses ?? [])
      running.sh(`ping -c 1 -W 2 ${address.split("/")[0]}`);
    expect(running.sh("ip -4 route show default")).toContain("via 10.99.0.1 dev eth0");
    expect(running.sh("ip rule")).toContain("1070:");
    const second = await netkit.sandboxes.join(running.guest, { network: "m", ifName: "other" });
    expect(second.sandbox).toBe(endpoint.sandbox);
    const shop = await netkit.sandboxes.get("shop");
    expect(await shop.inspect()).toMatchObject({
      state: "running",
      guest: true,
      names: false,
      labels: { from: "here" },
      process: { pid: running.pid },
    });
    expect((await netkit.sandboxes.at({ netns: running.path }))?.id).toBe(shop.id);
    expect(existsSync(join(host.root, "files"))).toBe(false);
    expect(await problems()).toEqual([]);
    await expect(netkit.sandboxes.join(running.guest, published)).rejects.toMatchObject({ code: "ENDPOINT_EXISTS" });

    await shop.disconnect("n");
    expect(await names()).toEqual(["box", "shop"]);
    await shop.disconnect("m");
    expect(await names()).toEqual(["box"]);
    expect(await netkit.sandboxes.at({ pid: running.pid })).toBeUndefined();
    expect(running.sh("ip -o address; ip route; ip rule; sysctl -a -r '^net.ipv[46].conf' 2>/dev/null")).toBe(before);
    expect(running.isAlive).toBe(true);
    expect(await problems()).toEqual([]);
  });

  test("nothing is left of a guest whose process has ended, in what else lives in its namespace neither", async () => {
    await using running = await Running.start(otherNetwork);
    await using other = await running.beside();
    await netkit.networks.create({ name: "n" });
    await netkit.sandboxes.join(running.guest, published);
    const before = other.sh("ip link show dev nk0");
    expect(before).toContain("nk0");
    await running.end();
    expect((await netkit.doctor()).findings).toMatchObject([{ problem: "ended", object: "sandbox shop" }]);
    const next = await host.open();
    expect(await next.sandboxes.list()).toEqual([]);
    expect(other.sh("ip -o link; ip rule")).not.toMatch(/nk0|1070:/);
    expect(other.isAlive).toBe(true);
    expect(host.sh("nft list ruleset")).not.toContain("8080");
  });

  test("nothing is left of a guest whose namespace is gone with its process", async () => {
    await using running = await Running.start(otherNetwork);
    await netkit.networks.create({ name: "n" });
    await netkit.sandboxes.join(running.guest, published);
    await running.end();
    const next = await host.open();
    expect(await next.sandboxes.list()).toEqual([]);
    expect(host.sh("nft list ruleset")).not.toContain("8080");
    expect(await problems()).toEqual([]);
  });

  test("a namespace that somebody removes by hand is found by doctor and gc, and is another one at the same path", async () => {
    using named = new Named();
    await netkit.networks.create({ name: "n" });
    expect(await netkit.sandboxes.join(named.guest, published)).toMatchObject({
      ifName: "nk0",
      defaultRoute: ["ipv4"],
    });
    expect((await netkit.sandboxes.list())[0]).toMatchObject({ name: "named", state: "idle" });
    expect(await problems()).toEqual([]);
    named.delete();
    expect((await netkit.doctor()).findings).toMatchObject([{ problem: "gone", object: "sandbox named" }]);
    execFileSync("ip", ["netns", "add", named.name]);
    const again = await netkit.sandboxes.join(named.guest, { network: "n" });
    expect(again).toMatchObject({ aliases: ["named"] });
    expect(await names()).toEqual(["named", "named-2"]);
    expect(await netkit.gc()).toMatchObject([{ problem: "gone", object: "sandbox named" }]);
    expect(await names()).toEqual(["named-2"]);
    expect(host.sh(`ip -n ${named.name} -o -4 address show dev nk0`)).toContain(again.addresses[0]?.address);
    expect(await problems()).toEqual([]);
  });

  test("a sandbox that is there already is connected, whoever has made it; another engine's is refused", async () => {
    await using running = await Running.start();
    using named = new Named();
    await netkit.networks.create({ name: "n" });
    await netkit.networks.create({ name: "m" });
    const own = await netkit.sandboxes.open({ name: "own" });
    const child = await own.start(["sleep", "1000"], { stdio: "ignore" });
    const place = { pid: child.pid };
    expect(await netkit.sandboxes.join({ name: "x", place }, { network: "n" })).toMatchObject({
      sandbox: own.id,
      ifName: "eth0",
      aliases: [],
    });
    await own.disconnect("n");
    expect(await names()).toEqual(["own"]);

    const adopted = await netkit.sandboxes.open({ name: "adopted", pid: running.pid });
    expect(await netkit.sandboxes.join(running.guest, { network: "n" })).toMatchObject({ sandbox: adopted.id });

    const networks = [{ network: "n", handedOver: true }];
    await netkit.sandboxes.open({ name: "docker-web", netns: named.path, awaited: true, networks });
    const before = await everything();
    await expect(netkit.sandboxes.join(named.guest, { network: "m" })).rejects.toMatchObject({
      code: "NAMESPACE_ADOPTED",
      message: expect.stringContaining("'docker-web', which Docker connects"),
      hint: "Have it do that: 'docker network connect' to a network made with -o netkit.network=m",
    });
    await expect(netkit.sandboxes.join(named.guest, { network: "bridge" })).rejects.toMatchObject({
      hint: expect.stringMatching(
        /^No engine joins the predefined 'bridge'. Make a network .*docker.*netkit.network=NETWORK$/,
      ),
    });
    const onHost = { name: "db", place: { pid: process.pid } };
    await expect(netkit.sandboxes.join(onHost, { network: "m" })).rejects.toMatchObject({
      code: "NAMESPACE_ADOPTED",
      message: "'db' is in the host's own namespace",
    });
    await expect(netkit.sandboxes.at(onHost.place)).rejects.toMatchObject({
      message: `process ${process.pid} is in the host's own namespace`,
    });
    expect(await everything()).toEqual(before);
  });

  test("of one name with others a guest gets another, and has its own as an alias", async () => {
    await using running = await Running.start();
    await netkit.networks.create({ name: "n" });
    await netkit.sandboxes.open({ name: "shop" });
    await netkit.sandboxes.open({ name: "shop-2" });
    const endpoint = await netkit.sandboxes.join(running.guest, { network: "n" });
    expect(endpoint.aliases).toEqual(["shop", "0123456789ab"]);
    // Predefined networks have no aliases.
    expect(await netkit.sandboxes.join(running.guest, { network: "bridge" })).toMatchObject({ aliases: [] });
    expect(await names()).toEqual(["shop", "shop-2", "shop-3"]);
    await netkit.sandboxes.remove("shop-3");
    expect(running.isAlive).toBe(true);
  });

  test("what can't be connected is told, and nothing changes; nor does it in a dry run", async () => {
    await using running = await Running.start();
    await using ended = await Running.start();
    await ended.end();
    await netkit.networks.create({ name: "n", subnets: [{ subnet: "10.9.0.0/24" }] });
    await netkit.sandboxes.open({ name: "box", networks: [{ network: "n", publish: ["8080:80"] }] });
    const before = await everything();
    const inside = running.sh("ip -o link; ip -o address");
    const { guest } = running;
    const at = (place: unknown): GuestRequest => ({ ...guest, place: place as GuestRequest["place"] });
    for (const [request, endpoint, code] of [
      [at({ pid: ended.pid }), {}, "NAMESPACE_NOT_FOUND"],
      [at({ pid: 0 }), {}, "NAMESPACE_NOT_FOUND"],
      [at({ pid: -1 }), {}, "NAMESPACE_NOT_FOUND"],
      [at({ pid: process.pid }), {}, "NAMESPACE_ADOPTED"],
      [at({ netns: `/run/netns/${host.name}` }), {}, "NAMESPACE_ADOPTED"],
      [at({ netns: "/etc/hostname" }), {}, "NAMESPACE_NOT_FOUND"],
      [at({ netns: "/run/netns" }), {}, "NAMESPACE_NOT_FOUND"],
      [at({ netns: "/proc/self/ns/pid" }), {}, "NAMESPACE_NOT_FOUND"],
      [at({}), {}, "ARGUMENT_INVALID"],
      [at({ pid: 1, netns: "/" }), {}, "ARGUMENT_INVALID"],
      [at({ pid: "1" }), {}, "ARGUMENT_INVALID"],
      [{ ...guest, name: "a b" }, {}, "NAME_INVALID"],
      [guest, { network: "none-such" }, "NETWORK_NOT_FOUND"],
      [guest, { network: "host" }, "UNSUPPORTED"],
      [guest, { ip: "10.9.0.2" }, "ADDRESS_TAKEN"],
      [guest, { ifName: "lo" }, "LINK_TAKEN"],
      [guest, { publish: ["8080:80"] }, "PORT_TAKEN"],
      [guest, { aliases: ["a b"] }, "NAME_INVALID"],
    ] as const)
      await expect(
        netkit.sandboxes.join(request, { network: "n", ...endpoint }),
        JSON.stringify([request.place, endpoint]),
      ).rejects.toMatchObject({ code });
    const lines: string[] = [];
    const onPlan = (preview: { toShell(): string[] }): void => void lines.push(...preview.toShell());
    await netkit.sandboxes.join(guest, { network: "n" }, { dryRun: true, onPlan });
    expect(lines.join("\n")).toContain(`netns ${running.path}`);
    expect(await everything()).toEqual(before);
    expect(running.sh("ip -o link; ip -o address")).toBe(inside);
  });

  test("what a guest has whose namespace was deleted is there for whoever asks for it, and for nobody before", async () => {
    using live = new Named();
    const guest = { ...live.guest, name: "live" };
    await netkit.networks.create({ name: "n", subnets: [{ subnet: "10.7.0.0/29" }] });
    await netkit.sandboxes.join(guest, { network: "n", ip: "10.7.0.3", publish: ["8081:80"] });
    const wanted = { network: "n", ip: "10.7.0.2", publish: ["8080:80"] };
    const leave = async (): Promise<void> => {
      using gone = new Named();
      await netkit.sandboxes.join(gone.guest, wanted);
      gone.delete();
    };

    await leave();
    await expect(netkit.sandboxes.open({ name: "other", networks: ["n"] })).resolves.toBeDefined();
    expect(await names()).toEqual(["live", "named", "other"]);
    const asked = { name: "box", networks: [wanted] };
    await expect(netkit.sandboxes.open(asked, { dryRun: true })).rejects.toMatchObject({ code: "ADDRESS_TAKEN" });
    await netkit.sandboxes.open(asked);
    expect(await names()).toEqual(["live", "other", "box"]);

    await netkit.sandboxes.remove("box");
    await leave();
    await netkit.sandboxes.open({ name: "named" });
    await netkit.sandboxes.remove("named");
    await netkit.sandboxes.remove("other");
    await leave();
    const taken = { name: "box", networks: [{ network: "n", publish: ["8081:80"] }] };
    await expect(netkit.sandboxes.open(taken)).rejects.toMatchObject({ code: "PORT_TAKEN" });
    expect(await names()).toEqual(["live"]);
    await leave();
    await netkit.sandboxes.remove("live");
    await netkit.networks.remove("n");
    expect(await names()).toEqual([]);
  });
});

describe("with an agent", () => {
  let host: AgentHost;
  let netkit: Netkit;
  onAgentHosts((given) => ({ host, netkit } = given));

  const names = async (): Promise<string[]> => (await netkit.sandboxes.list()).map(({ name }) => name);
  const watched = async (): Promise<unknown> =>
    ((await host.ask({ method: "GET", target: "/v1/status" })) as { watchedProcesses: number }).watchedProcesses;

  test("sandboxes find a guest by its names, and it finds them where it asks netkit", async () => {
    await using running = await Running.start();
    await netkit.networks.create({ name: "n" });
    const box = await netkit.sandboxes.open({ name: "box", networks: ["n"] });
    await netkit.sandboxes.join(running.guest, published);
    for (const name of ["shop", "www", "0123456789ab"]) await output(box, `ping -c 1 -W 2 ${name}`);
    const asking = `import { Resolver } from "node:dns/promises";
      const resolver = new Resolver();
      resolver.setServers(["127.0.0.12"]);
      console.log(await resolver.resolve4("box"));`;
    const script = [`--net=${running.path}`, process.execPath, "--input-type=module", "-e", asking];
    const address = (await box.inspect()).endpoints[0]?.addresses[0]?.address.split("/")[0];
    expect((await promisify(execFile)("nsenter", script)).stdout).toContain(address);
    await netkit.sandboxes.remove("shop");
  });

  test("a guest goes when its process ends, or its namespace, and with it names and ports", async () => {
    await using running = await Running.start();
    await using other = await running.beside();
    using named = new Named();
    await netkit.networks.create({ name: "n" });
    await netkit.sandboxes.join(running.guest, published);
    await netkit.sandboxes.join(named.guest, { network: "n", publish: ["8081:80"] });
    await running.end();
    await expect.poll(names, { interval: 10, timeout: 10_000 }).toEqual(["named"]);
    expect(other.sh("ip -o link")).not.toContain("nk0");
    named.delete();
    await expect.poll(names, { interval: 50, timeout: 10_000 }).toEqual([]);
    expect(host.sh("nft list ruleset")).not.toMatch(/808[01]/);
    expect((await netkit.doctor()).findings).toEqual([]);
  });

  test("an agent that is started anew goes on watching, and finds what has gone meanwhile", async () => {
    await using running = await Running.start();
    await using second = await Running.start();
    await netkit.networks.create({ name: "n" });
    await netkit.sandboxes.join(running.guest, { network: "n" });
    await netkit.sandboxes.join(second.guest, { network: "n" });
    await host.stopAgent();
    await running.end();
    await host.startAgent();
    await expect.poll(names, { interval: 10, timeout: 10_000 }).toEqual(["shop-2"]);
    await second.end();
    await expect.poll(names, { interval: 10, timeout: 10_000 }).toEqual([]);
  });

  test("what was disconnected is waited for no more, and goes with its process once it is connected again", async () => {
    await using running = await Running.start();
    await netkit.networks.create({ name: "n" });
    await netkit.sandboxes.join(running.guest, { network: "n" });
    expect(await watched()).toBe(1);
    await (await netkit.sandboxes.get("shop")).disconnect("n");
    expect(await names()).toEqual([]);
    expect(await watched()).toBe(0);
    await netkit.sandboxes.join(running.guest, { network: "n" });
    await running.end();
    await expect.poll(names, { interval: 10, timeout: 10_000 }).toEqual([]);
  });
});
