import type { Snapshot } from "@netkit/conformance/lab";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Host } from "../src/hosts/index.ts";
import { openSegment, type Segment } from "../src/hosts/segment.ts";
import { get } from "./http-get.ts";
import { hasPodman, PodmanEngine } from "./podman-engine.ts";

describe.skipIf(!hasPodman)("Podman", () => {
  let segment: Segment;
  let host: Host;
  let outside: Host;
  let engine: PodmanEngine;
  let before: Snapshot;

  const podman = async (...words: readonly string[]): Promise<string> => await engine.podman(...words);
  /** A web server that says who it is. */
  const web = ["box", "sh", "-c", 'echo "$HOSTNAME" > /index.html; exec httpd -f -p 80 -h /'];
  const startWeb = async (network: string, ...more: readonly string[]): Promise<string> =>
    await engine.run("--name", "web", "--hostname", "web", "--network", network, ...more, ...web);
  const sleeper = ["box", "sleep", "1000"];
  const names = async (what: "network" | "sandbox"): Promise<string[]> =>
    (await host.netkit(what, "ls", "--format", "{{.Name}}")).split("\n").filter((name) => name !== "");
  const addressOf = async (name: string): Promise<string> =>
    await podman("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}", name);
  const startSandbox = async (name: string, network: string): Promise<string> =>
    await host.netkit("run", "-d", "--name", name, "--network", network, "--", "sleep", "1000");

  beforeAll(async () => {
    segment = await openSegment(2);
    [host, outside] = segment.hosts as [Host, Host];
    engine = await PodmanEngine.start(host, "netkit");
  }, 120_000);
  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
    await segment[Symbol.asyncDispose]();
  });
  beforeEach(async () => (before = await host.traces()));
  afterEach(async () => {
    await podman("rm", "--all", "--force", "--time=0");
    await host.shell("netkit sandbox ls -q | xargs -r netkit sandbox rm -f");
    await podman("network", "prune", "--force");
    // It fails where anything is wrong.
    await host.netkit("doctor");
    await host.shell("netkit network prune -f >&2; ! netkit agent status || netkit agent stop");
    const left = await host.differences(before);
    if (left.length > 0) throw new Error(`this is left:\n${left.join("\n")}`);
  });

  test("containers and a sandbox find and reach each other, and published ports are reached from everywhere", async () => {
    await podman("network", "create", "--ipv6", "--subnet", "10.77.0.0/24", "--subnet", "fd00:77::/64", "dual");
    await startWeb("dual", "--network-alias", "www", "-p", "8080:80");
    await engine.run("--name", "other", "--network", "dual", ...sleeper);
    await startSandbox("sandbox", "dual");
    for (const name of ["web", "www"]) {
      await podman("exec", "other", "ping", "-c", "1", "-W", "2", name);
      await host.netkit("exec", "sandbox", "--", "ping", "-c", "1", "-W", "2", name);
    }
    for (const name of ["web", "other"]) await podman("exec", name, "ping", "-c", "1", "-W", "2", "sandbox");
    expect(await podman("exec", "other", "cat", "/etc/resolv.conf")).toMatch(
      /^search dns\.podman\nnameserver 127\.0\.0\.11$/m,
    );
    await podman("exec", "other", "ping", "-c", "1", "-W", "2", outside.address);
    for (const url of ["http://127.0.0.1:8080/", `http://${host.address}:8080/`, `http://[${host.address6}]:8080/`])
      expect(await get(host, url)).toBe("web");
    for (const url of [`http://${host.address}:8080/`, `http://[${host.address6}]:8080/`])
      expect(await get(outside, url)).toBe("web");
    const seen = JSON.parse(await host.netkit("network", "inspect", "dual")) as {
      readonly Containers: Readonly<Record<string, { readonly Name: string; readonly IPv4Address: string }>>;
    }[];
    const shown = Object.values(seen[0]?.Containers ?? {}).map(({ Name, IPv4Address }) => `${Name} ${IPv4Address}`);
    expect(shown.toSorted()).toEqual(["other 10.77.0.3/24", "sandbox 10.77.0.128/24", "web 10.77.0.2/24"]);
    expect([await addressOf("web"), await addressOf("other")]).toEqual(["10.77.0.2", "10.77.0.3"]);
    expect(await host.netkit("doctor")).toContain("all is well");
  });

  test("a network goes with its last container, and a container without one asked for is on Podman's own", async () => {
    await podman("network", "create", "n");
    await engine.run("--name", "one", "--network", "n", ...sleeper);
    await engine.run("--name", "two", ...sleeper);
    expect(await names("network")).toEqual(expect.arrayContaining(["n", "podman"]));
    expect((await addressOf("two")).trim()).toBe("10.88.0.2");
    await podman("stop", "-t", "0", "one");
    expect(await names("network")).not.toContain("n");
    await podman("start", "one");
    await podman("rm", "-f", "-t", "0", "one", "two");
    expect(await names("network")).toEqual(["bridge", "host", "none"]);
    expect(await names("sandbox")).toEqual([]);
  });

  test("a container is connected and disconnected while it runs, to a network that netkit has, too", async () => {
    await host.netkit("network", "create", "--subnet", "10.78.0.0/24", "mine");
    await startSandbox("sandbox", "mine");
    await podman("network", "create", "n");
    await podman("network", "create", "--ipam-driver", "none", "mine");
    await podman("network", "create", "--ipam-driver", "none", "--label", "netkit.network=mine", "by-label");
    await startWeb("n", "-p", "8080:80");
    for (const network of ["mine", "by-label"]) {
      await podman("network", "connect", network, "web");
      const address = (await podman("exec", "web", "ip", "-o", "-4", "address", "show", "eth1")).match(
        /10\.78\.0\.\d+/,
      )?.[0];
      await host.netkit("exec", "sandbox", "--", "ping", "-c", "1", "-W", "2", address ?? "");
      expect(await addressOf("web")).toContain(address);
      await podman("network", "disconnect", network, "web");
    }
    expect(await podman("exec", "web", "ip", "-o", "-4", "address")).not.toContain("eth1");
    expect(await get(host, "http://127.0.0.1:8080/")).toBe("web");
    expect(await names("network")).toContain("mine");
  });

  test("on a network without addresses containers give themselves some; of two networks one leads out, and then the other", async () => {
    await podman("network", "create", "--ipam-driver", "none", "bare");
    for (const name of ["n", "m"]) await podman("network", "create", name);
    for (const [name, address] of Object.entries({ one: "10.8.0.1/24", two: "10.8.0.2/24" })) {
      await engine.run("--name", name, "--network", "bare", "--cap-add", "NET_ADMIN", ...sleeper);
      expect(await podman("exec", name, "ip", "-o", "address", "show", "eth0")).toBe("");
      await podman("exec", name, "ip", "address", "add", address, "dev", "eth0");
    }
    await podman("exec", "one", "ping", "-c", "1", "-W", "2", "10.8.0.2");
    await engine.run("--name", "both", "--network", "n", "--network", "m", ...sleeper);
    const route = async (): Promise<string> => await podman("exec", "both", "ip", "route", "show", "default");
    const before = await route();
    expect(before).toMatch(/^default via \S+ dev eth\d .*metric 100/);
    await podman("network", "disconnect", before.includes("eth0") ? "n" : "m", "both");
    const after = await route();
    expect(after).toMatch(/^default via \S+ dev eth\d .*metric 100/);
    expect(after).not.toBe(before);
    await podman("exec", "both", "ping", "-c", "1", "-W", "2", outside.address);
  });

  test("on networks that netkit has a container finds others by name, and has the address that was asked for", async () => {
    await host.netkit("network", "create", "--subnet", "10.85.0.0/24", "mine");
    await startSandbox("sandbox", "mine");
    await podman("network", "create", "--ipam-driver", "none", "mine");
    await podman("network", "create", "n");
    await engine.run("--name", "fixed", "--network", "mine", "--ip", "10.85.0.50", ...sleeper);
    expect(await podman("exec", "fixed", "ip", "-o", "-4", "address", "show", "eth0")).toContain("10.85.0.50/24");
    expect(await podman("exec", "fixed", "cat", "/etc/resolv.conf")).toMatch(
      /^search dns\.podman\nnameserver 127\.0\.0\.11$/m,
    );
    await podman("exec", "fixed", "ping", "-c", "1", "-W", "2", "sandbox");
    await host.netkit("exec", "sandbox", "--", "ping", "-c", "1", "-W", "2", "fixed");
    await podman("network", "reload", "fixed");
    expect(await podman("exec", "fixed", "ip", "-o", "-4", "address", "show", "eth0")).toContain("10.85.0.50/24");
    await engine.run("--name", "both", "--network", "mine,n", ...sleeper);
    const resolvConf = async (): Promise<string> => await podman("exec", "both", "cat", "/etc/resolv.conf");
    expect((await resolvConf()).match(/127\.0\.0\.11|dns\.podman/g)).toEqual(["dns.podman", "127.0.0.11"]);
    await podman("network", "disconnect", "n", "both");
    await podman("exec", "both", "ping", "-c", "1", "-W", "2", "sandbox");
    // Podman 4 writes these servers alone.
    await engine.run("--name", "asking", "--network", "mine", "--dns", "127.0.0.11", "--dns", "192.0.2.53", ...sleeper);
    await podman("exec", "asking", "ping", "-c", "1", "-W", "2", "sandbox");
  });

  test("a published port goes on by another network, and is reached in each family by whichever has it", async () => {
    await podman("network", "create", "q1");
    await podman("network", "create", "--ipv6", "--subnet", "10.80.0.0/24", "--subnet", "fd00:80::/64", "q6");
    await startWeb("q1,q6", "-p", "8080:80");
    const isReached = async (): Promise<void> => {
      for (const url of [`http://${host.address}:8080/`, `http://[${host.address6}]:8080/`])
        expect(await get(outside, url), url).toBe("web");
    };
    await isReached();
    await podman("network", "disconnect", "q1", "web");
    await isReached();
    await podman("network", "connect", "q1", "web");
    await podman("network", "disconnect", "q6", "web");
    expect(await get(host, "http://127.0.0.1:8080/")).toBe("web");
    await podman("network", "connect", "q6", "web");
    await isReached();
  });

  test("it is started anew, several start at once, and the agent dies meanwhile", async () => {
    await podman("network", "create", "n");
    const all = ["one", "two", "three", "four"];
    const running = all.map((name) => engine.startRun("--name", name, "--network", "n", ...sleeper));
    for (const each of running) expect(await each.ended).toBe(0);
    await startWeb("n", "-p", "8080:80");
    await podman("restart", "-t", "0", "web");
    expect(await get(host, "http://127.0.0.1:8080/")).toBe("web");
    await host.shell(
      "netkit agent status --json | node -pe 'JSON.parse(require(\"fs\").readFileSync(0)).pid' | xargs kill -9",
    );
    await podman("restart", "-t", "0", "one");
    for (const name of ["web", "four"]) await podman("exec", "one", "ping", "-c", "1", "-W", "2", name);
    expect(await host.netkit("doctor")).toContain("all is well");
  });

  test("containers share a network, and a reload brings a container's back", async () => {
    await podman("network", "create", "n");
    await startWeb("n", "-p", "8080:80");
    await engine.run("--name", "beside", "--network", "container:web", ...sleeper);
    await engine.run("--name", "other", "--network", "n", ...sleeper);
    expect(await names("sandbox")).toEqual(["web", "other"]);
    await podman("exec", "beside", "ping", "-c", "1", "-W", "2", "other");
    const address = await addressOf("web");
    const ways = [["network", "disconnect", "-f", "n", "web"], ["sandbox", "rm", "-f", "web"], []];
    for (const words of ways) {
      if (words.length > 0) await host.netkit(...words);
      await podman("network", "reload", "web");
      expect(await addressOf("web")).toBe(address);
    }
    for (const name of ["web", "beside"]) await podman("exec", name, "ping", "-c", "1", "-W", "2", "other");
    expect(await get(host, "http://127.0.0.1:8080/")).toBe("web");
    // As after somebody has flushed all rules, whichever container it is.
    await host.shell("nft flush ruleset");
    await podman("network", "reload", "other");
    expect(await get(outside, `http://${host.address}:8080/`)).toBe("web");
    await podman("exec", "other", "ping", "-c", "1", "-W", "2", outside.address);
    // Podman removes it before the one whose network it has only if it is told to.
    await podman("rm", "--force", "--time=0", "beside");
    expect(await host.netkit("doctor")).toContain("all is well");
  });

  test("a process of netkit's that has joined a container keeps nothing of it when that is started anew or disconnected", async () => {
    await podman("network", "create", "--subnet", "10.79.0.0/24", "n");
    await startWeb("n", "--ip", "10.79.0.9", "-p", "8080:80");
    const join = ["run", "-d", "--name", "joined", "--network", "container:web", "--", "sleep", "1000"];
    await host.netkit(...join);
    await podman("network", "reload", "web");
    expect(await get(host, "http://127.0.0.1:8080/")).toBe("web");
    await podman("network", "disconnect", "n", "web");
    await podman("network", "connect", "--ip", "10.79.0.9", "n", "web");
    expect(await host.netkit("exec", "joined", "--", "ip", "-brief", "address")).toContain("10.79.0.9/24");
    await podman("restart", "-t", "0", "web");
    expect(await addressOf("web")).toBe("10.79.0.9");
    expect(await get(host, "http://127.0.0.1:8080/")).toBe("web");
    // It is in the namespace that the container had before.
    await host.netkit("sandbox", "rm", "-f", "joined");
    expect(await host.netkit("doctor")).toContain("all is well");
  });

  test("what netkit refuses is told in its words, and leaves nothing of the container", async () => {
    await podman("network", "create", "--subnet", "10.79.0.0/24", "n");
    await engine.run("--name", "first", "--network", "n", "-p", "8080:80", ...web);
    await host.netkit("run", "-d", "--name", "taker", "--network", "n", "--ip", "10.79.0.9", "--", "sleep", "1000");
    const run = ["run", "--rm", "--cgroup-parent=/nktest-podman", "--network", "n"];
    expect(await engine.refusal(...run, "--ip", "10.79.0.9", ...sleeper)).toContain("10.79.0.9");
    await podman("network", "create", "--opt", "vlan=5", "tagged");
    expect(await engine.refusal(...run.slice(0, -1), "tagged", ...sleeper)).toContain("vlan");
    expect(await names("sandbox")).toEqual(["first", "taker"]);
    const uninstall = ["netkit", "podman", "uninstall", "--bin-dir", "/run/netkit/podman"];
    const { status, stderr } = await host.run(uninstall);
    expect([status, stderr]).toEqual([4, expect.stringContaining("first")]);
  });

  test("it is installed over no container that another backend has connected", async () => {
    await engine.run("--name", "bare", "--network", "host", ...sleeper);
    await engine.run("--name", "old", ...sleeper);
    const setting = "/etc/containers/containers.conf.d/50-netkit.conf";
    const install = ["netkit", "podman", "install", "--bin-dir", "/run/netkit/podman"];
    await host.shell(`mv ${setting} /run/netkit/setting`);
    expect(await host.run(install)).toMatchObject({ status: 0 });
    // As if another one had connected it.
    await host.shell(`netkit sandbox rm -f old; mv ${setting} /run/netkit/setting`);
    const { status, stderr } = await host.run(install);
    expect([status, stderr]).toEqual([4, expect.stringMatching(/another backend's networks: old\n/)]);
    expect(await host.run([...install, "-f"])).toMatchObject({ status: 0 });
    await host.shell("rm /run/netkit/setting");
  });

  test("a container that runs gets an interface, until that or the container goes", async () => {
    await host.netkit("network", "create", "--subnet", "10.84.0.0/24", "mine");
    await host.netkit("run", "-d", "--name", "sandbox", "--network", "mine", "--", "sleep", "1000");
    const id = await engine.run("--name", "db", "--network", "none", "--hostname", "base", ...sleeper);
    const files = ["exec", "db", "cat", "/etc/hosts", "/etc/hostname"];
    const unchanged = await podman(...files);
    expect(await host.run(["netkit", "network", "connect", "--alias", "sql", "mine", "podman://db"])).toMatchObject({
      status: 0,
      stderr: "",
    });
    for (const name of ["db", "sql", "base", id.slice(0, 12)])
      await host.netkit("exec", "sandbox", "--", "ping", "-c", "1", "-W", "2", name);
    for (const address of ["10.84.0.2", outside.address])
      await podman("exec", "db", "ping", "-c", "1", "-W", "2", address);
    expect(await podman(...files)).toBe(unchanged);
    expect(await host.netkit("sandbox", "ls", "--format", "{{.Name}} {{.State}} {{.Labels}}")).toContain(
      `db running netkit.guest=podman://${id}\n`,
    );
    expect(await host.netkit("doctor")).toContain("all is well");
    expect(await host.run(["netkit", "network", "disconnect", "mine", `podman://${id.slice(0, 12)}`])).toMatchObject({
      status: 0,
      stderr: "",
    });
    expect(await podman("exec", "db", "ip", "-o", "link")).not.toContain("nk0");
    expect(await host.run(["netkit", "network", "connect", "mine", "podman://db"])).toMatchObject({
      status: 0,
      stderr: "",
    });
    await podman("kill", "db");
    await host.until('test "$(netkit sandbox ls --format {{.Name}})" = sandbox');
  });

  test("what can't be connected is told", async () => {
    await host.netkit("network", "create", "mine");
    await podman("create", "--name", "idle", "--network", "none", "box", "sleep", "1000");
    await engine.run("--name", "bare", "--network", "host", ...sleeper);
    for (const [name, status, why] of [
      ["nobody", 3, "Podman has no container 'nobody'"],
      ["idle", 3, "podman start idle"],
      ["bare", 4, "the host's own namespace"],
    ] as const)
      expect(await host.run(["netkit", "network", "connect", "mine", `podman://${name}`])).toMatchObject({
        status,
        stderr: expect.stringContaining(why),
      });
    expect(await host.netkit("__complete", "network", "connect", "mine", "podman://")).toBe("podman://bare\n");
  });
});
