import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { reach, serve, spaceOf } from "@netkit/testing";
import { contents, inside, killedOnItsWay, reaches } from "./containers.ts";
import { CniRuntime } from "./cni-runtime.ts";
import { onHosts, type Host } from "./host.ts";
import { podmanInput, podmanNetwork, PodmanRuntime, type TestContainer } from "./podman-runtime.ts";

let machine: Host;
let podman: PodmanRuntime;
onHosts((host) => (machine = host));

function install(options: { readonly agent?: boolean } = { agent: false }): void {
  podman = new PodmanRuntime(machine, options);
}

// Before the host's own leak check: what it is about is the host.
afterEach(() => podman[Symbol.dispose]());

const pnet = podmanNetwork("pnet", 1);
const ports = (...mappings: object[]) => ({
  port_mappings: mappings.map((mapping) => ({ host_ip: "", protocol: "tcp", range: 1, ...mapping })),
});

function container(id: string, ip: string, more: object = {}): TestContainer {
  return { id, networks: [pnet], each: [{ static_ips: [ip] }], more: { ...more } };
}

function names(what: "network" | "sandbox"): string[] {
  return machine.ok(what, "ls", "--format", "{{.Name}}").split("\n").filter(Boolean).toSorted();
}

/** What comes of a connection to a port of the host while a container serves the other one. */
async function reaction(from: string, netns: string, address: string, port: number, inner = 80): Promise<string> {
  await using _ = await serve(spaceOf(netns), inner);
  return (await reach(spaceOf(from), { protocol: "tcp", address, port })).status;
}

test("install writes the backend and the setting, and uninstall removes exactly that", () => {
  install();
  const folder = join(machine.root, "podman");
  const setting = join(machine.root, "containers.conf.d", "50-netkit.conf");
  expect(statSync(podman.program).mode & 0o777).toBe(0o755);
  expect(readFileSync(setting, "utf8")).toContain(`helper_binaries_dir = ["${folder}", `);
  expect(machine.ok("podman", "install", "--print", ...podman.folders)).toBe(readFileSync(setting, "utf8"));
  expect(machine.run(podman.program, "--version")).toMatch(/^netavark 2\.\d+\.\d+ \(netkit /);
  expect(podman.ok(["version"])).toMatchObject({
    version: expect.stringMatching(/^2\./) as unknown,
    build_time: expect.stringMatching(/^20/) as unknown,
  });
  machine.ok("podman", "install", ...podman.folders);
  writeFileSync(podman.program, "#!/bin/sh\n");
  machine.ok("podman", "uninstall", ...podman.folders);
  // The one isn't netkit's.
  expect([podman.program, join(folder, "aardvark-dns"), setting].map(existsSync)).toEqual([true, false, false]);
  expect(machine.netkit(["podman", "install", ...podman.folders])).toMatchObject({ status: 4 });
  // None of them is written then.
  expect(existsSync(setting)).toBe(false);
});

test("install moves, names settings that come later, and leaves no folder of its own behind", () => {
  install();
  const [confDir, folder] = [join(machine.root, "containers.conf.d"), join(machine.root, "podman")];
  const moved = join(machine.root, "moved");
  const folders = ["--bin-dir", moved, "--conf-dir", confDir];
  const written = [join(moved, "netavark"), join(moved, "aardvark-dns"), join(confDir, "50-netkit.conf")];
  writeFileSync(join(confDir, "70-cni.conf"), '[network]\nnetwork_backend = "cni"\n');
  writeFileSync(join(confDir, "80-other.conf"), '[engine]\nhelper_binaries_dir = [\n  "/usr/lib/podman",\n]\n');
  writeFileSync(join(confDir, "90-same.conf"), `[engine]\nhelper_binaries_dir = ["${moved}"]\n`);
  writeFileSync(join(confDir, "10-before.conf"), '[network]\nnetwork_backend = "cni"\n');
  const { status, stdout, stderr } = machine.netkit(["podman", "install", ...folders]);
  expect([status, stdout.trim().split("\n")]).toEqual([0, written]);
  const named = [...stderr.matchAll(/won't use netkit: (\S+),/g)].map(([, path]) => path);
  expect(named.toSorted()).toEqual(["70-cni.conf", "80-other.conf"].map((name) => join(confDir, name)));
  expect([folder, ...written].map(existsSync)).toEqual([false, true, true, true]);
  // By the setting it finds the folder.
  machine.ok("podman", "uninstall", "--conf-dir", confDir, "--bin-dir", folder);
  expect([moved, ...written].map(existsSync)).toEqual([false, false, false, false]);
});

test("a bridge that another backend has left is told of by install, and by the network that it is in the way of", () => {
  install();
  machine.run("ip", "link", "add", "cni-podman0", "type", "bridge");
  machine.run("ip", "address", "add", "10.89.1.1/24", "dev", "cni-podman0");
  machine.run("ip", "link", "set", "cni-podman0", "up");
  // What sysfs tells of is the namespace that it was mounted in.
  const own = ["unshare", "--mount", "sh", "-c", 'mount -t sysfs sysfs /sys && exec "$@"', "sh"] as const;
  const again = [process.execPath, "--", machine.cli, "podman", "install", ...podman.folders];
  const remedy = "ip link delete dev cni-podman0";
  expect(machine.attempt(...own, ...again)).toMatchObject({
    status: 0,
    stderr: expect.stringContaining(remedy) as unknown,
  });
  const netns = podman.space("one");
  const refusal = podman.refusal(["setup", netns], container("c1", "10.89.1.2"));
  expect(refusal).toContain(
    "of Podman's network 'pnet' subnet 10.89.1.0/24 overlaps the host's route 10.89.1.0/24 on cni-podman0",
  );
  expect(refusal).toContain(remedy);
  machine.run("ip", "link", "add", "port0", "master", "cni-podman0", "type", "veth", "peer", "port1");
  expect(machine.attempt(...own, ...again)).toMatchObject({ status: 0, stderr: "" });
  expect(podman.refusal(["setup", netns], container("c1", "10.89.1.2"))).not.toContain(remedy);
  for (const link of ["port0", "cni-podman0"]) machine.run("ip", "link", "del", link);
});

describe.each([{ agent: false }, { agent: true }])("with %j", (options) => {
  test("containers are on a network beside a plain sandbox, with names and ports, and leave nothing", async () => {
    install(options);
    const [before, one, two] = [machine.traces(), podman.space("one"), podman.space("two")];
    for (const round of [1, 2]) {
      const first = podman.ok(
        ["setup", one],
        container("c1", "10.89.1.2", ports({ host_port: 8080, container_port: 80 })),
      );
      expect(first, `round ${round}`).toEqual({
        pnet: {
          dns_search_domains: ["dns.podman"],
          dns_server_ips: options.agent ? ["127.0.0.11"] : [],
          interfaces: {
            eth0: {
              mac_address: "02:6e:0a:59:01:02",
              subnets: [{ gateway: "10.89.1.1", ipnet: "10.89.1.2/24" }],
            },
          },
        },
      });
      podman.ok(["setup", two], container("c2", "10.89.1.3"));
      machine.ok("sandbox", "create", "--config", podman.config, "--name", "plain", "--network", "pnet");
      expect(contents(one)).toMatchObject({
        links: [
          { ifname: "lo", addresses: ["127.0.0.1", "::1"] },
          { ifname: "eth0", addresses: ["10.89.1.2"] },
        ],
        routes: [{ dst: "default", gateway: "10.89.1.1" }, { dst: "10.89.1.0/24" }],
      });
      expect(reaches(one, "10.89.1.3")).toBe(true);
      // Podman knows nothing of it: its address is from the other end.
      expect(machine.ok("exec", "plain", "--", "hostname", "-I").trim()).toBe("10.89.1.128");
      for (const name of options.agent ? ["name-c1", "c1", "name-c1.dns.podman"] : ["10.89.1.2"])
        machine.ok("exec", "plain", "--", "ping", "-c", "1", name);
      expect(machine.ok("port", "ls", "name-c1")).toBe("80/tcp -> 0.0.0.0:8080\n");
      expect(await reaction(machine.path, one, "10.89.1.1", 8080)).toBe("ok");
      const seen = machine.ok(
        "network",
        "inspect",
        "-f",
        "{{range .Containers}}{{.Name}} {{.IPv4Address}} {{end}}",
        "pnet",
      );
      for (const each of ["name-c1 10.89.1.2/24", "name-c2 10.89.1.3/24", "plain 10.89.1.128/24"])
        expect(seen).toContain(each);
      expect(machine.ok("doctor")).toContain("all is well");
      machine.ok("sandbox", "rm", "plain");
      podman.ok(["teardown", one], container("c1", "10.89.1.2"));
      expect(names("network")).toContain("pnet");
      podman.ok(["teardown", two], container("c2", "10.89.1.3"));
      for (const netns of [one, two]) expect(contents(netns)).toMatchObject({ links: [{ ifname: "lo" }] });
      expect(names("network")).not.toContain("pnet");
      expect(machine.traces()).toEqual(before);
    }
  });

  test("a repeated setup is an error, and the first stays as it is", () => {
    install(options);
    const netns = podman.space("one");
    podman.ok(["setup", netns], container("c1", "10.89.1.2", ports({ host_port: 8080, container_port: 80 })));
    const first = contents(netns);
    expect(podman.refusal(["setup", netns], container("c1", "10.89.1.2"))).toContain("has an interface 'eth0' already");
    expect(podman.refusal(["setup", podman.space("other")], container("c1", "10.89.1.9"))).toContain(
      "is in the namespace",
    );
    // The same address, or the same port.
    const two = podman.space("two");
    expect(podman.refusal(["setup", two], container("c2", "10.89.1.2"))).toMatch(
      /10\.89\.1\.2 .*Podman, which chose it.*--ip/,
    );
    const taken = ports({ host_port: 8080, container_port: 80 });
    expect(podman.refusal(["setup", two], container("c2", "10.89.1.3", taken))).toContain("8080");
    expect(contents(netns)).toEqual(first);
    expect(contents(two)).toMatchObject({ links: [{ ifname: "lo" }] });
    expect(names("sandbox")).toEqual(["name-c1"]);
    podman.ok(["teardown", netns], container("c1", "10.89.1.2"));
  });

  test("teardown of nothing, twice, without a namespace, and after the container was renamed", () => {
    install(options);
    const before = machine.traces();
    const [one, two] = [podman.space("one"), podman.space("two")];
    podman.ok(["teardown", one], container("never-there", "10.89.1.9"));
    podman.ok(["setup", one], container("c1", "10.89.1.2"));
    podman.ok(["setup", two], container("c2", "10.89.1.3", ports({ host_port: 8081, container_port: 80 })));
    podman.ok(["teardown", one], container("c1", "10.89.1.2", { container_name: "renamed" }));
    podman.ok(["teardown", one], container("c1", "10.89.1.2"));
    podman.kill(two);
    for (const _ of [1, 2]) podman.ok(["teardown", "/proc/does-not-exist/ns/net"], container("c2", "10.89.1.3"));
    expect(machine.traces()).toEqual(before);
    expect([...names("sandbox"), ...names("network")]).not.toContain("pnet");
  });

  test("ten at once, on a network that none of them has found, and all go at once", async () => {
    install(options);
    const before = machine.traces();
    const all = Array.from({ length: 10 }, (_, index) => ({
      netns: podman.space(`c${index}`),
      input: container(`c${index}`, `10.89.1.${index + 2}`),
    }));
    for (const _ of [1, 2]) {
      const made = await Promise.all(all.map(async ({ netns, input }) => await podman.start(["setup", netns], input)));
      expect(made.map(({ status, said }) => (status === 0 ? 0 : said))).toEqual(all.map(() => 0));
      const gone = await Promise.all(
        all.map(async ({ netns, input }) => await podman.start(["teardown", netns], input)),
      );
      expect(gone.map(({ status, said }) => (status === 0 ? 0 : said))).toEqual(all.map(() => 0));
      expect(machine.traces()).toEqual(before);
    }
  });
});

test("what it can't read is refused in netavark's words, however large, and nothing is left", () => {
  install();
  const netns = podman.space("one");
  const good = container("c1", "10.89.1.2");
  const text = podmanInput(good);
  const large = "x".repeat(10_000_000);
  const but = (change: Readonly<Record<string, unknown>>): TestContainer => ({ ...good, more: change });
  const onNetwork = (change: object): TestContainer => ({ ...good, networks: [{ ...pnet, ...change }] });
  const unreadable = /^failed to load network options: /;
  const before = machine.traces();
  const cases: [TestContainer | string, RegExp][] = [
    ["", unreadable],
    [text.slice(0, 100), unreadable],
    [large, unreadable],
    [JSON.stringify({}), unreadable],
    ["[]", unreadable],
    [but({ container_id: undefined }), unreadable],
    [but({ container_id: large }), unreadable],
    [but({ network_info: undefined }), unreadable],
    [but({ networks: { pnet: {} } }), unreadable],
    [but(ports({ host_port: 70_000, container_port: 80 })), unreadable],
    [but(ports({ host_port: 80 })), unreadable],
    [but({ network_info: {} }), /^network info for network pnet not found$/],
    [but({ networks: { pnet: { interface_name: "" } } }), /^no container interface name given$/],
    [
      but(ports({ host_port: 8080, container_port: 80, host_ip: "abcd" })),
      /^invalid host ip "abcd" provided for port 8080$/,
    ],
    [but(ports({ host_port: 8080, container_port: 80, protocol: "tcp,xyz" })), /xyz/],
    [but(ports({ host_port: 65_530, container_port: 80, range: 10 })), /65530-65539/],
    [{ ...good, each: [{}] }, /^no static ips provided$/],
    [{ ...good, each: [{ static_ips: ["192.0.2.1"] }] }, /^not all static IPs matched a subnet: expected 1, got 0$/],
    [{ ...good, each: [{ static_ips: ["10.89.1.2"], static_mac: "x" }] }, /x/],
    [{ ...good, each: [{ static_ips: ["10.89.1.2"], interface_name: "a/b" }] }, /a\/b/],
    [{ ...good, each: [{ static_ips: ["10.89.1.1"] }] }, /10\.89\.1\.1/],
    [{ ...good, each: [{ static_ips: ["10.89.1.2"], options: { host_interface_name: "a/b" } }] }, /a\/b/],
    [onNetwork({ ipam_options: { driver: "someDriver" } }), /^unsupported ipam driver someDriver$/],
    [onNetwork({ ipam_options: { driver: "dhcp" } }), /dhcp is not supported/],
    [{ ...onNetwork({ subnets: [] }), each: [{ static_ips: [] }] }, /has no subnet/],
    [onNetwork({ driver: "wild" }), /^unknown network driver "wild"\. The network 'pnet' needs a plugin/],
    [onNetwork({ network_interface: "" }), /^no bridge interface name given$/],
    [onNetwork({ options: { vlan: "5" } }), /vlan.* --ipam-driver none --label netkit\.network=NETWORK NAME/],
    [onNetwork({ options: { mode: "unmanaged" } }), /^in unmanaged mode, the bridge must already exist on the host: /],
    [onNetwork({ options: { mtu: "many" } }), /many/],
    [onNetwork({ options: { metric: "-1" } }), /metric/],
    [onNetwork({ labels: { "netkit.network": "no-such" } }), /no-such/],
    [onNetwork({ subnets: [pnet, pnet].flatMap(({ subnets }) => subnets) }), /10\.89\.1\.0\/24/],
  ];
  for (const [input, error] of cases) expect(podman.refusal(["setup", netns], input)).toMatch(error);
  expect(podman.refusal(["setup", "/test/1"], good)).toBe(
    "invalid namespace path: IO error: No such file or directory (os error 2)",
  );
  expect(podman.refusal(["-f", "/test/1", "setup", netns], good)).toBe(
    "failed to load network options: IO error: No such file or directory (os error 2)",
  );
  expect(podman.refusal(["setup", machine.path], good)).toContain("the host's own namespace");
  expect(podman.refusal(["setup", "/dev/null"], good)).not.toBe("");
  expect(podman.refusal(["--rootless", "true", "setup", netns], good)).toContain("root");
  for (const words of [[], ["fly"], ["setup"], ["setup", netns, "more"], ["update", "pnet"], ["--wings", "version"]])
    expect(podman.refusal(words)).not.toBe("");
  expect([...names("sandbox"), ...names("network")]).toEqual(["bridge", "host", "none"]);
  expect(machine.traces()).toEqual(before);
  // What is beside the point is let through; and the input may be in a file.
  const file = join(machine.root, "input.json");
  writeFileSync(file, podmanInput(but({ "x-large": large })));
  podman.ok(["--file", file, "setup", netns]);
  podman.ok(["teardown", netns], but({ "x-large": large }));
});

test("several networks: in the order given, each with a default route of its metric, all or none", () => {
  install();
  const netns = podman.space("one");
  const ways = (): string[] =>
    [...inside(netns, "ip", "route", "show", "default").matchAll(/via \S+ dev \S+|metric \d+/g)]
      .join(" ")
      .split(/ (?=via)/);
  const [first, second] = [podmanNetwork("p1", 1), podmanNetwork("p2", 2, { options: { metric: "50" } })];
  const listed = ["p2", "p1"].map((name, index) => ({
    name,
    interface_name: `eth${index}`,
    static_ips: [`10.89.${name === "p1" ? 1 : 2}.2`],
  }));
  const both: TestContainer = { id: "c1", networks: [first, second], more: { networks: listed } };
  const before = machine.traces();
  const made = podman.ok(["setup", netns], both);
  expect(Object.keys(made)).toEqual(["p2", "p1"]);
  const links = (JSON.parse(inside(netns, "ip", "-j", "link")) as { ifname: string }[]).map(({ ifname }) => ifname);
  expect(links).toEqual(["lo", "eth0", "eth1"]);
  expect(ways()).toEqual(["via 10.89.2.1 dev eth0 metric 50", "via 10.89.1.1 dev eth1 metric 100"]);
  // As `podman network disconnect` and `connect` do.
  const one: TestContainer = { ...both, networks: [second], more: { networks: listed.slice(0, 1) } };
  podman.ok(["teardown", netns], one);
  expect(ways()).toEqual(["via 10.89.1.1 dev eth1 metric 100"]);
  expect(names("network")).not.toContain("p2");
  podman.ok(["setup", netns], one);
  expect(ways()).toEqual(["via 10.89.2.1 dev eth0 metric 50", "via 10.89.1.1 dev eth1 metric 100"]);
  podman.ok(["teardown", netns], both);
  expect(machine.traces()).toEqual(before);
  // The second can't be made.
  const bad = {
    ...both,
    networks: [first, { ...second, subnets: [{ subnet: "10.89.2.0/24", gateway: "10.90.0.1" }] }],
  };
  podman.refusal(["setup", netns], bad);
  expect(contents(netns)).toMatchObject({ links: [{ ifname: "lo" }] });
  expect(names("network")).toEqual(["bridge", "host", "none"]);
  expect(machine.traces()).toEqual(before);
});

test("ports: several protocols, ranges, addresses, both families; reached from another network, which is else apart", async () => {
  install();
  const dual = podmanNetwork("p1", 1, {
    subnets: [
      { subnet: "10.89.1.0/24", gateway: "10.89.1.1" },
      { subnet: "fd00:89::/64", gateway: "fd00:89::1" },
    ],
    ipv6_enabled: true,
  });
  const netns = podman.space("one");
  const wanted = ports(
    { host_port: 8080, container_port: 80, protocol: "tcp,udp" },
    { host_port: 9000, container_port: 90, range: 3 },
    { host_port: 7000, container_port: 70, host_ip: "10.89.1.1" },
  );
  const first = { id: "c1", networks: [dual], each: [{ static_ips: ["10.89.1.2", "fd00:89::2"] }], more: wanted };
  expect(podman.ok(["setup", netns], first)).toMatchObject({
    p1: {
      interfaces: { eth0: { subnets: [{ ipnet: "10.89.1.2/24" }, { gateway: "fd00:89::1", ipnet: "fd00:89::2/64" }] } },
    },
  });
  const other = podman.space("two");
  const second = { id: "c2", networks: [podmanNetwork("p2", 2)], each: [{ static_ips: ["10.89.2.2"] }] };
  podman.ok(["setup", other], second);
  expect(reaches(other, "10.89.1.2")).toBe(false);
  for (const from of [machine.path, other]) {
    expect(await reaction(from, netns, "10.89.1.1", 8080)).toBe("ok");
    expect(await reaction(from, netns, "10.89.1.1", 9002, 92)).toBe("ok");
    expect(await reaction(from, netns, "10.89.1.1", 7000, 70)).toBe("ok");
  }
  expect(await reaction(machine.path, netns, "fd00:89::1", 8080)).toBe("ok");
  expect(machine.ok("port", "ls", "name-c1")).toContain("80/udp -> 0.0.0.0:8080");
  podman.ok(["teardown", netns], first);
  podman.ok(["teardown", other], second);
});

test("nobody but Podman takes a container's network away, unless by force", () => {
  install();
  const netns = podman.space("one");
  const one = container("c1", "10.89.1.2");
  const each = [{ static_ips: ["10.89.1.3"] }, { static_ips: ["10.89.2.3"] }];
  const two: TestContainer = { id: "c2", networks: [pnet, podmanNetwork("p2", 2)], each };
  podman.ok(["setup", netns], one);
  podman.ok(["setup", podman.space("two")], two);
  machine.ok("network", "create", "mine");
  const before = contents(netns);
  const { status, stderr } = machine.netkit(["sandbox", "rm", "name-c1"]);
  expect([status, stderr]).toEqual([4, expect.stringMatching(/podman rm -f name-c1.*netkit sandbox rm -f name-c1/)]);
  for (const [words, why] of [
    [["network", "disconnect", "pnet", "name-c1"], "podman network disconnect pnet name-c1; or use force"],
    [["network", "connect", "pnet", "name-c1"], "To take it off: podman network disconnect pnet name-c1"],
    [["network", "connect", "p2", "name-c1"], "Have it do that: podman network connect p2 name-c1"],
    [["network", "connect", "mine", "name-c1"], "--ipam-driver none --label netkit.network=mine"],
    [["sandbox", "create", "--name", "name-c1"], "end that container there: podman rm -f name-c1"],
  ] as const)
    expect(machine.netkit([...words])).toMatchObject({ status: 4, stderr: expect.stringContaining(why) as unknown });
  expect(contents(netns)).toEqual(before);
  machine.ok("sandbox", "create", "--name", "a", "--network", "pnet");
  machine.ok("sandbox", "create", "--name", "b", "--network", "pnet");
  const inUse = machine.netkit(["network", "rm", "pnet"]).stderr;
  expect(inUse).toContain("there: podman rm -f name-c1 name-c2.");
  expect(inUse).toMatch(/netkit sandbox rm -f a b$/m);
  machine.ok("sandbox", "rm", "a", "b");
  machine.ok("network", "disconnect", "-f", "pnet", "name-c1");
  expect(contents(netns)).toMatchObject({ links: [{ ifname: "lo" }] });
  podman.ok(["teardown", netns], one);
  podman.ok(["teardown", netns], two);
});

test("with a container goes all that it had, and a network that was Podman's, whoever took the container off it", () => {
  install();
  const before = machine.traces();
  const input = container("c1", "10.89.1.2");
  const both: TestContainer = {
    id: "c1",
    networks: [pnet, podmanNetwork("p2", 2)],
    each: [{ static_ips: ["10.89.1.2"] }, { static_ips: ["10.89.2.2"] }],
  };
  const dying = podman.space("dying");
  podman.ok(["setup", dying], both);
  podman.kill(dying);
  podman.ok(["teardown", dying], input);
  expect(names("sandbox")).toEqual([]);
  podman.ok(["teardown", dying], both);
  expect(machine.traces()).toEqual(before);
  const netns = podman.space("one");
  podman.ok(["setup", netns], input);
  machine.ok("sandbox", "rm", "-f", "name-c1");
  expect(names("network")).toContain("pnet");
  podman.ok(["teardown", netns], input);
  expect(names("network")).not.toContain("pnet");
  // One that fails has no network either, though it was there before.
  podman.ok(["setup", netns], input);
  machine.ok("sandbox", "rm", "-f", "name-c1");
  podman.refusal(["setup", netns], container("c1", "10.89.1.1"));
  expect(names("network")).not.toContain("pnet");
  expect(machine.traces()).toEqual(before);
});

test("a port goes on by another network when the one that it is published on is disconnected, and has each family where it is", async () => {
  install();
  const netns = podman.space("one");
  const dual = podmanNetwork("p2", 2, {
    subnets: [
      { subnet: "10.89.2.0/24", gateway: "10.89.2.1" },
      { subnet: "fd00:89::/64", gateway: "fd00:89::1" },
    ],
  });
  const more = ports({ host_port: 8080, container_port: 80 });
  const each = [{ static_ips: ["10.89.1.2"] }, { static_ips: ["10.89.2.2", "fd00:89::2"] }];
  const both: TestContainer = { id: "c1", networks: [pnet, dual], each, more };
  const first: TestContainer = { ...both, networks: [pnet] };
  const before = machine.traces();
  // As Podman holds it all the while.
  await using _ = await serve(spaceOf(machine.path), 8080);
  podman.ok(["setup", netns], both);
  const other = podman.space("two");
  podman.ok(["setup", other], container("c2", "10.89.1.3"));
  const published = (): string[] => machine.ok("port", "ls", "name-c1").trim().split("\n").toSorted();
  const isReached = async (...addresses: string[]): Promise<void> => {
    for (const address of addresses) expect(await reaction(other, netns, address, 8080), address).toBe("ok");
    // The other container has no IPv6.
    expect(published()).toEqual(["80/tcp -> 0.0.0.0:8080", "80/tcp -> [::]:8080"]);
  };
  await isReached("10.89.1.1");
  podman.ok(["teardown", netns], first);
  await isReached("10.89.2.1");
  podman.ok(["setup", netns], first);
  await isReached("10.89.2.1");
  const second: TestContainer = {
    ...both,
    networks: [dual],
    more: { ...more, networks: { p2: { interface_name: "eth1", static_ips: ["10.89.2.2", "fd00:89::2"] } } },
  };
  podman.ok(["teardown", netns], second);
  expect(published()).toEqual(["80/tcp -> 0.0.0.0:8080"]);
  expect(await reaction(other, netns, "10.89.1.1", 8080)).toBe("ok");
  podman.ok(["setup", netns], second);
  await isReached("10.89.1.1");
  expect(machine.ok("doctor")).toContain("all is well");
  podman.ok(["teardown", netns], both);
  podman.ok(["teardown", other], container("c2", "10.89.1.3"));
  expect(machine.traces()).toEqual(before);
});

test("a port that Podman holds by a socket of its own is published", async () => {
  install();
  const netns = podman.space("one");
  const input = container("c1", "10.89.1.2", ports({ host_port: 8080, container_port: 80 }));
  await using _ = await serve(spaceOf(machine.path), 8080);
  podman.ok(["setup", netns], input);
  const other = podman.space("two");
  podman.ok(["setup", other], container("c2", "10.89.1.3"));
  // That is the container's alone.
  const port = { protocol: "tcp", address: "10.89.1.1", port: 8080 } as const;
  expect((await reach(spaceOf(other), port)).status).not.toBe("ok");
  expect(await reaction(other, netns, "10.89.1.1", 8080)).toBe("ok");
  expect(machine.ok("port", "ls", "name-c1")).toBe("80/tcp -> 0.0.0.0:8080\n");
  podman.ok(["teardown", netns], input);
  podman.ok(["teardown", other], container("c2", "10.89.1.3"));
});

test("of two engines that ask for one port or one address at once one has it, and the other leaves nothing", async () => {
  install();
  machine.ok("network", "create", "--subnet", "10.7.0.0/24", "my-net");
  using cni = new CniRuntime(machine, "my-net", { agent: false });
  const podmans = podmanNetwork("my-net", 1, { subnets: [{ subnet: "10.7.0.0/24", gateway: "10.7.0.1" }] });
  for (const [ip, port] of [
    ["10.7.0.8", 8080],
    ["10.7.0.9", 8081],
  ] as const) {
    const [one, two] = [podman.space("one"), cni.container("two")];
    const input: TestContainer = {
      id: "c1",
      networks: [podmans],
      each: [{ static_ips: [ip] }],
      more: ports({ host_port: 8080, container_port: 80 }),
    };
    const runtimeConfig = {
      ips: ["10.7.0.9"],
      portMappings: [{ hostPort: port, containerPort: 80, protocol: "tcp" }],
    };
    const [ours, theirs] = await Promise.all([
      podman.start(["setup", one], input),
      cni.start("ADD", { id: "c2", netns: two, more: { runtimeConfig } }),
    ]);
    expect([ours.status, theirs.status]).toEqual(expect.arrayContaining([0, 1]));
    const [loser, winner] = ours.status === 0 ? [two, one] : [one, two];
    expect(contents(loser)).toMatchObject({ links: [{ ifname: "lo" }] });
    expect(reaches(winner, "10.7.0.1")).toBe(true);
    podman.ok(["teardown", one], input);
    cni.ok("DEL", { id: "c2", netns: two });
    expect(names("sandbox")).toEqual([]);
  }
});

test("create gives a network what is left open, beside those of netkit, and setup makes it so", () => {
  install();
  machine.ok("network", "create", "--subnet", "10.89.0.0/24", "my-net");
  machine.run("ip", "link", "add", "podman1", "type", "bridge");
  const wish = {
    network: {
      name: "new",
      id: "a".repeat(64),
      driver: "bridge",
      dns_enabled: true,
      internal: false,
      ipv6_enabled: true,
    },
    used: { interfaces: [], names: {}, subnets: [] },
    options: {
      subnet_pools: [{ base: "10.89.0.0/16", size: 24 }],
      default_interface_name: "podman",
      check_used_subnets: true,
    },
  };
  const { status, said } = podman.call(["create"], JSON.stringify(wish));
  expect(status).toBe(0);
  const network = { ...(said as object), name: "new" };
  expect(network).toMatchObject({
    network_interface: "podman2",
    subnets: [
      { subnet: "10.89.1.0/24", gateway: "10.89.1.1" },
      { gateway: expect.stringMatching(/^fd.*::1$/) as unknown },
    ],
  });
  const netns = podman.space("one");
  const input = { id: "c1", networks: [network], each: [{ static_ips: ["10.89.1.2"] }] };
  podman.ok(["setup", netns], input);
  expect(machine.ok("network", "inspect", "-f", "{{.Id}}", "new")).toBe(`${"a".repeat(64)}\n`);
  expect(reaches(netns, "10.89.1.1")).toBe(true);
  podman.ok(["teardown", netns], input);
  expect(podman.refusal(["create"], "{")).toContain("failed to load network options");
  machine.run("ip", "link", "del", "podman1");
});

test("routes, an MTU, a MAC, no default route; and an internal network leads nowhere", () => {
  install();
  const netns = podman.space("one");
  const network = podmanNetwork("p1", 1, {
    options: { mtu: "1400", no_default_route: "true" },
    routes: [
      { destination: "10.91.0.0/24", gateway: "10.89.1.3" },
      { destination: "10.92.0.0/24", route_type: "blackhole", metric: 7 },
    ],
  });
  const input = {
    id: "c1",
    networks: [network],
    each: [{ static_ips: ["10.89.1.2"], static_mac: "aa-bb-cc-dd-ee-ff" }],
  };
  expect(podman.ok(["setup", netns], input)).toMatchObject({
    p1: { interfaces: { eth0: { mac_address: "aa:bb:cc:dd:ee:ff" } } },
  });
  const routes = inside(netns, "ip", "route");
  expect(routes).toContain("10.91.0.0/24 via 10.89.1.3 dev eth0");
  expect(routes).toMatch(/blackhole 10\.92\.0\.0\/24 .*metric 7/);
  expect(routes).not.toContain("default");
  expect(inside(netns, "ip", "link", "show", "eth0")).toMatch(/mtu 1400 [^]*aa:bb:cc:dd:ee:ff/);
  podman.ok(["teardown", netns], input);
  const secret = {
    id: "c1",
    networks: [podmanNetwork("p2", 2, { internal: true, subnets: [{ subnet: "10.89.2.0/24" }] })],
    each: [{ static_ips: ["10.89.2.2"] }],
    more: ports({ host_port: 8080, container_port: 80 }),
  };
  expect(podman.ok(["setup", netns], secret)).toMatchObject({
    p2: { interfaces: { eth0: { subnets: [{ gateway: null, ipnet: "10.89.2.2/24" }] } } },
  });
  expect(inside(netns, "ip", "route")).not.toContain("default");
  expect(machine.ok("port", "ls")).not.toContain("8080");
  podman.ok(["teardown", netns], secret);
});

test("networks on a link of the host", () => {
  machine.run("ip", "link", "add", "up0", "type", "veth", "peer", "name", "up1");
  for (const link of ["up0", "up1"]) machine.run("ip", "link", "set", link, "up");
  install();
  const [one, two] = [podman.space("one"), podman.space("two")];
  const wire = podmanNetwork("wire", 1, { driver: "macvlan", network_interface: "up0", dns_enabled: false });
  const on = (id: string, ip: string) => ({
    id,
    networks: [wire],
    each: [{ static_ips: [ip] }],
    more: ports({ host_port: 8080, container_port: 80 }),
  });
  // Its ports mean nothing.
  for (const [id, ip, netns] of [
    ["c1", "10.89.1.2", one],
    ["c2", "10.89.1.3", two],
  ] as const) {
    const { wire: said } = podman.ok(["setup", netns], on(id, ip));
    expect(said).toMatchObject({ dns_search_domains: [], dns_server_ips: [] });
    expect(inside(netns, "ip", "link", "show", "eth0")).toContain(said?.interfaces["eth0"]?.mac_address);
  }
  expect(reaches(one, "10.89.1.3")).toBe(true);
  podman.ok(["teardown", one], on("c1", "10.89.1.2"));
  podman.ok(["teardown", two], on("c2", "10.89.1.3"));
  machine.run("ip", "link", "del", "up0");
});

test("a netkit network that is there: by the label, or by its name; it stays, and hands out addresses", () => {
  install();
  machine.ok("network", "create", "--subnet", "10.7.0.0/24", "my-net");
  machine.ok("sandbox", "create", "--name", "plain", "--network", "my-net");
  const netns = podman.space("one");
  const unaddressed = { subnets: [], ipam_options: { driver: "none" }, dns_enabled: false };
  for (const network of [
    podmanNetwork("other", 1, { ...unaddressed, labels: { "netkit.network": "my-net" } }),
    podmanNetwork("my-net", 1, unaddressed),
    podmanNetwork("my-net", 1, { subnets: [{ subnet: "10.7.0.0/24", gateway: "10.7.0.1" }] }),
  ]) {
    const isAddressed = network["ipam_options"] !== unaddressed.ipam_options;
    const input = { id: "c1", networks: [network], each: isAddressed ? [{ static_ips: ["10.7.0.99"] }] : [] };
    const said = podman.ok(["setup", netns], input)[network.name];
    const { gateway, ipnet } = said?.interfaces["eth0"]?.subnets[0] ?? {};
    expect(gateway).toBe("10.7.0.1");
    expect(ipnet).toMatch(isAddressed ? /^10\.7\.0\.99\/24$/ : /^10\.7\.0\.\d+\/24$/);
    machine.ok("exec", "plain", "--", "ping", "-c", "1", ipnet?.replace("/24", "") ?? "");
    podman.ok(["teardown", netns], input);
    expect(names("network")).toContain("my-net");
  }
  const joined = podmanNetwork("my-net", 1, unaddressed);
  const chosen = { id: "c1", networks: [joined], each: [{ static_ips: ["10.7.0.50"] }] };
  expect(podman.ok(["setup", netns], chosen)).toMatchObject({
    "my-net": { interfaces: { eth0: { subnets: [{ ipnet: "10.7.0.50/24" }] } } },
  });
  podman.ok(["teardown", netns], chosen);
  const outside = { ...chosen, each: [{ static_ips: ["192.0.2.1"] }] };
  expect(podman.refusal(["setup", netns], outside)).toContain(
    "address 192.0.2.1 lies in no subnet of network 'my-net'",
  );
  const other = { id: "c1", networks: [podmanNetwork("my-net", 9)], each: [{ static_ips: ["10.89.9.2"] }] };
  expect(podman.refusal(["setup", netns], other)).toMatch(
    /already, with other subnets\..* podman network rm my-net, then podman network create --ipam-driver none my-net/,
  );
  const labelled = podmanNetwork("labelled", 9, { labels: { "netkit.network": "my-net" } });
  const subnets = { id: "c1", networks: [labelled], each: [{ static_ips: ["10.89.9.2"] }] };
  expect(podman.refusal(["setup", netns], subnets)).toMatch(
    /other subnets .*create --ipam-driver none --label netkit\.network=my-net labelled/,
  );
});

test("names are told of once for a container, and where Podman has switched them off with its IPAM, too", () => {
  install({ agent: true });
  machine.ok("network", "create", "--subnet", "10.7.0.0/24", "my-net");
  machine.ok("sandbox", "create", "--config", podman.config, "--name", "plain", "--network", "my-net");
  const netns = podman.space("one");
  const joined = podmanNetwork("my-net", 9, { subnets: [], ipam_options: { driver: "none" }, dns_enabled: false });
  const silent = podmanNetwork("silent", 3, { dns_enabled: false });
  const [second, apart] = [podmanNetwork("p2", 2), { dns_server_ips: [], dns_search_domains: [] }];
  const told = { dns_server_ips: ["127.0.0.11"], dns_search_domains: ["dns.podman"] };
  const all: TestContainer = {
    id: "c1",
    networks: [silent, joined, second],
    each: [{ static_ips: ["10.89.3.2"], aliases: ["quiet"] }, { aliases: ["db"] }, { static_ips: ["10.89.2.2"] }],
  };
  expect(podman.ok(["setup", netns], all)).toMatchObject({ silent: apart, "my-net": told, p2: apart });
  for (const name of ["name-c1", "db", "db.dns.podman"]) machine.ok("exec", "plain", "--", "ping", "-c", "1", name);
  const further: TestContainer = {
    id: "c1",
    networks: [pnet],
    more: { networks: { pnet: { interface_name: "eth3", static_ips: ["10.89.1.2"] } } },
  };
  expect(podman.ok(["setup", netns], further)).toMatchObject({ pnet: apart });
  podman.ok(["teardown", netns], further);
  podman.ok(["teardown", netns], { ...all, more: { networks: { "my-net": { interface_name: "eth1" } } } });
  // Podman has taken it out of resolv.conf by now.
  expect(podman.ok(["setup", netns], further)).toMatchObject({ pnet: told });
  podman.ok(["teardown", netns], further);
  podman.ok(["teardown", netns], all);
  machine.ok("sandbox", "rm", "plain");
  machine.ok("network", "rm", "my-net");
});

test("update has containers ask other name servers, but for those that have their own", () => {
  install();
  const [one, two] = [podman.space("one"), podman.space("two")];
  const network = podmanNetwork("p1", 1, { network_dns_servers: ["192.0.2.1"] });
  const on = (id: string, ip: string, more: TestContainer["more"] = {}) => ({
    id,
    networks: [network],
    each: [{ static_ips: [ip] }],
    more,
  });
  podman.ok(["update", "p1", "--network-dns-servers", "192.0.2.9"]);
  podman.ok(["setup", one], on("c1", "10.89.1.2"));
  podman.ok(["setup", two], on("c2", "10.89.1.3", { dns_servers: ["127.0.0.11", "192.0.2.2"] }));
  const servers = (name: string) => machine.ok("sandbox", "inspect", "-f", "{{json .HostConfig.Dns}}", name).trim();
  expect([servers("name-c1"), servers("name-c2")]).toEqual(['["192.0.2.1"]', '["192.0.2.2"]']);
  podman.ok(["update", "p1", "--network-dns-servers", "192.0.2.3,192.0.2.4"]);
  expect([servers("name-c1"), servers("name-c2")]).toEqual(['["192.0.2.3","192.0.2.4"]', '["192.0.2.2"]']);
  expect(podman.refusal(["update", "p1", "--network-dns-servers", "here"])).toContain("here");
  podman.ok(["update", "p1", "--network-dns-servers", ""]);
  expect(servers("name-c1")).toBe("[]");
  expect(machine.ok("doctor")).toContain("all is well");
  podman.ok(["teardown", one], on("c1", "10.89.1.2"));
  podman.ok(["teardown", two], on("c2", "10.89.1.3"));
});

test("firewall-reload brings back what somebody has flushed", async () => {
  install();
  const netns = podman.space("one");
  const input = container("c1", "10.89.1.2", ports({ host_port: 8080, container_port: 80 }));
  podman.ok(["setup", netns], input);
  machine.run("nft", "flush", "ruleset");
  expect(await reaction(machine.path, netns, "10.89.1.1", 8080)).not.toBe("ok");
  podman.ok(["firewall-reload"]);
  expect(await reaction(machine.path, netns, "10.89.1.1", 8080)).toBe("ok");
  podman.ok(["teardown", netns], input);
});

test("a container whose name a sandbox has goes by its id, and one that died with its namespace is set up anew", () => {
  install();
  machine.ok("sandbox", "create", "--name", "name-c1", "--network", "none");
  const first = podman.space("one");
  podman.ok(["setup", first], container("c1", "10.89.1.2", ports({ host_port: 8080, container_port: 80 })));
  expect(names("sandbox")).toEqual(["c1", "name-c1"]);
  podman.kill(first);
  const netns = podman.space("one");
  podman.ok(["setup", netns], container("c1", "10.89.1.2", ports({ host_port: 8080, container_port: 80 })));
  expect(reaches(netns, "10.89.1.1")).toBe(true);
  podman.ok(["teardown", netns], container("c1", "10.89.1.2"));
  expect(names("sandbox")).toEqual(["name-c1"]);
});

test.each([
  { verb: "setup", agent: false },
  // What it has asked the agent for goes on.
  { verb: "setup", agent: true },
  { verb: "teardown", agent: false },
  { verb: "teardown", agent: true },
])("a $verb that is killed leaves nothing once teardown has run (agent: $agent)", async ({ verb, agent }) => {
  install({ agent });
  machine.ok("network", "create", "my-net");
  machine.ok("sandbox", "create", "--name", "plain", "--network", "my-net");
  const netns = podman.space("one");
  const input = container("c1", "10.89.1.2", ports({ host_port: 8080, container_port: 80 }));
  const before = machine.traces();
  await killedOnItsWay(
    12,
    async (killAfterMs) => {
      if (verb === "teardown") podman.ok(["setup", netns], input);
      return await podman.start([verb, netns], input, killAfterMs);
    },
    (when) => {
      podman.ok(["teardown", netns], input);
      expect(contents(netns), when).toMatchObject({ links: [{ ifname: "lo" }] });
    },
  );
  expect(names("sandbox")).toEqual(["plain"]);
  // A network that was made for nothing is found by the next one, and goes with it.
  podman.ok(["setup", netns], input);
  podman.ok(["teardown", netns], input);
  expect(machine.traces()).toEqual(before);
  expect(machine.ok("doctor")).toContain("all is well");
});

test("with an agent a call is a request to it, and once it is killed the backend's own work", () => {
  install({ agent: true });
  machine.ok("network", "create", "my-net");
  // It stays as long as somebody has names.
  machine.ok("sandbox", "create", "--name", "plain", "--network", "my-net");
  const own = readFileSync(podman.program, "utf8");
  writeFileSync(podman.program, own.replaceAll(/^exec[ (].*$/gm, "exit 99;"));
  const netns = podman.space("one");
  const input = container("c1", "10.89.1.2", ports({ host_port: 8080, container_port: 80 }));
  expect(podman.ok(["setup", netns], input)).toMatchObject({ pnet: { dns_server_ips: ["127.0.0.11"] } });
  expect(reaches(netns, "10.89.1.1")).toBe(true);
  expect(podman.ok(["version"])).toMatchObject({ default_fw_driver: "nftables" });
  podman.ok(["update", "pnet", "--network-dns-servers", ""]);
  expect(podman.refusal(["setup", netns], input)).toContain("already");
  expect(podman.refusal(["setup", netns], "{")).toContain("failed to load network options");
  // These are the process's own matter.
  expect(podman.call(["setup", "/proc/self/ns/net"], input)).toMatchObject({ status: 99 });
  expect(podman.call(["--file", "input.json", "setup", netns])).toMatchObject({ status: 99 });
  expect(podman.call(["update", "p\n1", "--network-dns-servers", ""])).toMatchObject({ status: 99 });
  const { pid } = JSON.parse(machine.ok("agent", "status", "--json")) as { pid: number };
  process.kill(pid, "SIGKILL");
  expect(podman.call(["teardown", netns], input)).toMatchObject({ status: 99 });
  writeFileSync(podman.program, own);
  podman.ok(["teardown", netns], input);
});
