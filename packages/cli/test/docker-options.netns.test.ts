import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { onHosts, type Host } from "./host.ts";

let box: Host;
onHosts((host) => (box = host));

/** Runs the CLI, expects success and returns what it printed. */
const netkit = (...args: string[]): string => box.ok(...args);

test("run takes Docker's grammar of --network, with all that an endpoint can have", () => {
  netkit("network", "create", "--ipv6", "a");
  netkit("network", "create", "--subnet", "10.7.1.0/24", "b");
  const sysctls =
    "com.docker.network.endpoint.sysctls=net.ipv4.conf.IFNAME.log_martians=1,net.ipv4.conf.IFNAME.rp_filter=2";
  const b = `name=b,ip=10.7.1.9,mac-address=02:00:5e:10:00:09,alias=api,gw-priority=7,link-local-ip=169.254.9.9,"driver-opt=${sysctls}"`;
  const look =
    "ip route show default; ip -br -4 address show eth1; cat /sys/class/net/eth1/address; cd /proc/sys/net/ipv4/conf/eth1; cat log_martians rp_filter";
  expect(netkit("run", "--name", "box", "--network", "a", "--network", b, "--", "sh", "-c", look)).toMatch(
    /^default via 10\.7\.1\.1 dev eth1 .*\neth1.* 10\.7\.1\.9\/24 169\.254\.9\.9\/16.*\n02:00:5e:10:00:09\n1\n2\n$/,
  );
  expect(JSON.parse(netkit("sandbox", "inspect", "box"))).toMatchObject([
    {
      NetworkSettings: {
        Networks: {
          a: { GwPriority: 0, LinkLocalIPs: [] },
          b: { GwPriority: 7, LinkLocalIPs: ["169.254.9.9"], IPAddress: "10.7.1.9", Aliases: ["api"] },
        },
      },
    },
  ]);
  netkit("network", "disconnect", "b", "box");
  netkit(
    "network",
    "connect",
    "--gw-priority",
    "-1",
    "--link-local-ip",
    "fe80::9",
    "--sysctl",
    "net.ipv4.conf.IFNAME.rp_filter=0",
    "--driver-opt",
    "com.docker.network.endpoint.ifname=lan",
    "b",
    "box",
  );
  expect(netkit("exec", "box", "--", "sh", "-c", "ip -br -6 address show lan; ip route show default")).toMatch(
    /^lan.* fe80::9\/64.*\ndefault via \S+ dev eth0 /,
  );
});

test("hosts, domain name and host-gateway, with addresses from the configuration file where it has some", () => {
  netkit("network", "create", "--subnet", "10.7.0.0/24", "n");
  const words = [
    "run",
    "--rm",
    "--name",
    "box",
    "--network",
    "n",
    "--domainname",
    "example.test",
    "--add-host",
    "up=host-gateway",
    "--",
    "sh",
    "-c",
    "hostname -f; tail -n 2 /etc/hosts",
  ];
  expect(netkit(...words)).toBe("box.example.test\n10.7.0.1\tup\n10.7.0.2\tbox.example.test box\n");
  writeFileSync(join(box.root, "netkit.json"), JSON.stringify({ "host-gateway-ip": ["192.0.2.1"] }));
  const { stdout } = box.netkit(words, { env: { NETKIT_CONFIG: join(box.root, "netkit.json") } });
  expect(stdout).toContain("192.0.2.1\tup\n");
});

test("settings of one network are those of others: --config-only, --config-from", () => {
  netkit(
    "network",
    "create",
    "--config-only",
    "--subnet",
    "10.7.0.0/24",
    "--ipv6",
    "-o",
    "mtu=1400",
    "--label",
    "team=web",
    "small",
  );
  const ruleset = box.run("nft", "list", "ruleset");
  expect(ruleset).not.toContain("10.7.0");
  expect(JSON.parse(netkit("network", "inspect", "small"))).toMatchObject([
    {
      ConfigOnly: true,
      Driver: "null",
      EnableIPv6: true,
      IPAM: { Config: [{ Subnet: "10.7.0.0/24" }] },
      Options: { mtu: "1400" },
    },
  ]);
  const failing: [string[], number, string][] = [
    [["run", "--network", "small", "--", "true"], 125, "--config-from small"],
    [
      ["network", "create", "--config-from", "small", "--subnet", "10.8.0.0/24", "--label", "a=b", "n"],
      2,
      "subnets and labels from 'small'",
    ],
    [["network", "create", "--config-from", "bridge", "n"], 2, "--config-only"],
    [["network", "create", "--config-only", "--internal", "n"], 2, "internal"],
    [["network", "create", "--config-only", "--subnet", "10.8.0.1/24", "n"], 2, "10.8.0.0/24"],
    [["network", "create", "--config-from", "nosuch", "n"], 3, "nosuch"],
  ];
  for (const [words, status, message] of failing)
    expect(box.netkit(words)).toMatchObject({ status, stderr: expect.stringContaining(message) });
  netkit("network", "create", "--config-from", "small", "--internal", "n");
  expect(JSON.parse(netkit("network", "inspect", "n"))).toMatchObject([
    {
      ConfigOnly: false,
      ConfigFrom: { Network: "small" },
      Internal: true,
      EnableIPv6: true,
      Options: { mtu: "1400" },
      Labels: { team: "web" },
      IPAM: { Config: [{ Subnet: "10.7.0.0/24" }, expect.anything()] },
    },
  ]);
  expect(box.netkit(["network", "rm", "small"])).toMatchObject({
    status: 4,
    stderr: expect.stringContaining("in use by n"),
  });
  expect(netkit("network", "prune")).toBe("Deleted Networks:\nn\n");
  expect(netkit("network", "rm", "small")).toBe("small\n");
});

test("routes as Podman has them are in the plan, in inspect and in the sandbox", () => {
  const create = ["network", "create", "--subnet", "10.7.0.0/24", "-o", "no_default_route=1"];
  netkit(...create, "--route", "10.99.0.0/16,10.7.0.9,50", "--route", "192.0.2.0/24,blackhole", "n");
  expect(JSON.parse(netkit("network", "inspect", "n"))).toMatchObject([
    {
      Routes: [
        { Destination: "10.99.0.0/16", Gateway: "10.7.0.9", Metric: 50 },
        { Destination: "192.0.2.0/24", Type: "blackhole", Metric: 100 },
      ],
      Options: { "no-default-route": "true" },
    },
  ]);
  expect(netkit("sandbox", "create", "--explain", "--network", "n")).toMatch(
    /route add 10\.99\.0\.0\/16 via 10\.7\.0\.9 dev eth0 .*metric 50\n[^]*route add blackhole 192\.0\.2\.0\/24/,
  );
  expect(netkit("run", "--rm", "--network", "n", "--", "ip", "route")).toMatch(
    /^10\.7\.0\.0\/24 .*\n10\.99\.0\.0\/16 via 10\.7\.0\.9 .*\nblackhole 192\.0\.2\.0\/24 .*\n$/,
  );
  const refused: [string[], string][] = [
    [["10.99.0.0/16"], "Write it as --route 10.99.0.0/16,10.7.0.9"],
    [["10.99.0.0/16,10.8.0.9", "0.0.0.0/0,10.7.0.9"], "10.8.0.9, which lies in no subnet"],
    [["10.99.0.0/16,10.8.0.9", "0.0.0.0/0,10.7.0.9"], "is a default route"],
    [["10.99.0.0/16,10.8.0.9", "0.0.0.0/0,10.7.0.9"], "--gw-priority"],
  ];
  for (const [routes, message] of refused)
    expect(box.netkit([...create, ...routes.flatMap((route) => ["--route", route]), "m"])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining(message),
    });
});

test("default options of new networks are in the configuration file, by driver, and give way to given ones", () => {
  const config = join(box.root, "netkit.json");
  const defaults = { bridge: { "com.docker.network.driver.mtu": "1300", icc: "false" } };
  writeFileSync(config, JSON.stringify({ "default-network-opts": defaults }));
  const create = (...words: string[]): unknown => {
    const { stdout, stderr } = box.netkit(["network", "create", "--json", ...words], {
      env: { NETKIT_CONFIG: config },
    });
    return stdout === "" ? stderr : (JSON.parse(stdout) as { options: unknown }).options;
  };
  expect(create("one")).toMatchObject({ mtu: 1300, icc: false });
  expect(create("-o", "mtu=1400", "two")).toMatchObject({ mtu: 1400, icc: false });
  writeFileSync(config, JSON.stringify({ "default-network-opts": { bridge: { mut: "1300" } } }));
  expect(create("three")).toContain("Did you mean 'mtu'?");
});

test("a network with IPv6 alone is made with --ipv4=false", () => {
  netkit("network", "create", "--ipv4=false", "--ipv6", "six");
  expect(netkit("network", "ls", "--filter", "name=six", "--format", "{{.IPv4}} {{.IPv6}}")).toBe("false true\n");
  expect(
    netkit(
      "run",
      "--rm",
      "--network",
      "six",
      "--",
      "sh",
      "-c",
      "ip -4 -br address show dev eth0; ip -6 route show default",
    ),
  ).toMatch(/^default via fd/);
});

test.each([
  [["--attachable", "--scope", "local", "--ipam-driver", "default"], 0, ""],
  [["--ingress"], 6, "swarm"],
  [["-d", "overlay", "-o", "encrypted"], 6, "tunnels of overlay networks aren't encrypted"],
  [["--scope", "swarm"], 6, "one host"],
  [["--ipam-driver", "dhcp"], 6, "built-in IPAM"],
  [["--ipam-opt", "com.docker.network.ipam.serial=true"], 6, "takes no options"],
])("network create %j ends with %i", (words, status, message) => {
  expect(box.netkit(["network", "create", ...words, "n"])).toMatchObject({
    status,
    stderr: expect.stringContaining(message),
  });
});

test("doctor tells of an edited file without calling it a difference", () => {
  const netns = JSON.parse(netkit("sandbox", "create", "--json", "--name", "box")) as { netns: string };
  const path = join("/etc/netns", netns.netns.split("/").at(-1) ?? "", "hosts");
  box.run("sh", "-c", `echo 192.0.2.1 mine >> ${path}`);
  expect(netkit("doctor")).toMatch(
    new RegExp(`^sandbox box\\n +edited +file ${path} of sandbox 'box' was edited.*\n.*: all is well\n$`),
  );
});
