import type { Snapshot } from "@netkit/conformance/lab";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { DockerEngine, hasCompose, hasDocker } from "../src/docker-engine.ts";
import type { Host } from "../src/hosts/index.ts";
import { openSegment, type Segment } from "../src/hosts/segment.ts";
import { get } from "./http-get.ts";

interface Shown {
  readonly Name: string;
  readonly Id: string;
  readonly Containers: Readonly<Record<string, { readonly Name: string; readonly IPv4Address: string }>>;
}

describe.skipIf(!hasDocker)("Docker", () => {
  let segment: Segment;
  let host: Host;
  let outside: Host;
  let engine: DockerEngine;
  let before: Snapshot;

  const docker = async (...words: readonly string[]): Promise<string> => await engine.docker(...words);
  const create = async (name: string, ...more: readonly string[]): Promise<string> =>
    await docker("network", "create", "-d", "netkit", "--ipam-driver", "netkit", ...more, name);
  const dockerHost = (): string => `DOCKER_HOST=${engine.api}`;
  /** As {@link Host.netkit}, with Docker at hand. */
  const network = async (...words: readonly string[]): Promise<string> =>
    await host.exec(["env", dockerHost(), "netkit", "network", ...words]);
  /** A web server that says who it is. */
  const web = ["box", "sh", "-c", 'echo "$HOSTNAME" > /index.html; exec httpd -f -p 80 -h /'];
  const sleeper = ["box", "sleep", "1000"];
  const addressOf = async (name: string, field = "IPAddress"): Promise<string> =>
    await docker("inspect", "--format", `{{range .NetworkSettings.Networks}}{{.${field}}}{{end}}`, name);
  const sandboxes = async (): Promise<string[]> =>
    (await host.netkit("sandbox", "ls", "--format", "{{.Name}}")).split("\n").filter((name) => name !== "");
  const shown = async (network: string): Promise<Shown | undefined> =>
    (JSON.parse(await host.netkit("network", "inspect", network)) as Shown[])[0];
  const subnets = async (name: string): Promise<string> =>
    (await network("inspect", "-f", "{{range .IPAM.Config}}{{.Subnet}} {{end}}", name)).trim();

  /** Its agent has learnt from Docker that it runs, and what it is called. */
  const isKnown = async (name: string): Promise<void> => await host.until(`netkit sandbox inspect ${name}`);

  beforeAll(async () => {
    segment = await openSegment(2);
    [host, outside] = segment.hosts as [Host, Host];
    engine = await DockerEngine.start(host);
  }, 120_000);
  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
    await segment[Symbol.asyncDispose]();
  });
  beforeEach(async () => (before = await host.traces()));
  afterEach(async () => {
    // One that failed meanwhile may have left it held.
    await engine.releaseContainers();
    const containers = await docker("ps", "-aq");
    if (containers !== "") await docker("rm", "-f", ...containers.split("\n"));
    await host.shell("netkit sandbox ls -q | xargs -r netkit sandbox rm -f");
    await docker("network", "prune", "-f");
    // It fails where anything is wrong.
    await host.netkit("doctor");
    await host.shell("netkit network prune -f >&2");
    const left = [...engine.complaints, ...(await host.differences(before))];
    if (left.length > 0) throw new Error(`this is left:\n${left.join("\n")}`);
  });

  test("containers, sandboxes and the host reach each other, and published ports are reached from everywhere", async () => {
    const id = await create("dual", "--ipv6", "--subnet", "10.77.0.0/24", "--subnet", "fd00:77::/64", "--label", "a=b");
    await docker("run", "-d", "--name", "web", "--hostname", "web", "--network", "dual", "-p", "8080:80", ...web);
    await docker("run", "-d", "--name", "other", "--network", "dual", ...sleeper);
    await host.netkit("run", "-d", "--name", "sandbox", "--network", id, "--", "sleep", "1000");
    const addresses = [await addressOf("web"), await addressOf("web", "GlobalIPv6Address")];
    expect(addresses).toEqual(["10.77.0.2", "fd00:77::2"]);
    for (const address of addresses) {
      await host.netkit("exec", "sandbox", "--", "ping", "-c", "1", "-W", "2", address);
      await docker("exec", "other", "ping", "-c", "1", "-W", "2", address);
      await host.exec(["ping", "-c", "1", "-W", "2", address]);
    }
    const [own = "", own6 = ""] = (await host.netkit("exec", "sandbox", "--", "hostname", "-I")).trim().split(" ");
    for (const address of [own, own6]) await docker("exec", "web", "ping", "-c", "1", "-W", "2", address);
    await docker("exec", "web", "ping", "-c", "1", "-W", "2", outside.address);
    const port = ":8080/";
    for (const url of [`http://127.0.0.1${port}`, `http://${host.address}${port}`, `http://[${host.address6}]${port}`])
      expect(await get(host, url)).toBe("web");
    for (const url of [`http://${host.address}${port}`, `http://[${host.address6}]${port}`])
      expect(await get(outside, url)).toBe("web");
    expect(await host.netkit("port", "ls")).toMatch(/80\/tcp +0\.0\.0\.0:8080/);
    const seen = await shown(id);
    expect(seen?.Id).toBe(id);
    expect(Object.values(seen?.Containers ?? {}).map(({ IPv4Address }) => IPv4Address)).toEqual(
      expect.arrayContaining(["10.77.0.2/24", "10.77.0.3/24", `${own}/24`]),
    );
    expect(await host.netkit("doctor")).toContain("all is well");
  });

  test("a container is disconnected and connected while it runs, and gets the address that it is given", async () => {
    await create("one", "--subnet", "10.81.0.0/24");
    await create("two", "--internal");
    await docker("run", "-d", "--name", "web", "--network", "one", "-p", "8080:80", ...web);
    await docker("network", "disconnect", "one", "web");
    expect(await sandboxes()).toEqual([]);
    await docker("network", "connect", "--ip", "10.81.0.77", "one", "web");
    await docker("network", "connect", "two", "web");
    expect(await sandboxes()).toHaveLength(1);
    expect(await docker("exec", "web", "ip", "-o", "-4", "address")).toContain("10.81.0.77/24");
    expect(await get(host, "http://127.0.0.1:8080/")).not.toBe("");
    expect(await docker("exec", "web", "ip", "route")).toMatch(/^default via /);
    await docker("network", "disconnect", "one", "web");
    // Nothing leads out of an internal network.
    expect(await docker("exec", "web", "ip", "route")).not.toContain("default");
    expect(await host.netkit("port", "ls")).not.toContain("8080");
  });

  test("a container's sandbox is Docker's to remove, unless it is forced", async () => {
    for (const name of ["one", "two"]) await create(name);
    await docker("run", "-d", "--name", "it", "--network", "one", ...sleeper);
    await isKnown("it");
    await docker("network", "connect", "two", "it");
    const { status, stderr } = await host.run(["netkit", "sandbox", "rm", "it"]);
    expect([status, stderr]).toEqual([4, expect.stringMatching(/docker rm -f it.*netkit sandbox rm -f it/)]);
    expect(await docker("exec", "it", "ip", "-o", "link")).toMatch(/ eth0[^]* net0| net0[^]* eth0/);
    await host.netkit("sandbox", "rm", "-f", "it");
    expect(await docker("exec", "it", "ip", "-o", "link")).not.toMatch(/ (eth|net)0/);
    for (const name of ["one", "two"]) await docker("network", "disconnect", name, "it");
    await docker("network", "connect", "two", "it");
    expect(await docker("exec", "it", "ip", "-o", "-4", "address")).toContain(" net0 ");
  });

  test("networks and endpoints that Docker has made are Docker's to remove, unless it is forced", async () => {
    const id = await create("nice", "-o", "netkit.name=nice");
    const short = id.slice(0, 12);
    await host.netkit("network", "create", "mine");
    await docker("run", "-d", "--name", "it", "--network", "nice", ...sleeper);
    await isKnown("it");
    for (const [words, status, hint] of [
      [["network", "disconnect", "nice", "it"], 4, `docker network disconnect ${short} it;`],
      [["network", "rm", "nice"], 4, `docker network rm ${short}`],
      [["network", "rm", "--dry-run", short], 4, `docker network rm ${short}`],
    ] as const) {
      const refused = await host.run(["netkit", ...words]);
      expect([words, refused.status, refused.stderr]).toEqual([words, status, expect.stringContaining(hint)]);
    }
    expect(await host.netkit("network", "prune")).toBe("Deleted Networks:\nmine\n");
    await docker("stop", "-t", "0", "it");
    expect(await host.netkit("network", "prune")).toBe("");
    await docker("start", "it");
    // What is forced leaves nothing that Docker would have to take away.
    await host.netkit("network", "disconnect", "-f", "nice", "it");
    expect(await sandboxes()).toEqual([]);
    await docker("stop", "-t", "0", "it");
    await host.netkit("network", "rm", "-f", "nice");
    expect(await engine.refusal("start", "it")).toContain("docker network rm, and make it again");
  });

  test("in a container that runs, interfaces are made where they belong, and Docker knows all of them", async () => {
    for (const name of ["one", "two", "three"]) await create(name, "--ipv6");
    await docker("network", "create", "-d", "bridge", "--subnet", "10.82.0.0/24", "own");
    await docker("run", "-d", "--name", "peer", "--network", "two", ...sleeper);
    await docker("network", "connect", "three", "peer");
    await docker("run", "-d", "--name", "it", "--network", "one", "-p", "8080:80", ...web);
    await isKnown("it");
    const sysctls = ["--driver-opt", "com.docker.network.endpoint.sysctls=net.ipv4.conf.IFNAME.log_martians=1"];
    await docker("network", "connect", ...sysctls, "two", "it");
    for (const name of ["three", "own"]) await docker("network", "connect", name, "it");
    expect(await docker("exec", "it", "cat", "/proc/sys/net/ipv4/conf/net0/log_martians")).toBe("1");
    const links = await docker("exec", "it", "ip", "-o", "link");
    // Docker's own has the next of its numbers.
    for (const name of ["eth0", "eth1", "net0", "net1"]) expect(links).toContain(` ${name}`);
    const inspected = async (field: string): Promise<string> =>
      await docker("inspect", "--format", `{{.NetworkSettings.Networks.two.${field}}}`, "it");
    const [address, address6, mac] = [
      await inspected("IPAddress"),
      await inspected("GlobalIPv6Address"),
      await inspected("MacAddress"),
    ];
    const shown = await docker("exec", "it", "ip", "address", "show", "dev", "net0");
    for (const part of [`inet ${address}/`, `inet6 ${address6}/`, `ether ${mac} `]) expect(shown).toContain(part);
    for (const to of [address, address6]) await docker("exec", "peer", "ping", "-c", "1", "-W", "2", to);
    expect(await get(host, "http://127.0.0.1:8080/")).not.toBe("");
    expect(await host.netkit("doctor")).toContain("all is well");
    await docker("network", "disconnect", "three", "it");
    await docker("network", "disconnect", "own", "it");
    expect(await docker("exec", "it", "ip", "-o", "link")).not.toMatch(/ (net1|eth1)/);
    await docker("exec", "peer", "ping", "-c", "1", "-W", "2", address);
    await docker("restart", "-t", "0", "it");
    expect(await docker("exec", "it", "ip", "-o", "-4", "address")).toMatch(/ eth1 /);
    await docker("exec", "peer", "ping", "-c", "1", "-W", "2", await inspected("IPAddress"));
    await docker("rm", "-f", "it", "peer");
    await docker("network", "rm", "own");
    expect(await sandboxes()).toEqual([]);
  });

  test("a default route and ports move to an interface that is made in place, and back", async () => {
    for (const name of ["a", "z"]) await create(name);
    await docker("run", "-d", "--name", "it", "--network", "z", "-p", "8080:80", ...web);
    await isKnown("it");
    const route = async (): Promise<string> => await docker("exec", "it", "ip", "route");
    await docker("network", "connect", "a", "it");
    expect(await route()).toMatch(/^default via \S+ dev net0/);
    expect(await get(host, "http://127.0.0.1:8080/")).not.toBe("");
    await docker("network", "disconnect", "a", "it");
    expect(await route()).toMatch(/^default via \S+ dev eth0/);
    expect(await get(host, "http://127.0.0.1:8080/")).not.toBe("");
    // None but its own left: what comes next is its first one.
    await docker("network", "disconnect", "z", "it");
    await docker("network", "connect", "a", "it");
    expect(await route()).toMatch(/^default via \S+ dev net0/);
    expect(await get(outside, `http://${host.address}:8080/`)).not.toBe("");
  });

  test("dockerd is started anew beside live containers, and each interface is still its own endpoint's", async () => {
    await engine.killDockerd();
    await engine.startDockerd("--live-restore");
    for (const name of ["one", "two", "three"]) await create(name);
    await docker("run", "-d", "--name", "peer", "--network", "three", ...sleeper);
    await docker("run", "-d", "--name", "it", "--network", "one", "-p", "8080:80", ...web);
    await isKnown("it");
    for (const name of ["two", "three"]) await docker("network", "connect", name, "it");
    expect(await docker("exec", "it", "ip", "-o", "link")).toContain(" eth2");
    const address = await docker("inspect", "--format", "{{.NetworkSettings.Networks.three.IPAddress}}", "it");
    const reached = async (): Promise<void> =>
      void (await docker("exec", "peer", "ping", "-c", "1", "-W", "2", address));
    await reached();
    await engine.killDockerd();
    await engine.startDockerd("--live-restore");
    expect(await docker("ps", "-q", "--filter", "name=it")).not.toBe("");
    await reached();
    expect(await get(host, "http://127.0.0.1:8080/")).not.toBe("");
    await docker("network", "disconnect", "two", "it");
    await reached();
    expect(await host.netkit("doctor")).toContain("all is well");
    await docker("network", "disconnect", "one", "it");
    await reached();
    await docker("network", "disconnect", "three", "it");
    await docker("network", "connect", "two", "it");
    expect(await sandboxes()).toHaveLength(2);
    await docker("rm", "-f", "it", "peer");
    expect(await sandboxes()).toEqual([]);
    await engine.killDockerd();
    await engine.startDockerd();
  });

  test("a container is called in sandboxes what it is in Docker, from its start to its end", async () => {
    const id = await create("n");
    await host.netkit("run", "-d", "--name", "sandbox", "--network", id, "--", "sleep", "1000");
    await host.netkit("run", "-d", "--name", "taken", "--network", id, "--", "sleep", "1000");
    const resolves = async (name: string): Promise<void> =>
      await host.until(`netkit exec sandbox -- ping -c 1 -W 2 ${name}`);
    const more = ["--network-alias", "www", "--hostname", "who"];
    const short = (await docker("run", "-d", "--name", "web", "--network", "n", ...more, ...sleeper)).slice(0, 12);
    for (const name of ["web", "www", "who", short]) await resolves(name);
    expect(Object.values((await shown(id))?.Containers ?? {}).map(({ Name }) => Name)).toContain("web");
    await docker("rename", "web", "shop");
    await resolves("shop");
    // Somebody has the name here: both are called so.
    await docker("run", "-d", "--name", "taken", "--network", "n", ...sleeper);
    const address = await addressOf("taken");
    await host.until(`netkit exec sandbox -- getent ahostsv4 taken | grep -q "^${address} "`);
    await engine.restartAgent();
    await docker("restart", "-t", "0", "shop");
    await resolves("shop");
    await docker("rm", "-f", "shop");
    const { status } = await host.run("netkit exec sandbox -- ping -c 1 -W 2 shop".split(" "));
    expect(status).not.toBe(0);
  });

  test("a container finds sandboxes by name where it is told to ask netkit, and goes on after an agent's end", async () => {
    const id = await create("n");
    await host.netkit("run", "-d", "--name", "sandbox", "--network", id, "--", "sleep", "1000");
    await docker("run", "-d", "--name", "it", "--dns", "127.0.0.12", "--network", "n", ...sleeper);
    const finds = `docker -H ${engine.api} exec it ping -c 1 -W 2 sandbox`;
    await host.until(finds);
    await engine.restartAgent();
    await host.until(finds);
    await docker("run", "-d", "--name", "other", "--network", "n", ...sleeper);
    await docker("exec", "it", "ping", "-c", "1", "-W", "2", "other");
    expect(await docker("exec", "it", "cat", "/etc/resolv.conf")).toContain("nameserver 127.0.0.11");
  });

  test("the first thing that a container asks for is answered at once", async () => {
    const id = await create("n");
    await host.netkit("run", "-d", "--name", "sandbox", "--network", id, "--", "sleep", "1000");
    // Nobody asks a second time, nor waits.
    const asking = "--dns 127.0.0.12 --dns-opt timeout:1 --dns-opt attempts:1".split(" ");
    for (let round = 1; round <= 4; round++) {
      const ping = ["box", "ping", "-c", "1", "-W", "2", "sandbox"];
      expect(await docker("run", "--rm", "--network", "n", ...asking, ...ping), String(round)).toContain(
        " 0% packet loss",
      );
    }
  });

  test("an agent that dies between an address and its container is started anew, and knows what it has to", async () => {
    await create("n");
    await engine.holdContainers();
    await using running = engine.startDocker("run", "-d", "--name", "it", "--network", "n", ...sleeper);
    await host.until('test -n "$(netkit sandbox ls -q)"');
    await engine.restartAgent();
    await engine.releaseContainers();
    expect(await running.ended).toBe(0);
    expect(await docker("exec", "it", "ip", "-o", "-4", "address")).toContain(" eth0 ");
    await docker("network", "disconnect", "n", "it");
    expect(await sandboxes()).toEqual([]);
  });

  test("what install writes, uninstall takes back, once no container is in its way", async () => {
    const unit = "/etc/systemd/system";
    await host.shell(`mkdir -p ${unit}; mount -t tmpfs tmpfs ${unit}`);
    expect(await host.netkit("docker", "install", "--print")).toContain("After=netkit-agent.service");
    const refused = await host.run(["netkit", "docker", "install"]);
    expect([refused.status, refused.stderr]).toEqual([6, expect.stringContaining("nothing was written")]);
    expect(await host.exec(["find", unit, "-mindepth", "1"])).toBe("");
    expect(await host.netkit("docker", "install", "--no-start")).toContain("netkit agent install");
    expect(await host.read(`${unit}/docker.service.d/netkit-agent.conf`)).toContain("Wants=netkit-agent.service");
    expect(await host.exec(["cat", "/var/lib/netkit/docker.json"])).toBe("{}\n");
    await create("n");
    await docker("run", "-d", "--name", "it", "--network", "n", ...sleeper);
    const { status, stderr } = await host.run(["netkit", "docker", "uninstall", "--no-stop"]);
    expect([status, stderr]).toEqual([4, expect.stringContaining("containers are on netkit's networks")]);
    await docker("rm", "-f", "it");
    const { stderr: warnings } = await host.run(["netkit", "docker", "uninstall"]);
    expect(warnings).toMatch(/still has networks of netkit's: n\n[^]*goes on serving Docker\n/);
    expect(await host.exec(["find", unit, "-mindepth", "1"])).toBe("");
    expect(await host.netkit("docker", "uninstall")).toContain("not installed");
    await host.exec(["umount", unit]);
  });

  test("a network that netkit has is Docker's too, and stays when Docker's goes", async () => {
    await host.netkit("network", "create", "--subnet", "10.78.0.0/24", "mine");
    await host.netkit("run", "-d", "--name", "sandbox", "--network", "mine", "--", "sleep", "1000");
    const joining = ["-o", "netkit.network=mine"];
    await host.netkit("network", "create", "--internal", "apart");
    const refusal = await engine.refusal(
      "network",
      "create",
      "-d",
      "netkit",
      "-o",
      "netkit.network=apart",
      "other-name",
    );
    expect(refusal).toContain("'apart' can't have");
    await host.netkit("network", "rm", "apart");
    const [line = ""] = refusal.replaceAll("apart", "mine").match(/docker network create .*(?=OTHER-NAME)/) ?? [];
    expect(line).toContain("--ipam-driver null");
    const given = ["network", "create", "-d", "netkit", "--subnet", "10.78.0.0/24", ...joining];
    const keepsIp = await engine.refusal(...given, "it");
    expect(keepsIp).toContain(line);
    const [withSubnet = ""] =
      keepsIp.match(/docker network create (?=\S+ \S+ --ipam-driver netkit).*(?=OTHER-NAME)/) ?? [];
    await docker(...withSubnet.trim().split(" ").slice(1), "with-ip");
    await docker("run", "-d", "--rm", "--name", "it", "--network", "with-ip", "--ip", "10.78.0.77", ...sleeper);
    expect(await addressOf("it")).toBe("10.78.0.77");
    await docker("rm", "-f", "it");
    await docker("network", "rm", "with-ip");
    const more = ["--ipam-driver", "netkit", "--internal", "--gateway", "10.78.0.9"];
    expect(await engine.refusal(...given, ...more, "it")).toContain("--internal, --gateway 10.78.0.9 can't be set");
    const id = await docker(...line.trim().split(" ").slice(1), "other-name");
    expect(await shown("mine")).toMatchObject({ Joins: [{ Id: id, Engine: "Docker" }] });
    expect(await host.netkit("network", "prune")).toBe("");
    const kept = await host.run(["netkit", "network", "rm", "mine"]);
    expect(kept.stderr).toMatch(/network 'mine' is one of Docker's, too.*docker network rm [0-9a-f]{12}\./s);
    await docker("run", "-d", "--name", "it", "--network", "other-name", "-p", "8080:80", ...web);
    expect(await addressOf("it")).toBe("10.78.0.3");
    expect(await get(host, "http://127.0.0.1:8080/")).not.toBe("");
    await docker("exec", "it", "ping", "-c", "1", "-W", "2", "10.78.0.2");
    expect(Object.keys((await shown("mine"))?.Containers ?? {})).toHaveLength(2);
    // Its address is its network's to give: it may be another one.
    await docker("restart", "-t", "0", "it");
    await docker("run", "-d", "--name", "other", "--network", "other-name", ...sleeper);
    const [one, two] = [await addressOf("it"), await addressOf("other")];
    expect(new Set([one, two, "10.78.0.2"]).size).toBe(3);
    await docker("exec", "other", "ping", "-c", "1", "-W", "2", "it");
    // Connected while it runs, too.
    await docker("network", "disconnect", "other-name", "other");
    await docker("network", "connect", "other-name", "other");
    await docker("exec", "other", "ping", "-c", "1", "-W", "2", one);
    // It is on the same one by another name.
    const further = await docker(...line.trim().split(" ").slice(1), "third-name");
    const ways = [id, further].toSorted().map((each) => `docker network disconnect ${each.slice(0, 12)} other`);
    expect(await engine.refusal("network", "connect", "third-name", "other")).toContain(ways.join(", or "));
    expect((await host.run(["netkit", "network", "disconnect", "mine", "other"])).stderr).toContain(ways.join(", or "));
    await docker("rm", "-f", "it", "other");
    await docker("network", "rm", "other-name", "third-name");
    expect(await shown("mine")).toMatchObject({ Name: "mine", Joins: [] });
  });

  test("with Docker's own IPAM a network that netkit has gets Docker's subnet as well, for as long as Docker's is there", async () => {
    await host.netkit("network", "create", "--subnet", "10.78.0.0/24", "mine");
    await host.netkit("run", "-d", "--name", "sandbox", "--network", "mine", "-p", "8081:80", "--", "sleep", "1000");
    await docker("network", "create", "-d", "netkit", "-o", "netkit.network=mine", "other-name");
    const subnet = await docker("network", "inspect", "-f", "{{(index .IPAM.Config 0).Subnet}}", "other-name");
    expect(await subnets("mine")).toBe(`10.78.0.0/24 ${subnet}`);
    await docker("run", "-d", "--name", "it", "--network", "other-name", "-p", "8080:80", ...web);
    await isKnown("it");
    const address = await addressOf("it");
    expect(address.split(".").slice(0, 2)).toEqual(subnet.split(".").slice(0, 2));
    expect(await get(host, "http://127.0.0.1:8080/")).not.toBe("");
    await docker("exec", "it", "ping", "-c", "1", "-W", "2", "10.78.0.2");
    for (const target of [address, "it"])
      await host.netkit("exec", "sandbox", "--", "ping", "-c", "1", "-W", "2", target);
    await docker("network", "disconnect", "other-name", "it");
    await docker("network", "connect", "other-name", "it");
    await host.netkit("exec", "sandbox", "--", "ping", "-c", "1", "-W", "2", await addressOf("it"));
    await docker("rm", "-f", "it");
    await docker("network", "rm", "other-name");
    expect(await subnets("mine")).toBe("10.78.0.0/24");
    await host.netkit("exec", "sandbox", "--", "ping", "-c", "1", "-W", "2", "10.78.0.1");
  });

  test("with netkit's IPAM, and no subnet named, its containers have addresses of the network's own", async () => {
    await host.netkit("network", "create", "--subnet", "10.78.0.0/24", "mine");
    await create("other-name", "-o", "netkit.network=mine");
    const pool = await docker("network", "inspect", "-f", "{{(index .IPAM.Config 0).Subnet}}", "other-name");
    expect(await shown("mine")).toMatchObject({ IPAM: { Config: [{}] }, Joins: [{ Pools: [pool], Subnets: [] }] });
    // It is nobody else's meanwhile.
    const taken = await host.run(["netkit", "network", "create", "--subnet", pool, "another"]);
    expect(taken.stderr).toContain("overlaps the pool of Docker's network");
    for (const name of ["it", "other"])
      await docker("run", "-d", "--name", name, "--network", "other-name", ...sleeper);
    expect([await addressOf("it"), await addressOf("other")]).toEqual(["10.78.0.2", "10.78.0.3"]);
    await docker("exec", "other", "ping", "-c", "1", "-W", "2", "it");
    await engine.killDockerd();
    await engine.restartAgent();
    await engine.startDockerd();
    await docker("start", "it", "other");
    await docker("exec", "other", "ping", "-c", "1", "-W", "2", await addressOf("it"));
    await docker("rm", "-f", "it", "other");
    await docker("network", "rm", "other-name");
    await host.netkit("network", "rm", "mine");
  });

  test.skipIf(!hasCompose)("Compose makes networks of netkit's like any other, and takes them away", async () => {
    const file = "/run/docker/compose.yaml";
    const compose = async (...words: readonly string[]): Promise<string> => await engine.compose(file, ...words);
    await host.write(
      file,
      `name: shop
services:
  web:
    image: box
    command: ["sh", "-c", "echo shop > /index.html; exec httpd -f -p 80 -h /"]
    ports: ["8080:80"]
    networks: { front: {}, back: { aliases: [www] } }
  data:
    image: box
    command: sleep 1000
    networks: [back]
networks:
  front: { driver: netkit, ipam: { driver: netkit } }
  back: { driver: netkit, internal: true, ipam: { driver: netkit, config: [{ subnet: 10.83.0.0/24 }] } }
  default: { driver: netkit }
`,
    );
    const works = async (): Promise<void> => {
      expect(await get(host, "http://127.0.0.1:8080/")).toBe("shop");
      for (const name of ["web", "www"]) await compose("exec", "data", "ping", "-c", "1", "-W", "2", name);
      expect(await sandboxes()).toEqual(expect.arrayContaining(["shop-data-1", "shop-web-1"]));
      expect(await host.netkit("doctor")).toContain("all is well");
    };
    await compose("up", "-d");
    await isKnown("shop-data-1");
    await isKnown("shop-web-1");
    await works();
    await compose("up", "-d", "--force-recreate", "-t", "0");
    await isKnown("shop-web-1");
    await isKnown("shop-data-1");
    await works();
    await compose("down", "-t", "0");
    expect(await docker("network", "ls", "-q", "--filter", "driver=netkit")).toBe("");
    expect(await sandboxes()).toEqual([]);
    // With Docker's own IPAM as well.
    await host.write(
      file,
      "services: { web: { image: box, command: sleep 1000 } }\nnetworks: { default: { driver: netkit } }\n",
    );
    await compose("up", "-d");
    expect(await compose("exec", "web", "ip", "-o", "-4", "address")).toContain(" eth0 ");
    await compose("down", "-t", "0");
    await host.remove(file);
  });

  test("a network is called what it is in Docker, unless that is somebody else's here", async () => {
    await host.netkit("network", "create", "--subnet", "10.78.0.0/24", "taken");
    const id = await create("my-net");
    await docker("run", "-d", "--name", "web", "--network", "my-net", ...sleeper);
    await isKnown("web");
    await host.until("netkit network inspect my-net");
    expect(await shown("my-net")).toMatchObject({ Id: id, Name: "my-net" });
    await host.netkit("run", "-d", "--name", "sandbox", "--network", "my-net", "--", "sleep", "1000");
    await host.netkit("exec", "sandbox", "--", "ping", "-c", "1", "-W", "2", "web.my-net");
    const [other, given] = [await create("taken"), await create("given", "-o", "netkit.name=so")];
    // Made later, it is known by then, and so are those before it.
    await create("last");
    await host.until("netkit network inspect last");
    expect([(await shown(other))?.Name, (await shown(given))?.Name]).toEqual([`docker-${other.slice(0, 12)}`, "so"]);
    expect(await host.netkit("doctor")).toContain("all is well");
    await host.netkit("sandbox", "rm", "-f", "sandbox");
    await docker("rm", "-f", "web");
    await docker("network", "rm", "my-net", "taken", "given", "last");
    expect(await host.netkit("network", "prune")).toBe("Deleted Networks:\ntaken\n");
  });

  test("networks that no container is on are pruned, and no others", async () => {
    await host.netkit("network", "create", "--subnet", "10.78.0.0/24", "mine");
    for (const name of ["used", "unused"]) await create(name);
    await create("joined", "-o", "netkit.network=mine", "--subnet", "10.78.0.0/24");
    await docker("run", "-d", "--name", "it", "--network", "used", ...sleeper);
    await host.until("netkit network inspect used");
    expect((await docker("network", "prune", "-f")).split("\n").slice(1).toSorted()).toEqual(["joined", "unused"]);
    const left = (await host.netkit("network", "ls", "--filter", "type=custom", "--format", "{{.Name}}")).trim();
    expect(left.split("\n").toSorted()).toEqual(["mine", "used"]);
    await docker("rm", "-f", "it");
    await docker("network", "prune", "-f");
    await host.netkit("network", "rm", "mine");
  });

  test("while no agent runs, doctor, stop and status say that Docker isn't served", async () => {
    await create("n");
    await docker("run", "-d", "--name", "it", "--network", "n", ...sleeper);
    expect(await host.netkit("agent", "status")).toMatch(/^Docker +served$/m);
    const stopped = await host.run(["netkit", "agent", "stop"]);
    expect(stopped.stderr).toMatch(/warning: Docker isn't served any more.*\n.*: netkit agent --docker\n/);
    const sick = await host.run(["netkit", "doctor"]);
    expect([sick.status, sick.stdout]).toEqual([9, expect.stringContaining("unserved  Docker isn't served")]);
    await host.write("/var/lib/netkit/docker.json", "{}\n");
    expect(await host.netkit("doctor", "--repair")).toContain("1 repaired");
    await docker("restart", "-t", "0", "it");
    expect((await host.run(["netkit", "agent", "stop"])).stderr).toMatch(/: netkit doctor --repair\n/);
    await host.remove("/var/lib/netkit/docker.json");
    // One that names need, and that was started without.
    await host.netkit("sandbox", "create", "--name", "named", "--network", "n");
    const without = await host.run(["netkit", "doctor"]);
    expect(without.stdout).toContain("the agent that runs was started without");
    expect(without.stdout).toContain("netkit agent stop");
    await host.netkit("sandbox", "rm", "named");
    await host.netkit("agent", "stop");
    await host.remove("/var/lib/netkit/agent.log");
    await engine.restartAgent();
  });

  test("a network that Docker has forgotten while nobody answered it goes, but not one that somebody else is on", async () => {
    await host.netkit("network", "create", "--subnet", "10.78.0.0/24", "mine");
    for (const name of ["forgotten", "used"]) await create(name);
    await docker("network", "create", "-d", "netkit", "--ipam-driver", "null", "-o", "netkit.network=mine", "other");
    // Which dockerd has them is learnt a moment later.
    for (const name of ["forgotten", "used", "mine"])
      await host.until(`netkit network inspect -f "{{(index .Joins 0).Daemon}}" ${name} | grep .`);
    await host.netkit("sandbox", "create", "--name", "plain", "--network", "used");
    await engine.killDockerd();
    await host.remove("/var/lib/docker/network/files/local-kv.db");
    await engine.startDockerd();
    await host.until('! netkit network ls --format "{{.Name}}" | grep -x forgotten');
    await host.until('test "$(netkit network inspect -f "{{len .Joins}}" mine)" = 0');
    expect(await shown("used")).toMatchObject({ Joins: [] });
    await host.netkit("sandbox", "rm", "plain");
    await host.netkit("network", "rm", "used", "mine");
  });

  test("the agent is started anew, and so is dockerd, with live containers", async () => {
    await create("n");
    await docker("run", "-d", "--name", "web", "--hostname", "web", "--network", "n", "-p", "8080:80", ...web);
    await engine.restartAgent();
    expect(await get(host, "http://127.0.0.1:8080/")).toBe("web");
    expect(await host.netkit("doctor")).toContain("all is well");
    await docker("restart", "-t", "0", "web");
    expect(await get(host, "http://127.0.0.1:8080/")).toBe("web");
    // One that Docker moves, and one that it doesn't.
    await create("m");
    await docker("network", "connect", "m", "web");
    await engine.killDockerd();
    await engine.startDockerd();
    await host.until('test -z "$(netkit sandbox ls -q)"');
    await docker("start", "web");
    expect(await sandboxes()).toHaveLength(1);
    expect(await get(host, "http://127.0.0.1:8080/")).toBe("web");
  });

  test("of a dockerd that dies in the middle of a start nothing stays once it is back", async () => {
    await create("n");
    await engine.holdContainers();
    await using running = engine.startDocker("run", "--name", "it", "--network", "n", "-p", "8080:80", ...sleeper);
    await host.until('test -n "$(netkit sandbox ls -q)"');
    // What was handed over has nowhere to go yet, and is as it should be.
    expect(await host.netkit("doctor")).toContain("all is well");
    await engine.killDockerd();
    await running.ended;
    await engine.releaseContainers();
    await engine.startDockerd();
    await docker("rm", "-f", "it");
    expect(await sandboxes()).toEqual([]);
  });

  test("of a dockerd that dies while it connects a container that runs nothing stays once it is back", async () => {
    for (const name of ["n", "m"]) await create(name);
    await docker("run", "-d", "--name", "it", "--network", "n", ...sleeper);
    // Wherever it is by then: before it asks, in the middle of the kernel's work, after its end.
    for (const afterMs of [30, 60]) {
      await docker("start", "it");
      await isKnown("it");
      await using connecting = engine.startDocker("network", "connect", "m", "it");
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      await engine.killDockerd();
      await connecting.ended;
      await engine.startDockerd();
      // The container has ended with it.
      await host.until('test -z "$(netkit sandbox ls -q)"');
      await docker("network", "disconnect", "-f", "m", "it").catch(() => undefined);
    }
    await docker("start", "it");
    await isKnown("it");
    await docker("network", "connect", "m", "it");
    expect(await docker("exec", "it", "ip", "-o", "link")).toContain(" net0");
    await docker("rm", "-f", "it");
    expect(await sandboxes()).toEqual([]);
  });

  test("what netkit refuses is told in its words, and leaves nothing of the container", async () => {
    await create("n", "--subnet", "10.79.0.0/24");
    await docker("run", "-d", "--name", "first", "--network", "n", "--ip", "10.79.0.9", "-p", "8080:80", ...web);
    for (const [words, why] of [
      [["-p", "8080:80"], "port 8080/tcp is in use"],
      [["--ip", "10.79.0.9"], "address 10.79.0.9 is in use"],
      [["--ip", "10.79.0.1"], "10.79.0.1"],
    ] as const)
      expect(await engine.refusal("run", "--rm", "--network", "n", ...words, ...sleeper)).toContain(why);
    expect(await engine.refusal("network", "create", "-d", "netkit", "-o", "icx=1", "bad")).toContain("icc");
    const overlapping = ["--ipam-driver", "netkit", "--subnet", "10.79.0.0/16"];
    expect(await engine.refusal("network", "create", "-d", "netkit", ...overlapping, "bad")).toContain("overlaps");
    expect(await sandboxes()).toHaveLength(1);
  });

  test("a container that runs on Docker's own network gets a further interface, until that or the container goes", async () => {
    await docker("network", "create", "--subnet", "10.83.0.0/24", "theirs");
    await host.netkit("network", "create", "--subnet", "10.84.0.0/24", "mine");
    await host.netkit("run", "-d", "--name", "sandbox", "--network", "mine", "--", "sleep", "1000");
    const id = await docker("run", "-d", "--name", "shop", "--hostname", "front", "--network", "theirs", ...web);
    const files = ["exec", "shop", "cat", "/etc/hosts", "/etc/resolv.conf", "/etc/hostname"];
    const unchanged = await docker(...files);
    await network("connect", "--ip", "10.84.0.9", "--alias", "www", "-p", "8080:80", "mine", "docker://shop");
    for (const name of ["shop", "www", "front", id.slice(0, 12)])
      await host.netkit("exec", "sandbox", "--", "ping", "-c", "1", "-W", "2", name);
    await docker("exec", "shop", "ping", "-c", "1", "-W", "2", "10.84.0.2");
    for (const [from, address] of [
      [host, "127.0.0.1"],
      [host, host.address],
      [outside, host.address],
    ] as const)
      expect(await get(from, `http://${address}:8080/`)).toBe("front");
    expect(await docker(...files)).toBe(unchanged);
    expect(await docker("exec", "shop", "ip", "route")).toMatch(/^default via 10\.83\.0\.1 /);
    const state = await host.netkit("sandbox", "ls", "--format", "{{.Name}} {{.State}} {{.PID}} {{.Labels}}");
    const pid = await docker("inspect", "--format", "{{.State.Pid}}", "shop");
    expect(state.split("\n")).toContain(`shop running ${pid} netkit.guest=docker://${id}`);
    expect(await host.netkit("doctor")).toContain("all is well");
    // Docker goes on with it as if netkit weren't there.
    await docker("network", "create", "more");
    await docker("network", "connect", "more", "shop");
    await docker("network", "disconnect", "more", "shop");
    await docker("exec", "shop", "ping", "-c", "1", "-W", "2", "10.84.0.2");

    await network("disconnect", "mine", `docker://${id.slice(0, 12)}`);
    expect(await docker("exec", "shop", "ip", "-o", "address")).not.toContain("10.84.");
    expect(await sandboxes()).toEqual(["sandbox"]);
    await network("connect", "-p", "8080:80", "mine", "docker://shop");
    await docker("restart", "-t", "0", "shop");
    await host.until('test "$(netkit sandbox ls --format {{.Name}})" = sandbox');
    expect(await host.netkit("port", "ls")).not.toContain("8080");
    expect(await docker("exec", "shop", "ip", "-o", "address")).not.toContain("10.84.");
    // Either Docker connects it to netkit's networks or netkit does.
    await network("connect", "mine", "docker://shop");
    await create("n");
    expect(await engine.refusal("network", "connect", "n", "shop")).toContain("netkit sandbox rm shop");
    await docker("rm", "-f", "shop");
    await host.until('test "$(netkit sandbox ls --format {{.Name}})" = sandbox');
  });

  test("what can't be connected by docker:// is told, with what to do, and stays as it is", async () => {
    const own = await create("n", "--subnet", "10.85.0.0/24");
    await host.netkit("network", "create", "--subnet", "10.86.0.0/24", "mine");
    const theirs = await create("theirs", "--subnet", "10.87.0.0/24");
    await docker("run", "-d", "--name", "ours", "--network", "n", ...sleeper);
    await docker("create", "--name", "idle", "--network", "none", ...sleeper);
    await docker("run", "-d", "--name", "bare", "--network", "host", ...sleeper);
    await docker("run", "-d", "--name", "alone", "--network", "none", ...sleeper);
    for (const [ref, status, why] of [
      ["docker://ours", 4, "-o netkit.network=mine"],
      ["docker://idle", 3, "docker start idle"],
      ["docker://bare", 4, "the host's own namespace"],
      ["docker://nobody", 3, "has no container 'nobody'"],
      ["docker://", 2, "names no container"],
      ["docker://../images", 2, "names no container"],
      ["docker://%2e", 2, "names no container"],
    ] as const) {
      const outcome = await host.run(["env", dockerHost(), "netkit", "network", "connect", "mine", ref]);
      expect({ ref, status: outcome.status, stderr: outcome.stderr }).toEqual({
        ref,
        status,
        stderr: expect.stringContaining(why),
      });
    }
    for (const [name, why] of [
      ["theirs", `Have it do that: docker network connect ${theirs.slice(0, 12)} ours\n`],
      ["n", `It is on 'n' already. To take it off: docker network disconnect ${own.slice(0, 12)} ours\n`],
    ] as const) {
      const outcome = await host.run(["env", dockerHost(), "netkit", "network", "connect", name, "docker://ours"]);
      expect(outcome.stderr).toContain(why);
    }
    expect(await sandboxes()).toEqual(["ours"]);
    // One without any network of Docker's gets its way out from netkit, and stays Docker's to connect.
    await network("connect", "mine", "docker://alone");
    await docker("exec", "alone", "ping", "-c", "1", "-W", "2", outside.address);
    expect(await host.netkit("doctor")).toContain("all is well");
    await docker("kill", "alone");
    await host.until('test "$(netkit sandbox ls --format {{.Name}})" = ours');
  });

  test("a container on a macvlan network is on the wire itself", async () => {
    const make = ["network", "create", "-d", "netkit-macvlan", "--ipam-driver", "netkit", "--subnet", "10.80.0.0/24"];
    await docker(...make, "-o", `parent=${host.link}`, "wire");
    await docker("run", "-d", "--name", "it", "--network", "wire", "--ip", "10.80.0.7", ...sleeper);
    await outside.shell(`ip address add 10.80.0.200/24 dev ${outside.link}`);
    const ping = ["exec", "it", "ping", "-c", "1", "-W", "3", "10.80.0.200"];
    expect(await docker(...ping)).toContain(" 0% packet loss");
    await docker("restart", "-t", "0", "it");
    expect(await docker(...ping)).toContain(" 0% packet loss");
    await isKnown("it");
    await docker("network", "disconnect", "wire", "it");
    await docker("network", "connect", "--ip", "10.80.0.8", "wire", "it");
    expect(await docker("exec", "it", "ip", "-o", "-4", "address")).toMatch(/ net0 .*10\.80\.0\.8/);
    expect(await docker(...ping)).toContain(" 0% packet loss");
    await outside.shell(`ip address delete 10.80.0.200/24 dev ${outside.link}`);
  });
});
