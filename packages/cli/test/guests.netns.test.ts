import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { onHosts, type Host } from "./host.ts";

let host: Host;
onHosts((given) => (host = given));

/** A process in a network namespace of its own. */
class Running implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly ref: string;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.ref = `pid://${child.pid}`;
  }

  static async start(): Promise<Running> {
    const child = spawn("unshare", ["--net", "sh", "-c", "ip link set lo up; echo; exec sleep 1000"]);
    await once(child.stdout, "data");
    return new Running(child);
  }

  get pid(): string {
    return this.ref.slice("pid://".length);
  }

  get name(): string {
    return this.ref.replace("://", "-");
  }

  get path(): string {
    return `/proc/${this.#child.pid}/ns/net`;
  }

  addresses(): string {
    return host.run("nsenter", `--net=${this.path}`, "ip", "-o", "-4", "address");
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }
}

const names = (): string[] => host.ok("sandbox", "ls", "--format", "{{.Name}}").split("\n").filter(Boolean);

test("a process is connected while it runs, and disconnected, until it ends", async () => {
  await using running = await Running.start();
  host.ok("network", "create", "--subnet", "10.7.0.0/24", "n");
  host.ok("network", "create", "--subnet", "10.8.0.0/24", "m");
  expect(host.ok("network", "connect", "--dry-run", "n", running.ref)).toContain(`nk0 in ${running.name}`);
  expect(host.ok("network", "connect", "--explain", "n", running.ref)).toContain(`netns ${running.path}`);
  expect(names()).toEqual([]);
  const made: unknown = JSON.parse(
    host.ok("network", "connect", "--json", "--ip", "10.7.0.9", "-p", "8080:80", "--ifname", "wan0", "n", running.ref),
  );
  expect(made).toMatchObject({ ifName: "wan0", addresses: [{ address: "10.7.0.9/24" }] });
  host.ok("network", "connect", "m", running.ref);
  expect(names()).toEqual([running.name]);
  expect(running.addresses()).toMatch(/10\.7\.0\.9\/24[^]*10\.8\.0\.2\/24/);
  expect(host.netkit(["network", "connect", "n", running.ref])).toMatchObject({
    status: 4,
    stderr: expect.stringContaining("already connected"),
  });
  host.ok("network", "disconnect", "n", running.ref);
  expect(running.addresses()).not.toContain("10.7.0.9");
  expect(host.ok("network", "disconnect", "--dry-run", "m", running.ref)).toContain("nk0");
  host.ok("network", "disconnect", "m", running.name);
  expect(names()).toEqual([]);
  expect(host.netkit(["network", "disconnect", "m", running.ref])).toMatchObject({
    status: 3,
    stderr: expect.stringContaining("is on no network of netkit's"),
  });
  host.ok("network", "connect", "n", running.ref);
  expect(host.ok("doctor")).toContain("all is well");
  await running.end();
  await expect.poll(names, { interval: 50, timeout: 10_000 }).toEqual([]);
});

test("one whose loopback is down is connected, with a warning that it has no names", () => {
  const name = `nktest-${process.pid}`;
  host.run("ip", "netns", "add", name);
  host.ok("network", "create", "n");
  const change = (verb: string) => host.netkit(["network", verb, "n", `netns:/run/netns/${name}`]);
  expect(change("connect")).toMatchObject({
    status: 0,
    stderr: expect.stringContaining(`warning: the loopback interface of '${name}' is down`) as unknown,
  });
  expect(change("disconnect")).toMatchObject({ status: 0, stderr: "" });
  host.run("ip", "-n", name, "link", "set", "lo", "up");
  for (const verb of ["connect", "disconnect"]) expect(change(verb)).toMatchObject({ status: 0, stderr: "" });
  host.run("ip", "netns", "del", name);
});

test("without an agent, what is left of a namespace whose path somebody has removed is disconnected by that, a process in it or not", async () => {
  const name = `nktest-${process.pid}`;
  await using running = await Running.start();
  const config = join(host.root, "netkit.json");
  writeFileSync(config, '{ "agent": false }');
  const change = (...words: string[]): void =>
    expect(host.netkit(["network", ...words], { env: { NETKIT_CONFIG: config } })).toMatchObject({
      status: 0,
      stderr: "",
    });
  const connect = (): void => {
    host.run("ip", "netns", "attach", name, running.pid);
    change("connect", "-p", "8080:80", "n", `netns:/run/netns/../netns/${name}`);
    expect(running.addresses()).toContain("nk0");
    host.run("ip", "netns", "del", name);
  };
  host.ok("network", "create", "n");
  connect();
  expect(host.netkit(["doctor"])).toMatchObject({
    status: 9,
    stdout: expect.stringContaining(`netkit sandbox rm ${name}\n`) as unknown,
  });
  change("disconnect", "n", `netns:/run/netns/${name}`);
  expect(names()).toEqual([]);
  connect();
  await running.end();
  change("disconnect", "n", `netns:/run/netns/${name}`);
  expect(names()).toEqual([]);
});

test("what can't be found is told, with its exit status and what to do", () => {
  host.ok("network", "create", "n");
  const programs = join(host.root, "bin");
  mkdirSync(programs);
  symlinkSync("/usr/bin/nsenter", join(programs, "nsenter"));
  const env = { DOCKER_HOST: `unix://${host.root}/no.sock`, PATH: programs };
  for (const [ref, status, why] of [
    ["docker://web", 8, "no.sock"],
    ["docker://", 2, "names no container"],
    ["podman://db", 6, "no program 'podman'"],
    ["podman://--all", 2, "names no container"],
    ["pid://1x", 2, "names no process"],
    ["pid://0", 2, "names no process"],
    ["pid://4194305", 3, "there is no process"],
    ["netns:x", 2, "names no path"],
    ["netns:/run/netns/none-such", 3, "is not a network namespace"],
    [`netns:${host.path}`, 4, "the host's own namespace"],
    ["dokcer://web", 2, "Did you mean 'docker://web'?"],
    ["podman:db", 2, "Did you mean 'podman://db'?"],
    ["container:web", 2, "docker://CONTAINER, podman://CONTAINER, pid://PID or netns:/PATH"],
    ["web", 3, "no sandbox 'web'"],
  ] as const) {
    for (const verb of ["connect", "disconnect"]) {
      const { stderr, ...outcome } = host.netkit(["network", verb, "n", ref], { env });
      expect({ ref, verb, stderr, ...outcome }).toEqual({
        ref,
        verb,
        status,
        stdout: "",
        stderr: expect.stringContaining(why),
      });
    }
  }
  expect(names()).toEqual([]);
});

test("a shell completes what may be connected", () => {
  host.ok("network", "create", "n");
  const complete = (...words: string[]): string[] => host.ok("__complete", "network", "connect", ...words).split("\n");
  expect(complete("n", "")).toEqual(expect.arrayContaining(["docker://\ta container of Docker", "pid://\ta process"]));
  expect(complete("n", "netns:")).toContain(`netns:${host.path}`);
});
