import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { NetkitError, type SubnetRequest } from "@netkit/core";
import { describe, expect, test } from "vitest";
import { endpointRequest } from "./endpoint-request.ts";
import { parseNetworkOption } from "./network-option.ts";
import { parsePairs } from "./pairs.ts";
import { environment, variables } from "./process-options.ts";
import { parseRoute } from "./route-option.ts";
import { sandboxRequest } from "./sandbox-request.ts";
import { detached, enter, shellLine } from "./shell.ts";
import { refuseFamilies, subnetRequests } from "./subnet-requests.ts";

describe("--network", () => {
  test("takes a name, or Docker's advanced syntax", () => {
    expect(parseNetworkOption("web")).toEqual({ network: "web" });
    expect(parseNetworkOption("container:web")).toEqual({ network: "container:web" });
    expect(
      parseNetworkOption("name=web,ip=10.0.0.9,IP6=fd00::9,alias=a,alias=b,mac-address=x,driver-opt=k=v=w"),
    ).toEqual({
      network: "web",
      ip: "10.0.0.9",
      ip6: "fd00::9",
      mac: "x",
      aliases: ["a", "b"],
      options: { k: "v=w" },
    });
  });

  test("takes priorities, link-local addresses and sysctls, and commas within quotes", () => {
    expect(
      parseNetworkOption(
        'name=web,gw-priority=-3,link-local-ip=169.254.1.1,link-local-ip=fe80::1,sysctl=a=1,"driver-opt=k=x=1,y=""2"""',
      ),
    ).toEqual({
      network: "web",
      gatewayPriority: -3,
      linkLocal: ["169.254.1.1", "fe80::1"],
      sysctls: { a: "1" },
      options: { k: 'x=1,y="2"' },
    });
    expect(() => parseNetworkOption("name=web,gw-priority=high")).toThrow("no whole number");
  });

  test.each([
    "ip=10.0.0.9",
    "name=a,name=b",
    "name=,ip=1.2.3.4",
    "name=web,aliss=x",
    "name=web,junk",
    "name=web,,ip=10.0.0.9",
  ])("refuses %s", (text) => {
    expect(() => parseNetworkOption(text)).toThrow(NetkitError);
  });
});

describe("--route", () => {
  test("has a destination, a gateway or a type that refuses, and perhaps a metric", () => {
    expect(
      ["10.99.0.0/16,10.7.0.9", "fd00:99::/48,fd00:7::9,50", "192.0.2.0/24,blackhole", "::1/128,prohibit,0"].map(
        parseRoute,
      ),
    ).toEqual([
      { destination: "10.99.0.0/16", gateway: "10.7.0.9" },
      { destination: "fd00:99::/48", gateway: "fd00:7::9", metric: 50 },
      { destination: "192.0.2.0/24", type: "blackhole" },
      { destination: "::1/128", type: "prohibit", metric: 0 },
    ]);
  });

  test.each([
    "",
    "10.99.0.0/16",
    "10.99.0.0/16,",
    ",10.7.0.9",
    "10.99.0.0/16,10.7.0.9,",
    "10.99.0.0/16,10.7.0.9,low",
    "a,b,1,2",
  ])("refuses '%s'", (text) => {
    expect(() => parseRoute(text)).toThrow(NetkitError);
  });
});

describe("subnets", () => {
  const none = { subnet: [], gateway: [], "ip-range": [], "aux-address": [] };

  test("get what lies in them", () => {
    const found = subnetRequests({
      subnet: ["10.1.0.0/24", "fd00:1::/64", "10.2.0.0/24"],
      gateway: ["10.2.0.1", "fd00:1::1", "10.1.0.254"],
      "ip-range": ["10.2.0.128/25"],
      "aux-address": ["printer=10.1.0.7", "nas=fd00:1::7"],
    });
    expect(found).toEqual([
      { subnet: "10.1.0.0/24", gateway: "10.1.0.254", auxiliary: { printer: "10.1.0.7" } },
      { subnet: "fd00:1::/64", gateway: "fd00:1::1", auxiliary: { nas: "fd00:1::7" } },
      { subnet: "10.2.0.0/24", gateway: "10.2.0.1", range: "10.2.0.128/25" },
    ]);
  });

  test("what fits none is kept for the engine to refuse with everything else", () => {
    expect(subnetRequests({ ...none, subnet: ["10.1.0.0/24"], gateway: ["10.9.0.1"] })).toEqual([
      { subnet: "10.1.0.0/24", gateway: "10.9.0.1" },
    ]);
    expect(subnetRequests({ ...none, gateway: ["10.9.0.1"] })).toEqual([{ gateway: "10.9.0.1" }]);
  });

  test("have one gateway and one range each; both problems are told", () => {
    const twice = {
      subnet: ["10.1.0.0/24"],
      gateway: ["10.1.0.1", "10.1.0.2"],
      "ip-range": ["10.1.0.0/25", "10.1.0.128/25"],
      "aux-address": [],
    };
    expect(() => subnetRequests(twice)).toThrow(/two gateways.*two ranges/);
  });

  test("of a family that was turned off are refused", () => {
    const [four, six] = ["10.1.0.0/24", "fd00:9::/64"].map((subnet) =>
      subnetRequests({ ...none, subnet: [subnet] }),
    ) as [SubnetRequest[], SubnetRequest[]];
    refuseFamilies(six, { ipv4: true, ipv6: undefined });
    refuseFamilies(six, { ipv4: false, ipv6: true });
    expect(() => refuseFamilies(six, { ipv4: true, ipv6: false })).toThrow(
      "--ipv6=false contradicts --subnet fd00:9::/64",
    );
    expect(() => refuseFamilies(four, { ipv4: false, ipv6: true })).toThrow(
      "--ipv4=false contradicts --subnet 10.1.0.0/24",
    );
  });
});

describe("a sandbox", () => {
  const nothing = {
    name: undefined,
    network: [],
    ip: undefined,
    ip6: undefined,
    mac: undefined,
    alias: [],
    publish: [],
    ifname: undefined,
    rate: undefined,
    "link-local-ip": [],
    "gw-priority": undefined,
    sysctl: [],
    opt: [],
    hostname: undefined,
    domainname: undefined,
    dns: [],
    "dns-search": [],
    "dns-option": [],
    "add-host": [],
    label: [],
  };

  const optionsOf = (rate: string, opt: string[] = []): unknown => endpointRequest({ ...nothing, rate, opt }).options;

  test("is on the default network, and endpoint options are about the first one", () => {
    expect(sandboxRequest({ ...nothing, publish: ["80:80"] }, ["bridge"]).networks).toEqual([
      { network: "bridge", publish: ["80:80"] },
    ]);
    const two = sandboxRequest({ ...nothing, network: ["name=a,alias=x", "b"], alias: ["y"], ip: "10.0.0.2" }, [
      "bridge",
    ]);
    expect(two.networks).toEqual([{ network: "a", aliases: ["x", "y"], ip: "10.0.0.2" }, { network: "b" }]);
  });

  test("sysctls with IFNAME are the first endpoint's, others the sandbox's", () => {
    const sysctl = ["net.ipv4.conf.IFNAME.rp_filter=2", "net.ipv4.ip_unprivileged_port_start=80"];
    expect(sandboxRequest({ ...nothing, network: ["a"], sysctl }, [])).toMatchObject({
      networks: [{ network: "a", sysctls: { "net.ipv4.conf.IFNAME.rp_filter": "2" } }],
      sysctls: { "net.ipv4.ip_unprivileged_port_start": "80" },
    });
  });

  test("refuses an address given twice, or without a network", () => {
    expect(() => sandboxRequest({ ...nothing, network: ["name=a,ip=10.0.0.2"], ip: "10.0.0.3" }, [])).toThrow("twice");
    expect(() => sandboxRequest({ ...nothing, ip: "10.0.0.3" }, [])).toThrow("need a network");
  });

  test("has a rate, which is short for options of the driver", () => {
    expect(optionsOf("10mbit", ["x=y"])).toEqual({ "rate-ingress": "10mbit", "rate-egress": "10mbit", x: "y" });
    expect(optionsOf("ingress=1mbit")).toEqual({ "rate-ingress": "1mbit" });
    expect(optionsOf("egress=5mbit,burst=1mbit,ingress=10mbit", ["x=y"])).toEqual({
      "rate-ingress": "10mbit",
      "burst-ingress": "1mbit",
      "rate-egress": "5mbit",
      "burst-egress": "1mbit",
      x: "y",
    });
    for (const wrong of [
      "10MB",
      "fast",
      "0",
      "0mbit",
      "",
      "burst=1mbit",
      "ingress=",
      "in=1mbit",
      "ingress=1mbit,ingress=2mbit",
      "ingress=1mbit,",
      "=",
    ]) {
      expect(() => optionsOf(wrong)).toThrow("is no rate");
    }
    expect(() => optionsOf("10mbit", ["rate-egress=1mbit"])).toThrow("rate-egress given twice");
    expect(optionsOf("ingress=10mbit", ["rate-egress=1mbit"])).toEqual({
      "rate-ingress": "10mbit",
      "rate-egress": "1mbit",
    });
  });

  test("hosts are written with ':' or '=', IPv6 with or without brackets", () => {
    const { hosts } = sandboxRequest({ ...nothing, "add-host": ["a:192.0.2.1", "b=fd00::1", "c:[fd00::2]"] }, []);
    expect(hosts).toEqual([
      { name: "a", address: "192.0.2.1" },
      { name: "b", address: "fd00::1" },
      { name: "c", address: "fd00::2" },
    ]);
    expect(() => sandboxRequest({ ...nothing, "add-host": ["a"] }, [])).toThrow(NetkitError);
    for (const [option, given] of [
      ["--dns", { dns: ["1.2.3"] }],
      ["--add-host", { "add-host": ["foo:bar"] }],
      ["--ip", { ip: "abc" }],
      ["--mac", { mac: "abc" }],
      ["--link-local-ip", { "link-local-ip": ["abc"] }],
    ] as const) {
      expect(() => sandboxRequest({ ...nothing, ...given }, ["bridge"])).toThrow(`${option}: invalid `);
    }
  });
});

test("pairs keep any key, and say what is missing", () => {
  expect(parsePairs("--label", ["a=1", "b=", "a=2=3"])).toEqual({ a: "2=3", b: "" });
  expect(Object.entries(parsePairs("--label", ["__proto__=x"]))).toEqual([["__proto__", "x"]]);
  expect(parsePairs("--label", ["bare"], "")).toEqual({ bare: "" });
  expect(() => parsePairs("--opt", ["bare"])).toThrow('--opt "bare" is not key=value');
  expect(() => parsePairs("--opt", ["=x"])).toThrow(NetkitError);
});

test("the environment is netkit's own with what was given on top", () => {
  expect(environment(["A=1=2", "B"], { B: "own", C: "c" })).toEqual({ A: "1=2", B: "own", C: "c" });
  expect(() => environment(["=x"], {})).toThrow(NetkitError);
});

test("files of variables are read as Docker reads them, and what is given by itself comes after", () => {
  const path = join(mkdtempSync(join(tmpdir(), "netkit-env-")), "env");
  try {
    writeFileSync(path, "# none\nA=1\r\n\n  B='x y' \nHOME\n");
    expect(variables({ "env-file": [path], env: ["A=2"] })).toEqual(["A=1", "B='x y' ", "HOME", "A=2"]);
  } finally {
    rmSync(dirname(path), { recursive: true });
  }
  expect(() => variables({ "env-file": [path], env: [] })).toThrow(`--env-file ${path} can't be read`);
});

test("shell lines quote what a shell would read otherwise", () => {
  expect(shellLine(["echo", "it's $HOME", "a-b_c/d:e=f,g"])).toBe(String.raw`echo 'it'\''s $HOME' a-b_c/d:e=f,g`);
  expect(enter("/run/netns/web", ["ip", "link"])).toBe("ip netns exec web ip link");
  expect(enter("/proc/7/ns/net", ["ls"])).toBe("nsenter --net=/proc/7/ns/net ls");
  expect(enter(undefined, ["ls"])).toBe("ls");
  expect(detached("ls", "a log")).toBe("setsid ls </dev/null >>'a log' 2>&1 &");
});
