import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { etcdctl, etcdPrograms, etcdServer, spaceOf } from "@netkit/testing";
import { describe, expect, test, vi } from "vitest";
import { CniRuntime } from "./cni-runtime.ts";
import { onHosts, type Host } from "./host.ts";

let host: Host;
onHosts((given) => (host = given));

/** An agent with these options, once it serves; 'agent stop' ends it. */
function startAgent(...options: string[]): void {
  const script = `mkfifo ready && { "$@" --ready-fd 3 3>ready >agent.out 2>&1 </dev/null & } && read line <ready; rm ready; cat agent.out`;
  const started = host.attempt("sh", "-c", script, "sh", process.execPath, host.cli, "agent", ...options);
  expect(started).toEqual({ status: 0, stdout: "", stderr: "" });
}

/** An address that others could reach, on a link that is there already. */
function addAddress(): void {
  host.run("ip", "address", "add", "192.0.2.7/32", "dev", "lo");
}

test("a store is named by a URL of etcd, Consul or a file, and what is advertised needs one", () => {
  const { status, stderr } = host.netkit(["agent", "--store", "mysql://x"]);
  expect([status, stderr]).toEqual([
    2,
    expect.stringContaining("the store is neither of etcd nor of Consul, nor a file"),
  ]);
  expect(host.netkit(["agent", "--store", "etcd://x?prefixx=y"]).stderr).toContain("has no parameter");
  expect(host.netkit(["agent", "--advertise", "eth0"]).stderr).toContain("--advertise is for hosts that share a store");
  expect(host.ok("host", "ls", "-q")).toBe("");
});

test("of a network of many hosts a plan says when it comes to this one", () => {
  const note = "network 'n' is made on each host with its first sandbox there: see 'netkit network connect --explain'";
  expect(host.ok("network", "create", "--driver", "overlay", "--explain", "n")).toBe(`# ${note}\n`);
  const plan = host.ok("network", "create", "--driver", "overlay", "--dry-run", "n");
  expect(plan).toBe(`Nothing would change in the kernel.\n${note}\n`);
  expect(host.ok("network", "create", "--explain", "--driver", "bridge", "n")).not.toContain("#");
});

test.each([
  ["eth9", 3, "this host has no link 'eth9' that others could be told of"],
  ["lo", 3, "'lo', whose address is 127.0.0.1, leads every other host to itself"],
  ["192.0.2.9", 2, "192.0.2.9 is no address of this host"],
])(
  "an agent that is to advertise %s, which leads others nowhere, ends with that, and remembers nothing",
  (advertise, code, message) => {
    const { status, stderr } = host.netkit(["agent", "--store", "etcd://127.0.0.1:2379", "--advertise", advertise]);
    expect([status, stderr]).toEqual([code, expect.stringContaining(message)]);
    expect(stderr).toContain("hint:  Name ");
    expect(host.netkit(["agent", "--advertise", "lo"]).stderr).toContain("is for hosts that share a store");
  },
);

test.each(["etcd://192.0.2.2:2379", "consul://192.0.2.2:8500"])(
  "commands and the agent end with their answer where packets to %s are dropped",
  (store) => {
    host.run("ip", "link", "add", "drop0", "type", "veth", "peer", "name", "drop1");
    host.run("ip", "address", "add", "192.0.2.1/24", "dev", "drop0");
    for (const link of ["drop0", "drop1"]) host.run("ip", "link", "set", link, "up");
    host.run("ip", "neigh", "add", "192.0.2.2", "lladdr", "02:00:00:00:00:02", "dev", "drop0");
    startAgent("--store", `${store}/?timeout-ms=2000`, "--advertise", "drop0");
    // The kernel itself goes on with a connection for more than two minutes.
    const { status, stderr } = host.attempt(
      "timeout",
      "15",
      process.execPath,
      "--",
      host.cli,
      "network",
      "create",
      "-d",
      "overlay",
      "n",
    );
    expect([status, stderr]).toEqual([8, expect.stringContaining("can't be used")]);
    host.run("timeout", "15", process.execPath, "--", host.cli, "agent", "stop");
    expect(host.run("ss", "-Htn", "state", "syn-sent")).toBe("");
    host.run("ip", "link", "delete", "drop0");
  },
  60_000,
);

const listed = `hosts: { here: 127.0.0.1, there: 127.0.0.2 }
networks:
  n: { subnets: [10.7.0.0/24], hosts: { here: 10.7.0.64/26, there: 10.7.0.128/26 }, options: { vni: 5001 } }
`;

/** An address of this host's part. */
const own = /^10\.7\.0\.[67]\d$/;

/** A file in a folder of its own, beside which the agent says what goes wrong. */
function writePeers(text: string): string {
  const path = join(host.root, "peers", "hosts.yaml");
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
  return path;
}

test("a file that was never right is refused, with the line; one that was is what holds", async () => {
  const path = writePeers(listed.replace("127.0.0.1", "127.0.0.9"));
  const refused = host.netkit(["agent", "--store", `file:${path}`]);
  expect([refused.status, refused.stderr]).toEqual([2, expect.stringContaining(`${path}:1: hosts: none has`)]);
  expect(host.netkit(["agent", "--store", `file:${path}`, "--advertise", "127.0.0.1"]).stderr).toContain(
    `${path}:1: hosts: none has this host's address 127.0.0.1`,
  );
  expect(host.ok("host", "ls", "-q")).toBe("");
  writePeers(listed);
  startAgent("--store", `file:${path}`);
  expect(host.ok("host", "ls", "--format", "{{.Name}} {{.State}}")).toBe("here up\nthere listed\n");
  expect(host.ok("network", "ls", "--filter", "driver=overlay", "--format", "{{.Name}} {{.Scope}}")).toBe("n global\n");
  expect(host.ok("run", "--rm", "--network", "n", "--", "hostname", "-I").trim()).toMatch(own);
  expect(host.netkit(["network", "create", "--driver", "overlay", "m"])).toMatchObject({
    status: 6,
    stderr: expect.stringContaining(`hosts share the networks that ${path} lists`),
  });
  expect(host.ok("network", "prune", "-f")).toBe("");

  const trouble = `${path}:3: networks.n.options: 'vni' has to be one value, for hosts have no store to agree on one by`;
  writePeers(listed.replace("vni: 5001", ""));
  await vi.waitFor(() => expect(host.ok("agent", "status")).toContain(trouble), { timeout: 20_000 });
  const { status, stdout } = host.netkit(["doctor"]);
  expect([status, stdout]).toEqual([9, expect.stringContaining(`peers-file ${trouble}`)]);
  expect(host.ok("run", "--rm", "--network", "n", "--", "hostname", "-I").trim()).toMatch(own);
  host.ok("agent", "stop");
  // The next agent, too, goes on with what was right.
  expect(host.ok("run", "--rm", "--network", "n", "--", "hostname", "-I").trim()).toMatch(own);
  writePeers("hosts: { here: 127.0.0.1 }");
  await vi.waitFor(() => expect(host.ok("network", "ls", "--format", "{{.Name}}")).not.toContain("n\n"), {
    timeout: 20_000,
  });
  expect(JSON.parse(host.ok("agent", "status", "--json"))).toMatchObject({ peersFile: { path, troubles: [] } });

  // A host that leaves the others knows nothing of them.
  writePeers(listed);
  await vi.waitFor(() => expect(host.ok("host", "ls")).toContain("there"), { timeout: 20_000 });
  host.ok("agent", "stop");
  startAgent("--store", "local");
  expect(host.ok("host", "ls", "--format", "{{.Name}}")).toBe("here\n");
  expect(host.ok("network", "ls", "--filter", "driver=overlay", "-q")).toBe("");
});

describe.skipIf(etcdPrograms === undefined)("with etcd", () => {
  test("what a file listed isn't taken to the store that comes after it", async () => {
    const space = spaceOf(host.path);
    await using server = etcdServer();
    const { serves } = space.within(() => ({ serves: server.start() }));
    await serves;
    const path = writePeers(listed);
    startAgent("--store", `file:${path}`);
    expect(host.ok("network", "ls", "--filter", "driver=overlay", "-q")).not.toBe("");
    expect(host.ok("host", "ls", "-q").trim().split("\n")).toHaveLength(2);
    host.ok("agent", "stop");
    addAddress();
    startAgent("--store", "etcd://127.0.0.1:2379/mine/", "--advertise", "lo");
    expect(host.ok("host", "ls", "--format", "{{.VTEP}} {{.This}}")).toBe("192.0.2.7 *\n");
    host.ok("network", "create", "--driver", "overlay", "m");
    expect(host.ok("network", "ls", "--filter", "driver=overlay", "--format", "{{.Name}}")).toBe("m\n");
    const names = space.within(() => etcdctl(["get", "--prefix", "mine/network-name/", "--keys-only"]));
    expect(names.trim()).toBe("mine/network-name/m");
    host.ok("network", "rm", "m");
  });

  test("the agent's store is remembered: commands find it, with an agent or without, until it is 'local'", async () => {
    const space = spaceOf(host.path);
    await using server = etcdServer();
    const { serves } = space.within(() => ({ serves: server.start() }));
    await serves;
    addAddress();
    startAgent("--store", "etcd://127.0.0.1:2379/mine/?timeout-ms=500", "--advertise", "lo");
    host.ok("network", "create", "--driver", "overlay", "n");
    const keys = (): string => space.within(() => etcdctl(["get", "--prefix", "mine/network-name/", "--keys-only"]));
    expect(keys().trim()).toBe("mine/network-name/n");
    expect(host.ok("host", "ls", "--format", "{{.State}} {{.VTEP}} {{.This}}")).toBe("up 192.0.2.7 *\n");
    expect(JSON.parse(host.ok("agent", "status", "--json"))).toMatchObject({ shares: true, holdsLease: true });

    await server.stop("SIGKILL");
    await vi.waitFor(
      () => expect(host.ok("agent", "status")).toMatch(/^Store +away since 2\S+Z: etcd at \S+ can't be used/m),
      {
        timeout: 30_000,
        interval: 200,
      },
    );
    const seen = host.netkit(["host", "ls", "-q"]);
    expect(seen).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(/^warning: the store that hosts share is away since 2\S+Z: etcd at/) as unknown,
    });
    expect(host.netkit(["network", "ls"]).stderr).toContain("the store that hosts share is away since");
    {
      using runtime = new CniRuntime(host, "n");
      const said = { code: 51, msg: expect.stringContaining("is away since") as unknown };
      expect(runtime.call("STATUS")).toMatchObject({ status: 1, said });
      const add = runtime.call("ADD", { netns: runtime.container("c1") });
      expect(add).toMatchObject({ status: 1, said: { code: 11 } });
    }
    expect(host.netkit(["overlay", "check"])).toMatchObject({
      status: 1,
      stdout: expect.stringMatching(/0 peers on 0 networks tested: 1 problem\n$/) as unknown,
      stderr: expect.stringContaining("the store that hosts share is away since") as unknown,
    });
    expect(host.netkit(["run", "--rm", "--network", "elsewhere", "--", "true"]).stderr).toMatch(
      /no network 'elsewhere'[^]*The store that hosts share is away since/,
    );
    expect(seen.stdout).toHaveLength(13);
    const { serves: again } = space.within(() => ({ serves: server.start() }));
    await again;
    await vi.waitFor(() => expect(host.ok("agent", "status")).toMatch(/^Store +there\nLease of this host +held$/m), {
      timeout: 30_000,
      interval: 200,
    });

    host.ok("agent", "stop");
    expect(host.netkit(["host", "ls", "--format", "{{.State}}"])).toMatchObject({
      stdout: "down\n",
      stderr: expect.stringMatching(/^warning: no agent runs here: of other hosts/) as unknown,
    });
    const unknown = host.netkit(["network", "inspect", "elsewhere"]);
    expect(unknown).toMatchObject({ status: 3, stderr: expect.stringContaining("The agent isn't running") as unknown });
    // Another one is started for it.
    host.ok("network", "create", "--driver", "overlay", "m");
    expect(keys().trim().split(/\n+/)).toEqual(["mine/network-name/m", "mine/network-name/n"]);
    expect(host.netkit(["network", "inspect", "elsewhere"]).stderr).not.toContain("The agent isn't running");
    host.ok("sandbox", "create", "--name", "x", "--network", "n");
    expect(host.netkit(["agent", "stop"]).status).toBe(0);
    const forgotten = "no agent runs here: other hosts have forgotten, or will forget, this one's sandboxes";
    for (const look of [
      ["host", "ls"],
      ["network", "ls"],
      ["overlay", "check"],
    ])
      expect(host.netkit(look).stderr).toContain(`warning: ${forgotten}`);
    expect(host.netkit(["doctor"]).stdout).toContain(forgotten);
    expect(host.netkit(["agent", "--store", "local"])).toMatchObject({
      status: 4,
      stderr: expect.stringMatching(
        /this host can't leave its store: .*: 'x' on 'n'\n.*network disconnect n x/,
      ) as unknown,
    });
    for (const other of ["etcd://127.0.0.1:2379/other/", `file:${writePeers(listed)}`])
      expect(host.netkit(["agent", "--store", other])).toMatchObject({
        status: 4,
        stderr: expect.stringMatching(
          /this host can't leave its store: .* that the other one hasn't: 'x' on 'n'\n.*network disconnect n x/,
        ) as unknown,
      });
    // The same by another URL.
    startAgent("--store", "etcd://127.0.0.1:2379/mine/?timeout-ms=600");
    expect(host.netkit(["agent", "stop"]).status).toBe(0);
    host.ok("sandbox", "rm", "x");
    expect(host.ok("network", "rm", "n", "m")).toBe("n\nm\n");
    expect(keys()).toBe("");
    host.ok("agent", "stop");

    startAgent("--store", "local");
    host.ok("network", "create", "--driver", "overlay", "n");
    expect(keys()).toBe("");
    host.ok("network", "rm", "n");
  });

  test("what a host is to advertise is looked up anew when it changes, and hosts of two families are told", async () => {
    const space = spaceOf(host.path);
    await using server = etcdServer();
    const { serves } = space.within(() => ({ serves: server.start() }));
    await serves;
    addAddress();
    host.run("ip", "-6", "address", "add", "2001:db8:1::7/128", "dev", "lo");
    const store = ["--store", "etcd://127.0.0.1:2379/mine/"];
    const vtep = (): string => host.ok("host", "ls", "--format", "{{.VTEP}}");
    startAgent(...store, "--advertise", "2001:db8:1::7");
    expect(vtep()).toBe("2001:db8:1::7\n");
    host.ok("agent", "stop");
    startAgent("--advertise", "lo");
    expect(vtep()).toBe("192.0.2.7\n");

    const id = "b".repeat(64);
    const other = JSON.stringify({ id, name: "six", vtep: "2001:db8:1::8", mtu: 1500 });
    space.within(() => etcdctl(["put", `mine/host/${id}`, other]));
    host.ok("network", "create", "--driver", "overlay", "n");
    host.ok("sandbox", "create", "--name", "x", "--network", "n");
    const apart = "is reached by IPv4, and 'six' (bbbbbbbbbbbb) by IPv6: no tunnel joins them";
    await vi.waitFor(() => expect(host.netkit(["host", "ls"]).stderr).toContain(apart), { timeout: 20_000 });
    expect(host.netkit(["doctor"]).stdout).toContain(apart);
    expect(host.netkit(["overlay", "check"]).stdout).toContain(apart);
    host.ok("sandbox", "rm", "x");
    host.ok("network", "rm", "n");
  });

  test("a flannel network is made from the lease, and starts the agent that keeps it and follows the others", async () => {
    const space = spaceOf(host.path);
    await using server = etcdServer();
    const { serves } = space.within(() => ({ serves: server.start() }));
    await serves;
    const inEtcd = (...words: string[]): string => space.within(() => etcdctl(words)).trim();
    const folder = `/run/flannel/${process.pid}`;
    const create = [
      "network",
      "create",
      "-d",
      "flannel",
      "-o",
      "iface=lo",
      "-o",
      `subnet-file=${folder}/subnet.env`,
      "f",
    ];
    expect(host.netkit(create)).toMatchObject({
      status: 2,
      stderr: expect.stringContaining(
        "error: flannel's configuration in /coreos.com/network/config isn't there",
      ) as unknown,
    });
    inEtcd("put", "/coreos.com/network/config", '{"Network": "10.5.0.0/16", "Backend": {"Type": "vxlan"}}');
    const [name = "", ...words] = create;
    expect(host.ok(name, ...words, "--dry-run")).toContain("flannel.1");
    expect(host.ok(name, ...words, "--explain")).toContain("ip link add dev flannel.1 ");
    expect(inEtcd("get", "/coreos.com/network/subnets/", "--prefix", "--keys-only")).toBe("");
    expect(host.netkit(["agent", "status"]).status).toBe(3);

    host.ok(name, ...words);
    const subnet = host.ok("network", "inspect", "f", "--format", "{{(index .IPAM.Config 0).Subnet}}").trim();
    const key = `/coreos.com/network/subnets/${subnet.replace("/", "-")}`;
    expect(inEtcd("get", "/coreos.com/network/subnets/", "--prefix", "--keys-only")).toBe(key);
    expect(host.netkit(["agent", "status"]).status).toBe(0);
    const value =
      '{"PublicIP":"127.0.0.9","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}}';
    inEtcd("put", "/coreos.com/network/subnets/10.5.0.0-24", value);
    const others = (): unknown =>
      (JSON.parse(host.ok("network", "inspect", "f")) as { Outsiders: unknown }[])[0]?.Outsiders;
    const ipv4 = { subnet: "10.5.0.0/24", publicIp: "127.0.0.9", mac: "c6:d2:32:6f:8f:44" };
    await expect.poll(others, { timeout: 10_000, interval: 50 }).toEqual({ "10.5.0.0-24": { ipv4 } });
    expect(host.ok("doctor")).toContain("all is well");

    host.ok("agent", "stop");
    expect(host.netkit(["doctor"]).stdout).toContain(
      "network 'f' doesn't hold its place, nor follow who else is there",
    );
    expect(host.ok("doctor", "--repair")).toContain("all is well");
    expect(host.ok("network", "rm", "f")).toBe("f\n");
    expect(inEtcd("get", "/coreos.com/network/subnets/", "--prefix", "--keys-only")).not.toContain(key);
  });
});
