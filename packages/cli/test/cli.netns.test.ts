import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { host, onHosts, type Host, type Outcome } from "./host.ts";

let box: Host;
onHosts((host) => (box = host));

/** Runs the CLI, expects success and returns what it printed. */
const netkit = (...args: string[]): string => box.ok(...args);

function json<T>(...args: string[]): T {
  return JSON.parse(netkit(...args)) as T;
}

function qdiscs(): string {
  return box.run("tc", "qdisc", "show");
}

const server = `require("node:http").createServer((_, answer) => answer.end("hello")).listen(80, () => console.log("ready"))`;
const get = (url: string): string => `fetch("${url}").then((a) => a.text()).then((text) => process.stdout.write(text))`;

function openFiles(pid: number | undefined): string[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).map((name) => {
    try {
      return readlinkSync(join(folder, name));
    } catch {
      // Closed meanwhile.
      return "";
    }
  });
}

async function until(holds: () => boolean): Promise<void> {
  await expect.poll(holds, { timeout: 10_000, interval: 20 }).toBe(true);
}

describe("the main path", () => {
  test("networks look as Docker's", () => {
    const id = netkit(
      "network",
      "create",
      "--subnet",
      "10.7.0.0/24",
      "--ip-range",
      "10.7.0.128/25",
      "--label",
      "a=b",
      "-o",
      "mtu=1400",
      "web",
    );
    expect(id).toMatch(/^[0-9a-f]{64}\n$/);
    const table = netkit("network", "ls").split("\n");
    expect(table[0]).toBe("NETWORK ID     NAME      DRIVER    SCOPE");
    expect(table).toContain(`${id.slice(0, 12)}   web       bridge    local`);
    expect(netkit("network", "ls", "-q", "--no-trunc", "--filter", "type=custom")).toBe(id);
    expect(netkit("network", "ls", "--format", "{{.Name}}/{{.Driver}}").split("\n").toSorted()).toEqual([
      "",
      "bridge/bridge",
      "host/host",
      "none/null",
      "web/bridge",
    ]);
    const [network] = json<Record<string, unknown>[]>("network", "inspect", id.slice(0, 8));
    expect(network).toMatchObject({
      Id: id.trim(),
      Name: "web",
      Scope: "local",
      Driver: "bridge",
      EnableIPv4: true,
      EnableIPv6: false,
      IPAM: {
        Driver: "default",
        Config: [{ Subnet: "10.7.0.0/24", IPRange: "10.7.0.128/25", Gateway: expect.any(String) }],
      },
      Internal: false,
      Containers: {},
      Options: { mtu: "1400" },
      Labels: { a: "b" },
    });
    expect(netkit("network", "rm", "web")).toBe("web\n");
  });

  test("ports are listed, added and withdrawn on a live sandbox", () => {
    const before = box.traces();
    for (const name of ["one", "two"]) netkit("network", "create", "--ipv6", name);
    netkit("network", "create", "--internal", "inner");
    netkit("sandbox", "create", "--name", "web", "--network", "one", "--network", "inner");
    expect(netkit("port", "ls")).toMatch(/^SANDBOX +NETWORK +PORT +HOST +FROM\n$/);
    expect(netkit("port", "ls", "web")).toBe("");
    const planned = netkit("port", "add", "--dry-run", "web", "8080:80,from=10.0.0.0/8");
    expect(planned).toMatch(/\+ port 0\.0\.0\.0:8080\/tcp -> 172\S+:80 from 10\.0\.0\.0\/8/);
    expect(netkit("port", "add", "--explain", "web", "8080:80")).toContain("add element inet");
    expect(netkit("port", "ls", "web")).toBe("");
    // The internal network can't publish: there is nothing to choose.
    expect(netkit("port", "add", "web", "8080:80", "127.0.0.1:53:53/udp")).toBe(
      "80/tcp -> 0.0.0.0:8080\n80/tcp -> [::]:8080\n53/udp -> 127.0.0.1:53\n",
    );
    expect(netkit("port", "add", "web", "20000-20999:20000-20999,from=10.0.0.0/8,from=10.1.0.0/16")).toBe(
      "20000-20999/tcp -> 0.0.0.0:20000-20999 from 10.0.0.0/8\n",
    );
    expect(netkit("port", "ls", "web").split("\n")).toHaveLength(5);
    expect(netkit("port", "ls", "--filter", "protocol=udp").split("\n")[1]).toMatch(
      /^web +one +53\/udp +127\.0\.0\.1:53 +anywhere$/,
    );
    expect(
      netkit("port", "ls", "--format", "{{.Host}}|{{.Target}}|{{.From}}", "--filter", "port=20000-20999/tcp"),
    ).toMatch(/^0\.0\.0\.0:20000-20999\|172\S+:20000-20999\|10\.0\.0\.0\/8\n$/);
    expect(json<unknown[]>("port", "ls", "--json", "web")[1]).toMatchObject({
      sandboxName: "web",
      networkName: "one",
      protocol: "tcp",
      hostAddress: "::",
      hostPort: { first: 8080, last: 8080 },
      port: { first: 80, last: 80 },
    });
    expect(netkit("sandbox", "ls", "--format", "{{.Ports}}")).toBe(
      "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp, 127.0.0.1:53->53/udp, 0.0.0.0:20000-20999->20000-20999/tcp from 10.0.0.0/8\n",
    );
    netkit("network", "connect", "two", "web");
    expect(box.netkit(["port", "add", "web", "81:81"])).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/several networks: one, two[^]*--network one/),
    });
    netkit("port", "add", "--network", "two", "web", "81:81", "82:80");
    expect(box.netkit(["port", "rm", "web", "80"])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("one, two"),
    });
    netkit("port", "rm", "web", "81");
    netkit("port", "rm", "web", "8080:80", "53/udp", "20000-20999");
    expect(netkit("port", "ls", "web")).toBe("80/tcp -> 0.0.0.0:82\n80/tcp -> [::]:82\n");
    expect(box.netkit(["port", "add", "--network", "two", "web", "82:81"])).toMatchObject({
      status: 4,
      stderr: expect.stringContaining("host port 82/tcp is published by this sandbox already"),
    });
    expect(box.netkit(["port", "rm", "web", "83"]).stderr).toContain("Published: 82:80/tcp.");
    netkit("port", "rm", "web", "80");
    expect(box.netkit(["port", "rm", "web", "80"])).toMatchObject({
      status: 3,
      stderr: expect.stringContaining("publishes no ports"),
    });
    netkit("sandbox", "rm", "web");
    netkit("sandbox", "create", "--name", "shut", "--network", "inner");
    expect(box.netkit(["port", "add", "shut", "80:80"])).toMatchObject({
      status: 6,
      stderr: expect.stringContaining("inner"),
    });
    netkit("sandbox", "rm", "shut");
    netkit("network", "rm", "one", "two", "inner");
    expect(box.traces()).toEqual(before);
  });

  test("a routed network takes Docker's words, shows what it opens, and has ports without a host's", () => {
    const options = ["gateway_mode_ipv4=routed", "trusted_host_interfaces=eth3:eth1"].flatMap((option) => [
      "-o",
      `com.docker.network.bridge.${option}`,
    ]);
    expect(netkit("network", "create", "--dry-run", ...options, "web")).toMatch(
      /isolation of \S+, IPv4 from outside: open ports and ICMP, open ports for eth1, eth3\n/,
    );
    netkit("network", "create", ...options, "web");
    const create = ["sandbox", "create", "--name", "box", "--network", "web", "-p", "80-81/udp"];
    expect(netkit(...create, "--dry-run")).toMatch(/open port 80-81\/udp of 172\.17\.0\.2\n/);
    netkit(...create);
    expect(netkit("sandbox", "ls", "--format", "{{.Ports}}")).toBe("80-81/udp\n");
    expect(netkit("port", "add", "--dry-run", "box", "90,from=10.0.0.0/8")).toMatch(
      /open port 90\/tcp of 172\.17\.0\.2 from 10\.0\.0\.0\/8\n/,
    );
    expect(netkit("port", "add", "box", "90,from=10.0.0.0/8")).toBe("90/tcp from 10.0.0.0/8\n");
    expect(netkit("port", "ls", "box")).toBe("80-81/udp\n90/tcp from 10.0.0.0/8\n");
    expect(netkit("port", "ls").split("\n")[2]).toMatch(/^box +web +90\/tcp +none +10\.0\.0\.0\/8$/);
    expect(box.netkit(["port", "rm", "box", "91"]).stderr).toContain("Published: 80-81/udp, 90/tcp.");
    netkit("port", "rm", "box", "90");
    const { status, stderr } = box.netkit(["sandbox", "create", "--network", "web", "-p", "8080:80"]);
    expect(status).not.toBe(0);
    expect(stderr).toContain("host port 8080/tcp can't be published: network 'web' is routed");
    netkit("sandbox", "rm", "box");
    netkit("network", "rm", "web");
  });

  test("a server in the background answers on its published port, and goes without a trace", async () => {
    const before = box.traces();
    netkit("network", "create", "web");
    const id = netkit(
      "run",
      "-d",
      "--name",
      "srv",
      "--network",
      "web",
      "-p",
      "8080:80",
      "--",
      process.execPath,
      "-e",
      server,
    ).trim();
    const log = join(box.root, "logs", `${id}.log`);
    await until(() => readFileSync(log, "utf8").includes("ready"));
    expect(box.run(process.execPath, "-e", get("http://127.0.0.1:8080/"))).toBe("hello");
    const [sandbox] = json<Record<string, unknown>[]>("sandbox", "inspect", "srv");
    expect(sandbox).toMatchObject({
      Id: id,
      State: { Status: "running" },
      HostConfig: { PortBindings: { "80/tcp": [{ HostIp: "", HostPort: "8080" }] } },
      NetworkSettings: {
        Ports: { "80/tcp": [{ HostIp: "0.0.0.0", HostPort: "8080" }] },
        Networks: { web: { Ports: ["0.0.0.0:8080->80/tcp"] } },
      },
    });
    const { Pid } = (sandbox as { State: { Pid: number } }).State;
    expect(readFileSync(`/proc/${Pid}/stat`, "utf8").split(" ")[3], "nothing of netkit runs beside it").toBe("1");
    const address = netkit(
      "sandbox",
      "inspect",
      "-f",
      "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
      "srv",
    ).trim();
    expect(box.netkit(["exec", "srv", "--", "ip", "-br", "address"]).stdout).toContain(address);
    expect(
      box.netkit(["run", "--rm", "--network", "container:srv", "--", process.execPath, "-e", get("http://127.0.0.1/")])
        .stdout,
    ).toBe("hello");

    expect(box.netkit(["sandbox", "rm", "srv"]).status, "it runs").toBe(4);
    expect(netkit("sandbox", "rm", "-f", "srv")).toBe("srv\n");
    expect(existsSync(log)).toBe(false);
    netkit("network", "create", "--label", "keep=yes", "kept");
    expect(netkit("network", "prune", "--filter", "until=1h")).toBe("");
    expect(netkit("network", "prune", "--filter", "label!=keep")).toBe("Deleted Networks:\nweb\n");
    expect(netkit("network", "prune", "--filter", "label=keep=yes")).toBe("Deleted Networks:\nkept\n");
    expect(json("doctor", "--json")).toMatchObject({ findings: [] });
    expect(box.traces()).toEqual(before);
  });

  test("a rate is set on the host, and goes with the endpoint", () => {
    netkit("network", "create", "web");
    netkit("sandbox", "create", "--name", "box");
    const before = qdiscs();
    netkit("network", "connect", "--rate", "ingress=10mbit,egress=5mbit,burst=1mbit", "web", "box");
    expect(qdiscs()).toMatch(/tbf 6b: dev nkv\S+ root refcnt \d rate 10Mbit burst 125000b/);
    expect(qdiscs()).toMatch(/tbf 6b: dev nki\S+ root refcnt \d rate 5Mbit burst 125000b/);
    netkit("network", "disconnect", "web", "box");
    expect(qdiscs()).toBe(before);
  });

  test("connect, disconnect and their data", () => {
    netkit("network", "create", "--subnet", "10.8.0.0/24", "extra");
    netkit("sandbox", "create", "--name", "box");
    expect(netkit("network", "connect", "--ip", "10.8.0.9", "--ifname", "lan0", "--alias", "api", "extra", "box")).toBe(
      "",
    );
    const addresses = JSON.parse(
      box.netkit(["exec", "box", "--", "ip", "-j", "address", "show", "lan0"]).stdout,
    ) as unknown;
    expect(addresses).toMatchObject([{ addr_info: [{ local: "10.8.0.9", prefixlen: 24 }] }]);
    expect(box.netkit(["network", "rm", "extra"])).toMatchObject({
      status: 4,
      stderr: expect.stringContaining("'box'"),
    });
    netkit("sandbox", "create", "--name", "box2", "--network", "extra");
    expect(box.netkit(["network", "rm", "extra"]).stderr).toContain("netkit sandbox rm -f box box2\n");
    expect(box.netkit(["network", "disconnect", "bridge", "box"]).stderr).toContain("It is connected to 'extra'.\n");
    expect(json("network", "disconnect", "--json", "extra", "box")).toMatchObject({ ifName: "lan0", aliases: ["api"] });
  });
});

describe("a command in the foreground", () => {
  test("keeps its input, output and exit status", () => {
    expect(box.netkit(["run", "--rm", "--network", "none", "--", "cat"], { input: "from stdin" })).toEqual({
      status: 0,
      stdout: "from stdin",
      stderr: "",
    });
    expect(
      box.netkit([
        "run",
        "--rm",
        "--network",
        "none",
        "-e",
        "A=1",
        "-w",
        "/",
        "-h",
        "name1",
        "sh",
        "-c",
        "echo $A $PWD $(hostname); exit 7",
      ]),
    ).toEqual({
      status: 7,
      stdout: "1 / name1\n",
      stderr: "",
    });
    expect(netkit("sandbox", "ls", "-q")).toBe("");
  });

  test.each([
    [["--", "nosuchprogram"], 127],
    [["--", "/etc/passwd"], 126],
    [["--network", "nosuchnetwork", "--", "true"], 125],
    [["--", "sh", "-c", "kill -9 $$"], 137],
  ])("run %j ends with %i and leaves nothing with --rm", (words, status) => {
    expect(box.netkit(["run", "--rm", "--name", "gone", ...words]).status).toBe(status);
    expect(netkit("sandbox", "ls", "-q")).toBe("");
  });

  test.each([
    ["nosuchprogram", 127],
    ["/etc/passwd", 126],
  ])("%s is looked for before anything is made", (program, status) => {
    const before = box.traces();
    expect(box.netkit(["run", "--", program]).status).toBe(status);
    expect(box.netkit(["run", "-d", "-e", "PATH=/nowhere", "--", "true"]).status).toBe(127);
    expect(box.traces()).toEqual(before);
  });

  test("a command is found by the PATH and the directory that it is given", () => {
    mkdirSync(join(box.root, "bin"));
    symlinkSync("/bin/echo", join(box.root, "bin", "found"));
    const run = ["run", "--rm", "--network", "none"];
    expect(netkit(...run, "-e", `PATH=${box.root}/bin`, "--", "found", "1")).toBe("1\n");
    expect(netkit(...run, "-w", box.root, "--", "bin/found", "2")).toBe("2\n");
  });

  test("a further command can be left running, with variables from a file and its output in one", async () => {
    netkit("sandbox", "create", "--name", "web");
    const [file, log] = [join(box.root, "env"), join(box.root, "out.log")];
    writeFileSync(file, "# of the test\nWORD=hello\n");
    const options = ["-d", "--json", "--env-file", file, "--log", log];
    const { pid } = json<{ pid: number }>("exec", ...options, "web", "--", "sh", "-c", "echo $WORD; sleep 60; true");
    await until(() => readFileSync(log, "utf8") === "hello\n");
    expect(netkit("exec", "-d", "web", "--", "true")).toBe("");
    expect(box.netkit(["exec", "--log", log, "web", "--", "true"]).status).toBe(125);
    netkit("sandbox", "rm", "-f", "web");
    await until(() => !existsSync(`/proc/${pid}`));
  });

  test("a sandbox whose command has ended can be entered, and no longer joined", () => {
    netkit("run", "--name", "web", "--", "true");
    const [, address] = /inet (\S+)/.exec(netkit("exec", "web", "--", "ip", "-4", "address", "show", "eth0")) ?? [];
    expect(box.netkit(["run", "--network", "container:web", "--", "true"])).toMatchObject({
      status: 125,
      stderr: expect.stringContaining("sandbox 'web' isn't running, so that it can't be joined"),
    });
    const format = "{{.NetworkSettings.IPAddress}}/{{.NetworkSettings.IPPrefixLen}}";
    expect(netkit("sandbox", "inspect", "-f", format, "web")).toBe(`${address}\n`);
    netkit("sandbox", "rm", "web");
  });

  test("a command that can't be started leaves nothing even without --rm; one that ended is exited", () => {
    box.netkit(["run", "--name", "a", "--network", "none", "--", "nosuchprogram"]);
    box.netkit(["run", "--name", "b", "--network", "none", "--", "false"]);
    expect(netkit("sandbox", "ls", "--format", "{{.Name}} {{.State}}")).toBe("b exited\n");
  });

  test("signals pass through, and the sandbox goes with it", async () => {
    const child = box.start([
      "run",
      "--rm",
      "--network",
      "none",
      "--",
      "sh",
      "-c",
      "trap 'echo got it; exit 9' TERM; echo ready; while :; do sleep 0.05; done",
    ]);
    let output = "";
    child.stdout?.on("data", (chunk: Buffer) => (output += chunk.toString()));
    await until(() => output.includes("ready"));
    child.kill("SIGTERM");
    const [code] = (await once(child, "exit")) as [number];
    expect(output).toContain("got it");
    expect(code).toBe(9);
    expect(netkit("sandbox", "ls", "-q")).toBe("");
  });

  test("in the background with --rm it goes with the next command after its end", async () => {
    const id = netkit("run", "-d", "--rm", "--network", "none", "--", "sleep", "0.2").trim();
    await until(() => netkit("sandbox", "ls", "-q", "--no-trunc") === "");
    expect(readdirSync(join(box.root, "logs"))).toEqual([`${id}.log`]);
    netkit("gc");
    expect(readdirSync(join(box.root, "logs"))).toEqual([]);
  });

  test("the file of --log is appended to and stays; where the request fails it isn't made", async () => {
    const log = join(box.root, "own.log");
    const run = ["run", "-d", "--rm", "--network", "none", "--log", log];
    expect(box.netkit([...run, "--name", "-", "--", "true"]).status).toBe(125);
    expect(existsSync(log)).toBe(false);
    for (const word of ["one", "two"]) {
      netkit(...run, "--", "echo", word);
      await until(() => netkit("sandbox", "ls", "-q") === "");
    }
    expect(readFileSync(log, "utf8")).toBe("one\ntwo\n");
  });
});

describe("plans", () => {
  test("--dry-run shows what would be done and changes nothing", () => {
    netkit("network", "ls");
    const before = box.traces();
    expect(netkit("network", "create", "--dry-run", "web")).toMatch(
      /^create network web\n {2}network web\n {4}\+ bridge nkb/,
    );
    expect(box.netkit(["run", "--dry-run", "--rm", "--", "touch", join(box.root, "ran")]).stdout).toContain("+ veth");
    const { plans, result } = json<{ plans: { changes: unknown[] }[]; result: unknown }>(
      "network",
      "create",
      "--dry-run",
      "--json",
      "web",
    );
    expect(plans[0]?.changes.length).toBeGreaterThan(0);
    expect(result).toMatchObject({ name: "web" });
    expect(box.traces()).toEqual(before);
    expect(existsSync(join(box.root, "ran"))).toBe(false);
    expect(netkit("network", "ls", "--filter", "type=custom", "-q")).toBe("");
  });

  test("what goes is shown where it is: in the sandbox", () => {
    netkit("network", "create", "--subnet", "10.8.0.0/24", "lan");
    netkit("sandbox", "create", "--name", "web", "--network", "lan");
    const gone = "    - address 10.8.0.2/24 on eth0 in web\n";
    expect(netkit("network", "disconnect", "--dry-run", "lan", "web")).toContain(gone);
    const plan = netkit("sandbox", "rm", "--dry-run", "web");
    expect(plan).toMatch(/^remove sandbox web\n/);
    expect(plan).toContain("\n  endpoint web@lan\n");
    expect(plan).toContain(gone);
    netkit("sandbox", "rm", "web");
    netkit("network", "rm", "lan");
  });

  test("what stays is no removal: settings of the host, but not those of a link that goes", () => {
    netkit("network", "create", "-o", "name=nkgoes0", "lan");
    const plan = netkit("network", "prune", "--dry-run");
    expect(plan).toContain("    = sysctl net/ipv4/ip_forward = 1 (stays)\n");
    expect(plan).toContain("    - sysctl net/ipv4/conf/nkgoes0/route_localnet = 1\n");
    netkit("network", "rm", "lan");
    expect(box.run("sysctl", "-n", "net.ipv4.ip_forward")).toBe("1\n");
  });

  test("a removal by force shows what it ends, and the shell ends it, too", () => {
    const { pid } = json<{ pid: number }>("run", "-d", "--json", "--name", "web", "--", "sh", "-c", "sleep 60; true");
    expect(netkit("sandbox", "rm", "-f", "--dry-run", "web")).toMatch(
      new RegExp(`^remove sandbox web\n(  - process \\d+\n)*  - process ${pid}\n`),
    );
    expect(existsSync(`/proc/${pid}`)).toBe(true);
    box.run("sh", "-ec", netkit("sandbox", "rm", "-f", "--explain", "web"));
    expect(existsSync(`/proc/${pid}`)).toBe(false);
    expect(netkit("sandbox", "ls", "--format", "{{.State}}")).toBe("gone\n");
    netkit("sandbox", "rm", "web");
  });

  test("what --explain prints makes the same in a shell", () => {
    const options = ["--network", "bridge", "-e", "A=it's", "-e", "HOME", "-w", "/usr"];
    const command = ["sh", "-c", 'ip -br address; echo "$A in $PWD"'];
    const script = netkit("run", "--explain", "--name", "web", ...options, "--", ...command);
    expect(script).toMatch(/ip netns exec \S+ env --chdir=\/usr 'A=it'\\''s' sh -c /);
    using other = host(box.cli);
    writeFileSync(join(other.root, "script"), script);
    const made = /ip netns add (\S+)/.exec(script)?.[1] ?? "";
    try {
      const output = other.run("sh", "-e", join(other.root, "script"));
      expect(output).toMatch(/eth0@\S+ +UP +172\.17\.0\.2/);
      expect(output).toContain("it's in /usr\n");
    } finally {
      other.run("ip", "netns", "del", made);
      other.run("rm", "-rf", `/etc/netns/${made}`);
    }
  });

  test("what --explain prints of a detached command goes on in the background, its output in the log", () => {
    using other = host(box.cli);
    const log = join(other.root, "log");
    const script = netkit("run", "-d", "--explain", "--log", log, "--", "sh", "-c", "echo begun; sleep 60");
    expect(script.trimEnd().split("\n").at(-1)).toBe(
      `setsid ${/ip netns exec \S+/.exec(script)?.[0] ?? ""} sh -c 'echo begun; sleep 60' </dev/null >>${log} 2>&1 &`,
    );
    expect(netkit("run", "-d", "--explain", "--name", "web", "--", "true")).toContain(" >>web.log 2>&1 &");
    writeFileSync(join(other.root, "script"), script);
    const made = /ip netns add (\S+)/.exec(script)?.[1] ?? "";
    try {
      // With output for it to hold on to, execFileSync waits until the last process has closed it.
      expect(other.run("sh", "-ec", `. ${join(other.root, "script")}; sleep 1; cat ${log}`)).toBe("begun\n");
    } finally {
      for (const pid of other.run("ip", "netns", "pids", made).split("\n").filter(Boolean)) process.kill(Number(pid));
      other.run("ip", "netns", "del", made);
      other.run("rm", "-rf", `/etc/netns/${made}`);
    }
  });

  test("--timings go to stderr", () => {
    const { stdout, stderr } = box.netkit(["network", "create", "--timings", "web"]);
    expect(stdout).toMatch(/^[0-9a-f]{64}\n$/);
    expect(stderr).toMatch(/create bridge/);
    expect(stderr).toMatch(/since the process began\n$/);
  });
});

describe("errors", () => {
  test("several objects: the rest is done, and the first failure decides the status", () => {
    netkit("network", "create", "a");
    netkit("network", "create", "b");
    const { status, stdout, stderr } = box.netkit(["network", "rm", "a", "nosuch", "bridge", "b"]);
    expect(stdout).toBe("a\nb\n");
    expect(stderr).toContain("no network 'nosuch'");
    expect(stderr).toContain("predefined");
    expect(status).toBe(3);
    expect(box.netkit(["network", "rm", "-f", "nosuch"])).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(box.netkit(["network", "inspect", "nosuch"])).toMatchObject({ status: 3, stdout: "[]\n" });
  });

  test("what isn't there is status 3: an agent, a published port", () => {
    expect(box.netkit(["agent", "status"])).toMatchObject({
      status: 3,
      stderr: expect.stringContaining("no agent runs"),
    });
    netkit("sandbox", "create", "--name", "web", "--network", "bridge", "-p", "8080:80");
    expect(box.netkit(["port", "rm", "web", "9001"])).toMatchObject({
      status: 3,
      stderr: expect.stringContaining("port 9001/tcp is not published"),
    });
    netkit("sandbox", "rm", "web");
  });

  test("--json puts them on stderr as data", () => {
    const { status, stdout, stderr } = box.netkit(["--json", "network", "inspect", "brigde"]);
    expect(JSON.parse(stdout)).toEqual([]);
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: "NETWORK_NOT_FOUND", kind: "not-found", hint: "Did you mean 'bridge'?" },
    });
    expect(status).toBe(3);
  });

  const long = "x".repeat(300);
  test.each<[string[], number, string]>([
    [["network", "create", "a b"], 2, "invalid network name"],
    [["network", "create", "a/b"], 2, "invalid network name"],
    [["network", "create", "a\nb"], 2, String.raw`a\nb`],
    [["network", "create", "$(reboot)"], 2, "invalid network name"],
    [["network", "create", "a;{"], 2, "invalid network name"],
    [["network", "create", long], 2, "invalid network name"],
    [["network", "create", ""], 2, "invalid network name"],
    [["sandbox", "create", "--name", "../x"], 2, "invalid sandbox name"],
    [["network", "create", "bridge"], 4, "It is there from the start: --network bridge."],
    [["network", "create", "--ipv4=false", "n"], 2, "--ipv6 beside --ipv4=false"],
    [["network", "create", "--gateway", "abc", "n"], 2, '--gateway: invalid address "abc"'],
    [["pod", "create", "a b"], 2, "invalid pod name"],
    [["run", "--cidfile", "x", "--", "true"], 125, "It prints the id with -d"],
    [["run", "--init", "--", "true"], 125, "host's own init"],
    [["run", "--env-file", "/nonexistent", "--", "true"], 125, "--env-file /nonexistent can't be read"],
    [["run", "--dns", "abc", "--", "true"], 125, '--dns: invalid address "abc"'],
    [["run", "--hostname", "a".repeat(300), "--", "true"], 125, `invalid hostname "${"a".repeat(61)}..."`],
    [["run", "--domainname", "a b", "--", "true"], 125, 'invalid domainname "a b"'],
    [["run", "--network", "container:", "--", "true"], 125, "Write it as container:SANDBOX."],
    [["network", "create", "--subnet", "10.9.0.1/24", "n"], 2, "it should be 10.9.0.0/24"],
    [
      ["network", "create", "--subnet", "10.9.0.0/24", "--gateway", "10.8.0.1", "--ip-range", "10.7.0.0/25", "n"],
      2,
      "lies outside its subnet 10.9.0.0/24; gateway 10.8.0.1",
    ],
    [["network", "create", "--subnet", "10.9.0.0/32", "n"], 2, "single address"],
    [["network", "create", "--subnet", "0.0.0.0/0", "n"], 2, "default route"],
    [["network", "create", "--subnet", "10.9.0.0/24", "--gateway", "fd00::1", "n"], 2, "is IPv6"],
    [["network", "create", "--subnet", "10.9.0.0", "n"], 2, "10.9.0.0"],
    [["network", "create", "--gateway", "10.9.0.1", "n"], 2, "subnet"],
    [["network", "create", "--driver", "brigde", "n"], 3, "Did you mean 'bridge'?"],
    [["network", "create", "-o", "mut=1400", "n"], 2, "Did you mean 'mtu'?"],
    [["network", "create", "-o", "mtu=big", "n"], 2, "mtu"],
    [["network", "create", "--subnt", "x", "n"], 2, "Did you mean '--subnet'?"],
    [["netwrok", "ls"], 2, "Did you mean 'network'?"],
    [["sandbox", "rm", "nosuch"], 3, "no sandbox"],
    [["port", "ls", "nosuch"], 3, "no sandbox"],
    [["port", "add", "nosuch", "80:80"], 3, "no sandbox"],
    [["port", "rm", "nosuch"], 2, "needs PORT"],
    [["port", "lst"], 2, "Did you mean 'port ls'?"],
    [["run", "-p", "99999:80", "--", "true"], 125, "invalid port"],
    [["run", "-p", "90-80:80", "--", "true"], 125, "reversed"],
    [["run", "-p", "80:80,from=10.0.0.1/8", "--", "true"], 125, "its subnet is 10.0.0.0/8"],
    [["run", "-p", "80:80,to=10.0.0.0/8", "--", "true"], 125, "from=CIDR"],
    [["run", "--network", "none", "-p", "80:80", "--", "true"], 125, "publish"],
    [["run", "--network", "container:nosuch", "--", "true"], 125, "no sandbox"],
    [["run", "--name", "me", "--network", "container:me", "--", "true"], 125, "itself"],
    [["run", "--ip", "10.250.0.9", "--", "true"], 125, "10.250.0.9"],
    [["run"], 125, "needs a command"],
    [["sandbox", "create", "--netns", "/nosuch"], 3, "/nosuch"],
    [["sandbox", "create", "--pid", "x"], 2, "--pid"],
    [["network", "ls", "--filter", "nmae=x"], 2, "Did you mean 'name'?"],
    [["network", "ls", "--filter", "scope=swarm"], 2, "It is one of local, global."],
    [["network", "ls", "--filter", "type=costum"], 2, "Did you mean 'custom'?"],
    [["network", "ls", "--filter", "dangling=maybe"], 2, "It is one of true, false, 1, 0."],
    [["sandbox", "ls", "--filter", "state=stopped"], 2, "It is one of running, exited, idle, gone."],
    [["pod", "ls", "--filter", "state=exited"], 2, "It is one of running, idle, gone."],
    [["port", "ls", "--filter", "protocol=icmp"], 2, "It is one of tcp, udp, sctp."],
    [["network", "ls", "--format", "{{.Nmae}}"], 2, "Did you mean 'Name'?"],
    [["completion", "bsh"], 2, "Did you mean 'bash'?"],
    [["network", "ls", "--json", "--format", "{{.Name}}"], 2, "Give one of them."],
    [["network", "rm", "nope"], 3, "'netkit network ls' lists them."],
    [["network", "rm", "bridge"], 4, "netkit network ls --filter type=custom"],
    [["run", "--ip", "fd00::1", "--", "true"], 125, "Give it with --ip6."],
    [["run", "-p", "8400:80", "-p", "8400:81", "--", "true"], 125, "leave its host port out"],
    [["run", "-d", "--log", "/nonexistent/x", "--", "true"], 125, "ENOENT"],
    [["run", "--log", "x", "--", "true"], 125, "--log is for -d"],
    [["run", "-w", "/nonexistent", "--", "true"], 125, "It is one of the host's"],
    [["network", "create", "-o", "name=br+", "n"], 2, "to iptables a name that ends in '+'"],
    [["network", "create", "-o", "name=br%d", "n"], 2, "An interface name is"],
    [["run", "--network", "name=bridge,driver-opt=com.docker.network.endpoint.ifname=a=b", "--", "true"], 125, "a=b"],
  ])("%j ends with %i", (words, status, message) => {
    netkit("network", "ls");
    const before = box.traces();
    const outcome: Outcome = box.netkit(words);
    expect(outcome).toMatchObject({ status, stdout: "" });
    expect(outcome.stderr).toContain(message);
    expect(outcome.stderr).not.toContain("bug in netkit");
    expect(box.traces()).toEqual(before);
    expect(netkit("network", "ls", "-q", "--filter", "type=custom") + netkit("sandbox", "ls", "-q")).toBe("");
  });

  test("Ctrl-C gives a change up and ends with 130", async () => {
    netkit("network", "ls");
    const lock = join(box.root, "lock");
    const holder = spawn("flock", [lock, "sh", "-c", "echo held; cat"], { stdio: ["pipe", "pipe", "ignore"] });
    await once(holder.stdout, "data");
    const child = box.start(["network", "create", "web"]);
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (chunk: Buffer) => (output += chunk.toString()));
    // It waits as soon as it has opened the lock.
    await until(() => openFiles(child.pid).includes(lock));
    child.kill("SIGINT");
    const [code] = (await once(child, "close")) as [number];
    holder.stdin.end();
    await once(holder, "close");
    expect(code).toBe(130);
    expect(output).toMatch(/^error: cancelled/);
    expect(netkit("network", "ls", "-q", "--filter", "type=custom")).toBe("");
  });

  test("without root, changes are refused", () => {
    netkit("network", "ls");
    const own = join(box.root, "own");
    mkdirSync(own);
    box.run("chmod", "755", box.root);
    box.run("chown", "65534", own);
    const nobody = ["--reuid=65534", "--clear-groups", "--inh-caps=-all"];
    const attempt = (...words: string[]): Outcome =>
      box.attempt("setpriv", ...nobody, process.execPath, box.cli, "--root", own, "--json", ...words);
    for (const words of [["network", "create", "n"], ["doctor"], ["gc", "--dry-run"]])
      expect(attempt(...words)).toMatchObject({ status: 7, stderr: expect.stringContaining("needs root") });
    expect(attempt("info").status, "looking needs none").toBe(0);
    const beneath = ["--root", join(box.root, "others")];
    for (const words of [
      ["network", "create", "--explain", "n"],
      ["agent", "install"],
      ["events", ...beneath],
    ])
      expect(attempt(...words), words.join(" ")).toMatchObject({
        status: 7,
        stderr: expect.stringMatching(/"code": *"PERMISSION"/),
      });
  });
});

const env = (): NodeJS.ProcessEnv => ({ NETKIT_CONFIG: join(box.root, "netkit.json") });

/** The README's driver, beside a configuration file that lists it. */
function install(change: (source: string) => string = (source) => source): void {
  const [, source = ""] =
    /```js\n([^]*?)```/.exec(readFileSync(join(import.meta.dirname, "../README.md"), "utf8")) ?? [];
  mkdirSync(join(box.root, "node_modules/@netkit"), { recursive: true });
  const core = join(box.root, "node_modules/@netkit/core");
  if (!existsSync(core)) symlinkSync(join(import.meta.dirname, "../../core"), core);
  writeFileSync(join(box.root, "pair.mjs"), change(source));
  writeFileSync(join(box.root, "netkit.json"), JSON.stringify({ drivers: ["./pair.mjs"] }));
}

describe("a driver of the configuration file", () => {
  test("is used by its name, and needed no more to remove what it made", () => {
    install();
    expect(box.netkit(["network", "create", "--driver", "pair", "--help"], { env: env() }).stdout).toContain(
      "Options of the driver pair",
    );
    expect(box.netkit(["network", "create", "--driver", "pair", "p"], { env: env() }).status).toBe(0);
    const { stdout } = box.netkit(["run", "--rm", "--network", "p", "--", "ip", "-br", "link"], { env: env() });
    expect(stdout).toMatch(/eth0@.*\bUP\b/);
    expect(box.run("ip", "-br", "link")).not.toContain("pair");
    expect(netkit("network", "rm", "p")).toBe("p\n");
  });

  test("that speaks another version of the contract is refused, with both numbers; one that isn't used stops nothing", () => {
    install((source) => source.replace("api: driverApi", "api: driverApi + 41"));
    const refused = box.netkit(["network", "create", "--driver", "pair", "p"], { env: env() });
    expect(refused.status).toBe(6);
    expect(refused.stderr).toMatch(/42.*\b1\b/);
    expect(box.netkit(["network", "ls"], { env: env() }).status).toBe(0);
  });

  test("that isn't complete is refused with what it lacks", () => {
    install((source) => source.replace(/endpointOptions: \{\},/, ""));
    expect(box.netkit(["network", "create", "--driver", "./pair.mjs", "p"], { env: env() })).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("'./pair.mjs' exports a driver without endpointOptions\n"),
    });
  });

  test("is tried by the suite", () => {
    install();
    const report = JSON.parse(
      box.netkit(["conformance", "--json", "--only", "DRV-DECLARE", "./pair.mjs"], { env: env() }).stdout,
    ) as { driver: string; passed: number; results: unknown[] };
    expect(report.driver).toBe("pair");
    expect(report.passed).toBeGreaterThan(0);
    const part = ["--tier", "contract", "--only", "DRV-DECLARE", "--skip", "DRV-DECLARE-001", "./pair.mjs"];
    expect(JSON.parse(box.netkit(["conformance", "--json", ...part], { env: env() }).stdout)).toMatchObject({
      passed: report.passed - 1,
    });
    expect(box.netkit(["conformance", "--tier", "kernels", "./pair.mjs"], { env: env() })).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("Did you mean 'kernel'?"),
    });
    // Without addresses it can't be asked for one.
    expect(box.netkit(["conformance", "--only", "DRV-ATTACH-004", "./pair.mjs"], { env: env() }).stdout).toMatch(
      /1 passed, 0 failed/,
    );
    expect(box.netkit(["conformance", "--only", "DRV-DECLAR-001", "./pair.mjs"], { env: env() })).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("Did you mean 'DRV-DECLARE-001'?"),
    });
    expect(box.netkit(["conformance", "./nosuch.mjs"])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("nosuch"),
    });
  });

  test.each(["SIGINT", "SIGTERM"] as const)("leaves nothing when its trial is ended by %s", async (signal) => {
    install();
    const folder = join(box.root, "tmp");
    mkdirSync(folder);
    vi.stubEnv("TMPDIR", folder);
    onTestFinished(() => void vi.unstubAllEnvs());
    const child = box.start(["conformance", "--only", "DRV-FAULT-001", join(box.root, "pair.mjs")]);
    const made = (): string[] => readdirSync("/run/netns").filter((name) => name.startsWith(`nkhost-${child.pid}-`));
    // The process that does what is broken, a child of the command, is at work.
    await until(() => readdirSync(folder).some((name) => existsSync(join(folder, name, "state.db"))));
    expect(made()).toHaveLength(2);
    child.kill(signal);
    expect(await once(child, "close")).toEqual([130, null]);
    expect(made()).toEqual([]);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe("looking", () => {
  test("makes no state directory, nor does a dry run", () => {
    const root = join(box.root, "none");
    expect(netkit("--root", root, "network", "ls", "--format", "{{.Name}}").split("\n").toSorted()).toEqual([
      "",
      "bridge",
      "host",
      "none",
    ]);
    expect(netkit("--root", root, "sandbox", "ls", "-q")).toBe("");
    expect(netkit("--root", root, "info")).toContain(root);
    expect(netkit("--root", root, "doctor")).toContain("all is well");
    expect(netkit("--root", root, "run", "--dry-run", "--", "true")).toContain("+ veth");
    expect(netkit("--root", root, "__complete", "network", "inspect", "br")).toContain("bridge");
    expect(existsSync(root)).toBe(false);
  });

  test("works in a state directory that can't be written to, where changes are refused", () => {
    box.run("mount", "-t", "tmpfs", "netkit-test", box.root);
    try {
      netkit("sandbox", "create", "--name", "web", "--network", "bridge");
      box.run("mount", "-o", "remount,ro", box.root);
      expect(netkit("network", "ls")).toContain("bridge");
      expect(netkit("sandbox", "ls", "--format", "{{.Name}}")).toBe("web\n");
      expect(netkit("doctor")).toContain("all is well");
      expect(netkit("exec", "web", "--", "echo", "entered")).toBe("entered\n");
      expect(netkit("network", "create", "--dry-run", "n")).toContain("+ bridge");
      for (const change of [
        ["network", "create", "n"],
        ["sandbox", "rm", "web"],
        ["doctor", "--repair"],
      ]) {
        expect(box.netkit(change)).toMatchObject({ status: 8, stderr: expect.stringContaining("EROFS") });
      }
      box.run("mount", "-o", "remount,rw", box.root);
      netkit("sandbox", "rm", "web");
    } finally {
      box.run("umount", "--lazy", box.root);
    }
  });
});

test("bash completes options and names", () => {
  netkit("network", "create", "my-net");
  const folder = join(box.root, "bin");
  mkdirSync(folder);
  writeFileSync(join(folder, "netkit"), `#!/bin/sh\nexec ${process.execPath} ${box.cli} "$@"\n`, { mode: 0o755 });
  const complete = (line: string): string[] =>
    box
      .run(
        "bash",
        "-c",
        `PATH=${folder}:$PATH; compopt() { :; }; eval "$(netkit completion bash)"; COMP_LINE=$0; COMP_POINT=\${#0}; _netkit; printf '%s\\n' "\${COMPREPLY[@]}"`,
        line,
      )
      .trim()
      .split("\n");
  expect(complete("netkit network rm ")).toEqual(["my-net"]);
  expect(complete(`netkit --root ${box.root} network rm m`)).toEqual(["my-net"]);
  expect(netkit("--root", box.root, "__complete", "network", "rm", "m")).toBe("my-net\tbridge\n");
  netkit("sandbox", "create", "--name", "box", "--network", "my-net");
  netkit("port", "add", "box", "127.0.0.1:8080:80", "53:53/udp");
  expect(complete("netkit port r")).toEqual(["rm"]);
  expect(complete("netkit port ls b")).toEqual(["box"]);
  expect(complete("netkit port add --network m")).toEqual(["my-net"]);
  expect(complete("netkit port rm box 5")).toEqual(["53:53/udp"]);
  // Bash keeps what stands before the last colon.
  expect(complete("netkit port rm box 127.0.0.1:8080:")).toEqual(["80/tcp"]);
  netkit("sandbox", "rm", "box");
  expect(complete("netkit network create --sub")).toEqual(["--subnet"]);
  expect(complete("netkit network create -o icc=")).toEqual(["true", "false"]);
  box.run("ip", "link", "add", "wire0", "type", "bridge");
  expect(complete("netkit network create -d macvlan -o parent=")).toEqual(["wire0"]);
  expect(complete("netkit network create -d flannel -o iface=w")).toEqual(["wire0"]);
  expect(complete("netkit agent --advertise ")).toEqual(["wire0"]);
  box.run("ip", "link", "set", "wire0", "up");
  box.run("ip", "address", "add", "192.0.2.7/24", "dev", "wire0");
  expect(complete("netkit agent --advertise 1")).toEqual(["192.0.2.7"]);
  box.run("ip", "link", "del", "wire0");
  expect(complete("netkit agent --store etcd:")).toEqual(["//"]);
  expect(complete("netkit run --network ")).toEqual(expect.arrayContaining(["bridge", "my-net", "container:"]));
});
