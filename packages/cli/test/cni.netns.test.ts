import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { CniRuntime, port, reaction, valid, withResult } from "./cni-runtime.ts";
import { contents, inside, reaches } from "./containers.ts";
import { onCniHosts } from "./cni-host.ts";
import { Talker } from "./talker.ts";

const cni = onCniHosts();

function networkNames(): string[] {
  return cni.machine.ok("network", "ls", "--format", "{{.Name}}").split("\n");
}

test("install writes plugins and a list that runtimes take, and uninstall removes exactly that", () => {
  cni.install();
  const [plugin, list] = [join(cni.runtime.binDir, "netkit"), join(cni.runtime.confDir, "10-netkit-my-net.conflist")];
  expect(statSync(plugin).mode & 0o777).toBe(0o755);
  expect(readFileSync(list, "utf8")).toBe(cni.machine.ok("cni", "config", "--network", "my-net"));
  expect(cni.ok("VERSION")).toMatchObject({ cniVersion: "1.1.0" });
  expect(cni.machine.netkit(["__cni", "netkit", "--help"])).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("Container runtimes call this program") as unknown,
  });
  const folders = ["--bin-dir", cni.runtime.binDir, "--conf-dir", cni.runtime.confDir];
  for (const network of ["none", "host"])
    expect(cni.machine.netkit(["cni", "install", "--network", network, ...folders])).toMatchObject({
      status: 6,
      stderr: expect.stringContaining("gives a container no interface") as unknown,
    });
  cni.machine.ok("cni", "install", "--network", "my-net", "--name", "pods", ...folders);
  // As they were given when it was installed.
  cni.machine.ok("cni", "uninstall", "--network", "my-net", "--name", "pods", ...folders);
  expect([plugin, list].map(existsSync)).toEqual([true, true]);
  cni.machine.ok("cni", "install", "--network", "my-net", "--name", "pods", ...folders);
  cni.machine.ok("cni", "uninstall", "--network", "my-net", ...folders);
  expect([plugin, list].map(existsSync)).toEqual([true, false]);
  cni.machine.ok("cni", "uninstall", "--name", "pods", ...folders);
  expect([plugin, list].map(existsSync)).toEqual([false, false]);
  cni.machine.ok("cni", "install", "--network", "my-net", ...folders);
  cni.machine.run("sh", "-c", `echo '{}' > ${cni.runtime.confDir}/10-netkit-x.conflist; echo '#!/bin/sh' > ${plugin}`);
  cni.machine.ok("cni", "uninstall", ...folders);
  // Neither is netkit's.
  expect([plugin, list, `${cni.runtime.confDir}/10-netkit-x.conflist`].map(existsSync)).toEqual([true, false, true]);
  expect(cni.machine.netkit(["cni", "install", "--network", "my-net", ...folders])).toMatchObject({ status: 4 });
});

test("it isn't uninstalled while containers are attached, for their runtime couldn't detach them", () => {
  cni.install();
  const folders = ["--bin-dir", cni.runtime.binDir, "--conf-dir", cni.runtime.confDir];
  cni.machine.ok("cni", "install", "--network", "my-net", "--name", "pods", ...folders);
  const netns = cni.runtime.container("c1");
  const refusal = { status: 4, stderr: expect.stringContaining("networks: c1") as unknown };
  for (const type of ["netkit", "netkit-ipam"]) {
    const request = { netns, type, ...(type === "netkit" ? {} : { more: { ipam: { type } } }) };
    cni.ok("ADD", request);
    expect(cni.machine.netkit(["cni", "uninstall", ...folders])).toMatchObject(refusal);
    expect(cni.machine.netkit(["cni", "uninstall", "--name", "my-net", ...folders])).toMatchObject(refusal);
    expect(existsSync(join(cni.runtime.binDir, type))).toBe(true);
    cni.ok("DEL", request);
  }
  cni.ok("ADD", { netns });
  cni.machine.ok("cni", "uninstall", "--name", "pods", ...folders);
  cni.runtime.kill(netns);
  // Nobody needs a plugin for one that is gone.
  cni.machine.ok("cni", "uninstall", ...folders);
  expect(existsSync(join(cni.runtime.binDir, "netkit"))).toBe(false);
  cni.machine.ok("gc");
});

describe.each([{ agent: false }, { agent: true }])("with %j", (options) => {
  beforeEach(() => cni.install(options));

  test("a container is on the network, beside plain sandboxes, with its ports; and leaves nothing", async () => {
    const netns = cni.runtime.container("c1");
    const [before, empty] = [cni.machine.traces(), contents(netns)];
    cni.machine.ok("sandbox", "create", "--name", "plain", "--network", "my-net");
    for (const round of [1, 2]) {
      const result = cni.ok("ADD", { netns, args: "IgnoreUnknown=1;K8S_POD_NAME=web", more: port(8080) });
      const address = result.ips?.[0]?.address ?? "";
      expect(result, `round ${round}`).toMatchObject({
        cniVersion: "1.1.0",
        interfaces: [{}, {}, { name: "eth0", sandbox: netns }],
        ips: [{ interface: 2, gateway: "10.7.0.1" }],
        routes: [{ dst: "0.0.0.0/0", gw: "10.7.0.1" }],
      });
      expect(contents(netns)).toMatchObject({
        links: [{}, { ifname: "eth0", addresses: [address.replace("/24", "")] }],
      });
      expect(reaches(netns, "10.7.0.1")).toBe(true);
      const answer = cni.machine.netkit([
        "exec",
        "plain",
        "--",
        "ping",
        "-c",
        "1",
        options.agent ? "web" : address.replace("/24", ""),
      ]);
      expect(answer.status, answer.stderr).toBe(0);
      expect(cni.machine.ok("port", "ls", "c1")).toBe("80/tcp -> 0.0.0.0:8080\n");
      expect(cni.machine.netkit(["port", "ls", "web"])).toMatchObject({
        status: 3,
        stderr: expect.stringContaining("That is an alias of 'c1'") as unknown,
      });
      expect(await reaction(cni.machine, netns, 8080)).toBe("ok");
      expect(cni.machine.ok("network", "inspect", "-f", "{{range .Containers}}{{.Name}} {{end}}", "my-net")).toContain(
        "c1",
      );
      cni.ok("CHECK", { netns, ...withResult(result) });
      cni.ok("DEL", { netns, ...withResult(result) });
      expect(contents(netns)).toEqual(empty);
    }
    cni.machine.ok("sandbox", "rm", "plain");
    expect(cni.machine.traces()).toEqual(before);
  });

  test("a second ADD for the same interface is an error, and the first stays as it is", () => {
    const netns = cni.runtime.container("c1");
    const result = cni.ok("ADD", { netns, more: port(8080) });
    const first = contents(netns);
    expect(cni.runtime.call("ADD", { netns, more: port(8081) })).toMatchObject({ status: 1, said: { code: 104 } });
    expect(cni.runtime.call("ADD", { netns: cni.runtime.container("other") })).toMatchObject({
      status: 1,
      said: { code: 104 },
    });
    expect(contents(netns)).toEqual(first);
    cni.ok("CHECK", { netns, ...withResult(result) });
    cni.ok("DEL", { netns });
  });

  test("DEL twice, without a namespace, without a result, and after the namespace has gone", () => {
    const before = cni.machine.traces();
    cni.ok("DEL", { id: "never-there" });
    const [one, two] = [cni.runtime.container("one"), cni.runtime.container("two")];
    cni.ok("ADD", { id: "one", netns: one, more: port(8080) });
    cni.ok("ADD", { id: "two", netns: two, more: port(8081) });
    for (const _ of [1, 2]) cni.ok("DEL", { id: "one" });
    cni.runtime.kill(two);
    for (const _ of [1, 2]) cni.ok("DEL", { id: "two", netns: two });
    expect(cni.machine.traces()).toEqual(before);
    expect(cni.machine.ok("sandbox", "ls", "-q")).toBe("");
  });

  test("a container's interface, address and port go with it, whoever has joined it and stays", () => {
    const netns = cni.runtime.container("c1");
    const empty = contents(netns);
    const request = { netns, more: port(8080) };
    cni.ok("ADD", request);
    cni.machine.ok("run", "-d", "--name", "joined", "--network", "container:c1", "--", "sleep", "1000");
    cni.ok("DEL", request);
    expect(contents(netns)).toEqual(empty);
    expect(cni.machine.ok("port", "ls", "joined")).toBe("");
    expect(cni.machine.ok("sandbox", "ls", "--format", "{{.Name}} {{.Networks}}")).toBe("joined \n");
    // As a runtime has it that starts its container anew.
    const next = { id: "c2", netns: cni.runtime.container("c2"), more: port(8080) };
    cni.ok("ADD", next);
    cni.ok("DEL", next);
    // And as one that sets up the same one once more.
    const result = cni.ok("ADD", request);
    expect(cni.machine.ok("exec", "joined", "--", "ip", "-brief", "address", "show", "eth0")).toContain(
      result.ips?.[0]?.address,
    );
    cni.ok("CHECK", { ...request, ...withResult(result) });
    cni.machine.ok("sandbox", "rm", "-f", "joined");
    expect(contents(netns)).not.toEqual(empty);
    cni.ok("DEL", request);
    expect(contents(netns)).toEqual(empty);
  });

  test("an ADD that fails leaves no link, address, port or sandbox", () => {
    const [one, two] = [cni.runtime.container("one"), cni.runtime.container("two")];
    cni.ok("ADD", { id: "one", netns: one, more: port(8080) });
    const [before, empty] = [cni.machine.traces(), contents(two)];
    const wishes = { runtimeConfig: { ...port(8080).runtimeConfig, ips: ["10.7.0.9"] } };
    expect(cni.runtime.call("ADD", { id: "two", netns: two, more: wishes })).toMatchObject({
      status: 1,
      said: { code: 104 },
    });
    expect(cni.machine.traces()).toEqual(before);
    expect(contents(two)).toEqual(empty);
    expect(cni.machine.ok("sandbox", "ls", "--format", "{{.Name}}")).toBe("one\n");
    // Nobody has the address.
    const again = { ...wishes, ...port(8081), runtimeConfig: { ...port(8081).runtimeConfig, ips: ["10.7.0.9"] } };
    expect(cni.ok("ADD", { id: "two", netns: two, more: again }).ips).toMatchObject([{ address: "10.7.0.9/24" }]);
    for (const id of ["one", "two"]) cni.ok("DEL", { id });
  });

  test("twenty at once each get an address of their own, and go at once", async () => {
    const before = cni.machine.traces();
    const containers = Array.from({ length: 20 }, (_, index) => ({
      id: `c${index}`,
      netns: cni.runtime.container(`c${index}`),
    }));
    const added = await Promise.all(containers.map(async (container) => await cni.runtime.start("ADD", container)));
    expect(added.map(({ status, said }) => (status === 0 ? 0 : said))).toEqual(containers.map(() => 0));
    expect(new Set(added.map(({ said }) => said.ips?.[0]?.address)).size).toBe(20);
    const removed = await Promise.all(containers.map(async (container) => await cni.runtime.start("DEL", container)));
    expect(removed.map(({ status }) => status)).toEqual(containers.map(() => 0));
    expect(cni.machine.traces()).toEqual(before);
  });
});

function shapeOf(cniVersion: string, sandbox: string): unknown {
  const routes = [{ dst: "0.0.0.0/0", gw: "10.7.0.1" }];
  if (cniVersion < "0.3.0") return { cniVersion, ip4: { ip: "10.7.0.2/24", gateway: "10.7.0.1", routes }, dns: {} };
  const interfaces = [
    { name: expect.stringMatching(/^nkb/) as unknown },
    { name: expect.stringMatching(/^nkv/) as unknown },
    { name: "eth0", mac: "02:6e:0a:07:00:02", sandbox },
  ];
  const address = { address: "10.7.0.2/24", gateway: "10.7.0.1", interface: 2 };
  return {
    cniVersion,
    interfaces,
    ips: [cniVersion < "1.0.0" ? { version: "4", ...address } : address],
    routes,
    dns: {},
  };
}

test.each(["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"])(
  "version %s: the result has its shape, and comes back with CHECK and DEL",
  (cniVersion) => {
    cni.install();
    const netns = cni.runtime.container("c1");
    const result = cni.ok("ADD", { netns, more: { cniVersion } });
    expect(result).toEqual(shapeOf(cniVersion, netns));
    const checked = cni.runtime.call("CHECK", { netns, ...withResult(result, { cniVersion }) });
    expect(checked).toMatchObject(cniVersion < "0.4.0" ? { status: 1, said: { code: 1 } } : { status: 0 });
    cni.ok("DEL", { netns, ...withResult(result, { cniVersion }) });
  },
);

test("both families: an address, a gateway and a route of each, in every shape", () => {
  cni.machine.ok("network", "create", "--subnet", "10.7.0.0/24", "--subnet", "fd00:7::/64", "--ipv6", "my-net");
  cni.runtime = new CniRuntime(cni.machine, "my-net", { agent: false });
  const netns = cni.runtime.container("c1");
  const result = cni.ok("ADD", { netns });
  expect(result).toMatchObject({
    ips: [
      { address: "10.7.0.2/24", gateway: "10.7.0.1" },
      { address: "fd00:7::2/64", gateway: "fd00:7::1" },
    ],
    routes: [
      { dst: "0.0.0.0/0", gw: "10.7.0.1" },
      { dst: "::/0", gw: "fd00:7::1" },
    ],
  });
  expect([reaches(netns, "10.7.0.1"), reaches(netns, "fd00:7::1")]).toEqual([true, true]);
  cni.ok("CHECK", { netns, ...withResult(result) });
  cni.ok("DEL", { netns });
  expect(cni.ok("ADD", { netns, more: { cniVersion: "0.2.0" } })).toMatchObject({
    ip4: { gateway: "10.7.0.1", routes: [{ dst: "0.0.0.0/0" }] },
    ip6: { gateway: "fd00:7::1", routes: [{ dst: "::/0" }] },
  });
  cni.ok("DEL", { netns });
});

test("a network on a link of the host: the container's interface alone, which others may change too", () => {
  cni.machine.run("ip", "link", "add", "up0", "type", "veth", "peer", "name", "up1");
  cni.machine.run("ip", "link", "set", "up0", "up");
  cni.machine.ok("network", "create", "-d", "macvlan", "-o", "parent=up0", "--subnet", "10.7.0.0/24", "my-net");
  cni.runtime = new CniRuntime(cni.machine, "my-net", { agent: false });
  const netns = cni.runtime.container("c1");
  for (const _ of [1, 2]) {
    const result = cni.ok("ADD", { netns });
    expect(result).toMatchObject({
      interfaces: [{ name: "eth0", sandbox: netns }],
      ips: [{ interface: 0, gateway: "10.7.0.1" }],
      routes: [{ dst: "0.0.0.0/0", gw: "10.7.0.1" }],
    });
    expect(result.interfaces).toHaveLength(1);
    inside(netns, "ip", "link", "set", "eth0", "address", "02:00:00:00:00:99", "mtu", "1400");
    cni.ok("CHECK", { netns, ...withResult(result) });
    expect(cni.machine.ok("doctor")).toContain("all is well");
    inside(netns, "ip", "address", "flush", "dev", "eth0");
    expect(cni.runtime.call("CHECK", { netns, ...withResult(result) })).toMatchObject({ said: { code: 109 } });
    expect(
      cni.runtime.call("ADD", { netns: cni.runtime.container("other"), id: "c2", more: port(8080) }),
    ).toMatchObject({
      status: 1,
      said: { code: 106 },
    });
    cni.ok("DEL", { netns });
    expect(contents(netns)).toMatchObject({ links: [{ ifname: "lo" }] });
  }
  cni.machine.ok("network", "rm", "my-net");
  cni.machine.run("ip", "link", "del", "up0");
});

test("what plugins before have made goes on beside", () => {
  cni.install();
  const netns = cni.runtime.container("c1");
  inside(netns, "ip", "link", "add", "net1", "type", "veth", "peer", "name", "net1-peer");
  const before = {
    cniVersion: "1.1.0",
    interfaces: [{ name: "net1", sandbox: netns, pciID: "0000:00:01.0" }],
    ips: [{ address: "192.0.2.2/24", interface: 0 }],
    routes: [{ dst: "192.0.2.0/24", priority: 7 }],
    dns: { domain: "example" },
  };
  expect(cni.ok("ADD", { netns, ...withResult(before) })).toMatchObject({
    interfaces: [...before.interfaces, {}, {}, { name: "eth0" }],
    ips: [...before.ips, { address: "10.7.0.2/24", interface: 3 }],
    routes: [...before.routes, { dst: "0.0.0.0/0" }],
    dns: before.dns,
  });
  cni.ok("DEL", { netns });
  expect(inside(netns, "ip", "-o", "link")).toContain("net1");
});

test("addresses and MACs: the cni.runtime's before those of args.cni before CNI_ARGS", () => {
  cni.install();
  const netns = cni.runtime.container("c1");
  const args = "IgnoreUnknown=1;IP=10.7.0.11;MAC=02:00:00:00:00:11";
  const given = { args: { cni: { ips: ["10.7.0.12"], mac: "02:00:00:00:00:12" } } };
  const wished = { ...given, runtimeConfig: { ips: ["10.7.0.13/24"], mac: "02:00:00:00:00:13" } };
  for (const [more, last] of [
    [{}, 11],
    [given, 12],
    [wished, 13],
  ] as const) {
    const result = cni.ok("ADD", { netns, args, more });
    expect(result).toMatchObject({
      interfaces: [{}, {}, { mac: `02:00:00:00:00:${last}` }],
      ips: [{ address: `10.7.0.${last}/24` }],
    });
    expect(contents(netns)).toMatchObject({
      links: [{}, { address: `02:00:00:00:00:${last}`, addresses: [`10.7.0.${last}`] }],
    });
    cni.ok("DEL", { netns });
  }
});

test("CHECK fails once an address, a route, the link or a port is tampered with, and not for what later plugins set", () => {
  cni.install();
  const netns = cni.runtime.container("c1");
  const result = cni.ok("ADD", { netns });
  const check = () => cni.runtime.call("CHECK", { netns, ...withResult(result) });
  // As the reference plugins tuning, portmap and firewall do.
  inside(netns, "ip", "link", "set", "eth0", "address", "02:00:00:00:00:77", "mtu", "1400", "promisc", "on");
  inside(netns, "sysctl", "-qw", "net.ipv4.conf.eth0.arp_filter=1", "net.ipv4.ip_default_ttl=32");
  cni.machine.run("nft", "add table ip theirs; add chain ip theirs c { type filter hook forward priority 0; }");
  expect(check()).toMatchObject({ status: 0 });
  expect(cni.machine.ok("doctor")).toContain("all is well");
  cni.machine.ok("port", "add", "c1", "8080:80");
  expect(contents(netns)).toMatchObject({ links: [{}, { address: "02:00:00:00:00:77" }] });
  cni.machine.run("nft", "delete table ip theirs");
  const drifted = { status: 1, said: { code: 109, details: expect.stringContaining("DRIFT") as unknown } };
  const mend = () => {
    cni.machine.netkit(["doctor", "--repair"]);
    expect(check()).toMatchObject({ status: 0 });
  };
  inside(netns, "ip", "route", "del", "default");
  expect(check()).toMatchObject(drifted);
  mend();
  inside(netns, "ip", "address", "del", "10.7.0.2/24", "dev", "eth0");
  expect(check()).toMatchObject(drifted);
  mend();
  cni.machine.run("nft", "flush", "ruleset");
  expect(check()).toMatchObject(drifted);
  mend();
  inside(netns, "ip", "link", "del", "eth0");
  expect(check()).toMatchObject({
    ...drifted,
    said: { msg: expect.stringMatching(/^veth .* of endpoint c1@my-net is missing/) as unknown },
  });
  expect(cni.runtime.call("CHECK", { id: "nobody", netns, ...withResult(result) })).toMatchObject({
    said: { code: 3 },
  });
  expect(cni.runtime.call("CHECK", { netns })).toMatchObject({ said: { code: 7, msg: "required prevResult missing" } });
  const other = cni.runtime.container("other");
  expect(cni.runtime.call("CHECK", { netns: other, ...withResult(result) })).toMatchObject({ said: { code: 8 } });
  cni.ok("DEL", { netns });
});

test("a network without interfaces is refused, and nothing is made for it", () => {
  cni.install();
  const netns = cni.runtime.container("c1");
  for (const network of ["none", "host"]) {
    expect(cni.runtime.call("ADD", { netns, more: { network } })).toMatchObject({ status: 1, said: { code: 106 } });
    expect(cni.machine.ok("sandbox", "ls", "-q")).toBe("");
  }
  cni.ok("ADD", { netns });
  cni.ok("DEL", { netns });
});

test("netkit connects and disconnects no container that a runtime connects, for that wouldn't know", () => {
  cni.install();
  cni.machine.ok("network", "create", "net2");
  const netns = cni.runtime.container("c1");
  cni.ok("ADD", { netns });
  const before = contents(netns);
  expect(cni.machine.netkit(["network", "disconnect", "my-net", "c1"])).toMatchObject({
    status: 4,
    stderr: expect.stringMatching(
      /by a runtime of CNI.*podman network disconnect my-net c1.*netkit network disconnect -f my-net c1/s,
    ) as unknown,
  });
  expect(cni.machine.netkit(["network", "rm", "my-net"]).stderr).toContain("what started c1 (podman, ctr, crictl)");
  expect(contents(netns)).toEqual(before);
  cni.machine.ok("network", "disconnect", "-f", "my-net", "c1");
  expect(contents(netns)).toMatchObject({ links: [{ ifname: "lo" }] });
  cni.ok("DEL", { netns });
  cni.ok("ADD", { netns });
  for (const ref of ["c1", `netns:${netns}`])
    expect(cni.machine.netkit(["network", "connect", "net2", ref])).toMatchObject({
      status: 4,
      stderr: expect.stringContaining("CNI") as unknown,
    });
  cni.machine.ok("port", "add", "c1", "8080:80");
  cni.ok("ADD", { netns, ifName: "net1", more: { network: "net2" } });
  cni.runtime.kill(netns);
  // Whatever it has: with its namespace it is gone.
  cni.ok("DEL", { netns });
  expect(cni.machine.ok("sandbox", "ls", "-q")).toBe("");
  cni.ok("DEL", { netns, ifName: "net1", more: { network: "net2" } });
});

test("a container with an id of 64 digits goes by twelve of them, and by all where somebody has those", () => {
  cni.install();
  const [id, other] = ["0123456789ab".padEnd(64, "c"), "0123456789ab".padEnd(64, "d")];
  const [netns, second] = [cni.runtime.container("c1"), cni.runtime.container("c2")];
  const more = { runtimeConfig: { aliases: { "my-net": ["0123456789ab"] } } };
  const sandboxes = () => cni.machine.ok("sandbox", "ls", "--format", "{{.Name}}").split("\n").filter(Boolean);
  cni.ok("ADD", { id, netns, more });
  cni.ok("ADD", { id: other, netns: second });
  expect(sandboxes().toSorted()).toEqual(["0123456789ab", other]);
  expect(cni.runtime.call("ADD", { id, netns })).toMatchObject({
    said: { code: 104, msg: "container '0123456789ab' has an interface 'eth0' already, on network 'my-net'" },
  });
  cni.ok("DEL", { id, netns });
  expect(sandboxes()).toEqual([other]);
  cni.ok("DEL", { id: other, netns: second });
  expect(sandboxes()).toEqual([]);
});

test("GC removes what the list has attached and isn't valid, and nothing else", () => {
  cni.install();
  const ids = ["one", "two", "three"];
  const spaces = Object.fromEntries(ids.map((id) => [id, cni.runtime.container(id)]));
  for (const id of ids) cni.ok("ADD", { id, netns: spaces[id] ?? "" });
  const theirs = cni.runtime.container("theirs");
  cni.ok("ADD", { id: "theirs", netns: theirs, more: { name: "other-list" } });
  cni.machine.ok("sandbox", "create", "--name", "plain", "--network", "my-net");
  const left = () => cni.machine.ok("sandbox", "ls", "--format", "{{.Name}}").split("\n").filter(Boolean).toSorted();
  const stale = Array.from({ length: 20_000 }, (_, index) => ({ containerID: `gone${index}`, ifname: "eth0" }));
  cni.ok("GC", { more: { "cni.dev/valid-attachments": [...stale, ...valid(...ids)] } });
  expect(left()).toEqual(["one", "plain", "theirs", "three", "two"]);
  for (const more of [{}, { "cni.dev/valid-attachments": null }])
    expect(cni.runtime.call("GC", { more })).toMatchObject({ status: 1, said: { code: 7 } });
  expect(left()).toEqual(["one", "plain", "theirs", "three", "two"]);
  cni.ok("GC", {
    more: { "cni.dev/valid-attachments": [...valid("one"), { containerID: "two", ifname: "eth1" }, ...valid("three")] },
  });
  expect(left()).toEqual(["one", "plain", "theirs", "three"]);
  cni.ok("GC", { more: { "cni.dev/attachments": valid("three") } });
  expect(left()).toEqual(["plain", "theirs", "three"]);
  cni.machine.ok("network", "create", "a-net");
  cni.ok("ADD", { id: "three", netns: spaces["three"] ?? "", ifName: "net1", more: { network: "a-net" } });
  for (const _ of [1, 2]) cni.ok("GC", { more: { "cni.dev/valid-attachments": [] } });
  expect(left()).toEqual(["plain", "theirs"]);
  expect(reaches(theirs, "10.7.0.1")).toBe(true);
  cni.ok("DEL", { id: "theirs", more: { name: "other-list" } });
});

test("STATUS is 50 where an ADD would fail", () => {
  cni.machine.ok("network", "create", "--subnet", "10.7.0.0/29", "my-net");
  cni.runtime = new CniRuntime(cni.machine, "my-net", { agent: false });
  cni.ok("STATUS");
  const missing = { network: "no-such" };
  expect(cni.runtime.call("STATUS", { more: missing })).toMatchObject({ status: 1, said: { code: 50 } });
  cni.ok("STATUS", { more: { ...missing, subnet: "10.8.0.0/24" } });
  expect(cni.runtime.call("STATUS", { more: { ipam: { type: "host-local" } } })).toMatchObject({ said: { code: 50 } });
  for (const index of [1, 2, 3, 4, 5])
    cni.machine.ok("sandbox", "create", "--name", `s${index}`, "--network", "my-net");
  expect(cni.runtime.call("STATUS")).toMatchObject({
    status: 1,
    said: { code: 50, msg: expect.stringContaining("no address left") as unknown },
  });
});

test("a network that a configuration describes is made by its first ADD, and not by one that fails", async () => {
  cni.install();
  const made = { network: "made", subnet: "10.9.0.0/24" };
  const netns = cni.runtime.container("c1");
  const bad = { ...made, runtimeConfig: { ips: ["192.0.2.1"] } };
  expect(cni.runtime.call("ADD", { netns, more: bad })).toMatchObject({ said: { code: 7 } });
  expect(networkNames()).not.toContain("made");
  expect(cni.runtime.call("ADD", { netns, more: { network: "made" } })).toMatchObject({ said: { code: 7 } });
  // Without a subnet it would describe none.
  expect(cni.runtime.call("ADD", { netns, more: { network: "made", subnet: "10.7.0.0/25" } })).toMatchObject({
    said: { code: 104, details: expect.stringContaining('Give it another "subnet"') as unknown },
  });
  const two = cni.runtime.container("c2");
  const both = await Promise.all(
    [
      { id: "c1", netns },
      { id: "c2", netns: two },
    ].map(async (each) => await cni.runtime.start("ADD", { ...each, more: made })),
  );
  expect(both.map(({ said }) => said.ips?.[0]?.address)).toEqual(
    expect.arrayContaining(["10.9.0.2/24", "10.9.0.3/24"]),
  );
  for (const id of ["c1", "c2"]) cni.ok("DEL", { id, more: made });
  expect(networkNames()).toContain("made");
});

test("a container has several interfaces, the first with the default route, and goes with the last", () => {
  cni.install();
  cni.machine.ok("network", "create", "--subnet", "10.6.0.0/24", "a-net");
  const netns = cni.runtime.container("c1");
  cni.ok("ADD", { netns });
  cni.ok("ADD", { netns, ifName: "net1", more: { network: "a-net" } });
  expect(inside(netns, "ip", "route", "show", "default")).toContain("via 10.7.0.1 dev eth0");
  expect(cni.runtime.call("ADD", { netns, ifName: "net2" })).toMatchObject({
    said: {
      code: 104,
      details: "ENDPOINT_EXISTS: A container has at most one interface on each network: leave this one out.",
    },
  });
  cni.ok("DEL", { netns });
  expect(contents(netns)).toMatchObject({ links: [{ ifname: "lo" }, { ifname: "net1", addresses: ["10.6.0.2"] }] });
  expect(cni.machine.ok("sandbox", "ls", "--format", "{{.Name}}")).toBe("c1\n");
  cni.ok("DEL", { netns, ifName: "net1", more: { network: "a-net" } });
  expect(cni.machine.ok("sandbox", "ls", "-q")).toBe("");
});

test("its ports are published once, on its first network that can, and move to another one with a DEL", async () => {
  cni.install();
  cni.machine.ok("network", "create", "--subnet", "10.6.0.0/24", "a-net");
  cni.machine.ok("network", "create", "--internal", "inner");
  const netns = cni.runtime.container("c1");
  const on = (network: string, ifName: string) => ({ netns, ifName, more: { network, ...port(8080) } });
  const published = () =>
    cni.machine.ok(
      "sandbox",
      "inspect",
      "-f",
      "{{range $name, $it := .NetworkSettings.Networks}}{{$name}} {{end}}",
      "c1",
    ) + cni.machine.ok("port", "ls", "c1");
  cni.ok("ADD", on("inner", "eth0"));
  expect(published()).toBe("inner \n");
  cni.ok("ADD", on("my-net", "eth1"));
  expect(cni.ok("ADD", on("a-net", "eth2"))).toMatchObject({ dns: {} });
  expect(published()).toContain("\n80/tcp -> 0.0.0.0:8080\n");
  // One that asks for something else of a port that is taken is refused as ever.
  const other = cni.runtime.container("c2");
  expect(cni.runtime.call("ADD", { id: "c2", netns: other, more: port(8080) })).toMatchObject({ said: { code: 104 } });
  expect(await reaction(cni.machine, netns, 8080)).toBe("ok");
  cni.ok("DEL", on("my-net", "eth1"));
  expect(published()).toContain("\n80/tcp -> 0.0.0.0:8080\n");
  expect(await reaction(cni.machine, netns, 8080, "10.6.0.1")).toBe("ok");
  cni.ok("DEL", on("a-net", "eth2"));
  expect(published()).toBe("inner \n");
  cni.ok("ADD", on("a-net", "eth2"));
  expect(published()).toContain("\n80/tcp -> 0.0.0.0:8080\n");
  cni.ok("DEL", on("a-net", "eth2"));
  cni.ok("DEL", on("inner", "eth0"));
});

test("wrong namespaces are refused with 8, and sandboxes of others are left alone", () => {
  cni.install();
  expect(cni.runtime.call("ADD", { netns: cni.machine.path })).toMatchObject({ status: 1, said: { code: 8 } });
  const override = { CNI_NETNS_OVERRIDE: "1" };
  // The sandbox can't be the host itself, whatever the plugin may work on.
  expect(cni.runtime.call("ADD", { netns: cni.machine.path, env: override })).toMatchObject({
    status: 1,
    said: { code: 104 },
  });
  expect(cni.runtime.call("ADD", { netns: "/run/netns/no-such" })).toMatchObject({ status: 1, said: { code: 8 } });
  expect(cni.runtime.call("ADD", { netns: "/dev/null" })).toMatchObject({ status: 1, said: { code: 8 } });
  cni.machine.ok("sandbox", "create", "--name", "mine", "--network", "my-net");
  const netns = cni.runtime.container("mine");
  expect(cni.runtime.call("ADD", { id: "mine", netns })).toMatchObject({
    status: 1,
    said: {
      code: 104,
      details: "NAME_TAKEN: It is none of CNI's, and is called as the container: 'netkit sandbox ls' lists it.",
    },
  });
  const mine = cni.machine.ok("sandbox", "inspect", "-f", "{{.NetworkSettings.SandboxKey}}", "mine").trim();
  expect(cni.runtime.call("ADD", { id: "c2", netns: mine })).toMatchObject({
    status: 1,
    said: { code: 104, details: expect.not.stringContaining("--") as unknown },
  });
  cni.ok("DEL", { id: "mine", netns });
  expect(cni.machine.ok("sandbox", "ls", "--format", "{{.Name}}")).toBe("mine\n");
});

test("a container that died with its namespace is attached anew under its id", () => {
  cni.install();
  const first = cni.runtime.container("c1");
  cni.ok("ADD", { netns: first, more: port(8080) });
  cni.runtime.kill(first);
  const netns = cni.runtime.container("c1");
  cni.ok("ADD", { netns, more: port(8080) });
  expect(reaches(netns, "10.7.0.1")).toBe(true);
  cni.ok("DEL", { netns });
});

/** The plugin without Node: what it can't do with an agent ends with 99. */
function withoutNode(): void {
  const plugin = join(cni.runtime.binDir, "netkit");
  const text = readFileSync(plugin, "utf8");
  writeFileSync(plugin, text.replaceAll(/^exec[ (].*$/gm, "exit 99;"));
}

test("with an agent a call is a request to it, and without one, or once it is killed, the plugin's own work", async () => {
  cni.install({ agent: true });
  // It stays as long as somebody has names.
  cni.machine.ok("sandbox", "create", "--name", "plain", "--network", "my-net");
  const own = readFileSync(join(cni.runtime.binDir, "netkit"), "utf8");
  withoutNode();
  const netns = cni.runtime.container("c1");
  const args = "IgnoreUnknown=1;K8S_POD_NAME=$(touch x)`touch y`\"'\\";
  const result = cni.ok("ADD", { netns, args, more: port(5354, 53, "udp") });
  expect(result).toMatchObject({ ips: [{ address: "10.7.0.3/24" }], dns: { nameservers: ["127.0.0.11"] } });
  expect(reaches(netns, "10.7.0.1")).toBe(true);
  expect(cni.machine.ok("sandbox", "inspect", "-f", '{{index .Config.Labels "cni.k8s-pod-name"}}', "c1")).toBe(
    "$(touch x)`touch y`\"'\\\n",
  );
  expect(cni.runtime.call("ADD", { netns })).toMatchObject({ status: 1, said: { code: 104, cniVersion: "1.1.0" } });
  // Podman holds a port by itself once the plugin has published it.
  using holding = new Talker(cni.machine.path, udpServer("nobody").replace("bind(53", "bind(5354"));
  expect(await holding.line("ready")).toBe("ready");
  cni.ok("CHECK", { netns, ...withResult(result) });
  cni.ok("STATUS");
  expect(cni.ok("VERSION")).toMatchObject({ cniVersion: "1.1.0" });
  const stale = Array.from({ length: 50_000 }, (_, index) => ({ containerID: `gone${index}`, ifname: "eth0" }));
  cni.ok("GC", { more: { "cni.dev/valid-attachments": [...stale, ...valid("c1")] } });
  expect(cni.runtime.call("ADD", { netns, input: "{" })).toMatchObject({ status: 1, said: { code: 6 } });
  expect(cni.runtime.call("ADD", { id: "-", netns })).toMatchObject({ status: 1, said: { code: 4 } });
  // These are the process's own matter.
  expect(cni.runtime.call("ADD", { id: "c2", netns: "/proc/self/ns/net" })).toMatchObject({ status: 99 });
  expect(cni.runtime.call("ADD", { id: "c2", netns, args: "A=1\nCNI_COMMAND=DEL" })).toMatchObject({ status: 99 });
  const { pid } = JSON.parse(cni.machine.ok("agent", "status", "--json")) as { pid: number };
  process.kill(pid, "SIGKILL");
  expect(cni.runtime.call("DEL", { netns })).toMatchObject({ status: 99 });
  writeFileSync(join(cni.runtime.binDir, "netkit"), own);
  cni.ok("DEL", { netns });
});

/** A client that keeps its own port, so that the kernel would take it for the same flow. */
const udpClient = `
  const socket = require("node:dgram").createSocket("udp4");
  setInterval(() => socket.send("?", 5353, "10.7.0.1"), 50);
  socket.on("message", (answer) => process.stdout.write(answer + "\\n"));
  socket.bind(40000);`;

function udpServer(name: string): string {
  return `
    const socket = require("node:dgram").createSocket("udp4");
    socket.on("message", (_, { address, port }) => socket.send("${name}", port, address));
    socket.bind(53, () => process.stdout.write("ready\\n"));`;
}

test("a UDP port of a container that comes after another has the traffic at once", async () => {
  cni.install();
  const [one, two] = [cni.runtime.container("one"), cni.runtime.container("two")];
  using asking = new Talker(cni.machine.path, udpClient);
  for (const [id, netns] of [
    ["one", one],
    ["two", two],
  ] as const) {
    using serving = new Talker(netns, udpServer(id));
    await serving.line("ready");
    cni.ok("ADD", { id, netns, more: port(5353, 53, "udp") });
    expect(await asking.line(id)).toBe(id);
    cni.ok("DEL", { id, netns });
  }
});
