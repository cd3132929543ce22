import {
  anyMac,
  instanceOf,
  kernelName,
  parseCidr,
  parseIp,
  parseMac,
  parsePortSpec,
  type Claim,
  type OptionInput,
  type PeerView,
  type Resource,
} from "@netkit/core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { driver, endpointView, host, ipv4, ipv6, networkView } from "./views.ts";

const ns = "host";
const bridge = "nkb0123456789";
const both = { subnets: [ipv4, ipv6], host: host("192.0.2.21", 1500, ["10.0.1.5/24", "fd00:5::5/64"]) };

function vxlanOf(...view: Parameters<typeof networkView>): Resource | undefined {
  return driver.network(networkView(...view)).find(({ kind }) => kind === "vxlan");
}

function kindsOf(lines: readonly string[]): string[] {
  return lines.map((line) => (JSON.parse(line) as Resource).kind);
}

function peer(address: string, mac: string, vtep: string): PeerView {
  return { address: parseCidr(address), mac: parseMac(mac), vtep: parseIp(vtep) };
}

describe("a network", () => {
  test("of IPv4", () => {
    expect(driver.network(networkView())).toEqual([
      { kind: "bridge", ns, name: bridge, mac: "02:6b:01:23:45:67", mtu: 1450 },
      {
        kind: "vxlan",
        ns,
        name: "nkx0123456789",
        vni: 4096,
        port: 4789,
        local: "192.0.2.21",
        mac: "02:6e:0a:00:01:05",
        mtu: 1450,
        master: bridge,
        learning: false,
        neighSuppress: true,
        isolated: false,
      },
      { kind: "untracked", ns, address: "192.0.2.21", port: 4789 },
      { kind: "address", ns, link: bridge, address: "10.0.1.1/32", noPrefixRoute: true },
      { kind: "address", ns, link: bridge, address: "10.0.1.5/24", noPrefixRoute: true },
      { kind: "route", ns, destination: "10.0.1.0/24", link: bridge, source: "10.0.1.5" },
      { kind: "sysctl", ns, path: "net/ipv4/ip_forward", value: "1" },
      { kind: "sysctl", ns, path: `net/ipv4/conf/${bridge}/route_localnet`, value: "1" },
      { kind: "sysctl", ns, path: `net/ipv6/conf/${bridge}/disable_ipv6`, value: "1" },
      { kind: "isolation", ns, link: bridge, icc: true, internal: false },
      { kind: "masquerade", ns, link: bridge, subnet: "10.0.1.0/24" },
    ]);
  });

  test("of both families over IPv6, with every option", () => {
    const options = { vni: "5000-5999", port: "8472", mtu: "1300", icc: "false", masquerade: "false" };
    const view = networkView(options, {
      ...both,
      claims: { vni: "5003" },
      host: host("2001:db8::21", 9000, ["10.0.1.5/24", "fd00:5::5/64"]),
    });
    expect(driver.network(view)).toEqual([
      { kind: "bridge", ns, name: bridge, mac: "02:6b:01:23:45:67", mtu: 1300 },
      {
        kind: "vxlan",
        ns,
        name: "nkx0123456789",
        vni: 5003,
        port: 8472,
        local: "2001:db8::21",
        mac: "02:6e:0a:00:01:05",
        mtu: 1300,
        master: bridge,
        learning: false,
        neighSuppress: true,
        isolated: true,
      },
      { kind: "untracked", ns, address: "2001:db8::21", port: 8472 },
      { kind: "address", ns, link: bridge, address: "10.0.1.1/32", noPrefixRoute: true },
      { kind: "address", ns, link: bridge, address: "10.0.1.5/24", noPrefixRoute: true },
      { kind: "route", ns, destination: "10.0.1.0/24", link: bridge, source: "10.0.1.5" },
      { kind: "address", ns, link: bridge, address: "fd00:5::1/128", noPrefixRoute: true },
      { kind: "address", ns, link: bridge, address: "fd00:5::5/64", noPrefixRoute: true },
      { kind: "route", ns, destination: "fd00:5::/64", link: bridge, source: "fd00:5::5" },
      { kind: "sysctl", ns, path: "net/ipv4/ip_forward", value: "1" },
      { kind: "sysctl", ns, path: "net/ipv6/conf/all/forwarding", value: "1" },
      { kind: "sysctl", ns, path: `net/ipv4/conf/${bridge}/route_localnet`, value: "1" },
      { kind: "sysctl", ns, path: `net/ipv6/conf/${bridge}/disable_ipv6`, value: "0" },
      { kind: "sysctl", ns, path: `net/ipv6/conf/${bridge}/accept_ra`, value: "0" },
      { kind: "sysctl", ns, path: `net/ipv6/conf/${bridge}/accept_dad`, value: "0" },
      { kind: "isolation", ns, link: bridge, icc: false, internal: false },
    ]);
  });

  test("that is internal forwards and translates nothing", () => {
    const resources = driver.network(networkView({}, { ...both, internal: true }));
    expect(resources.map(({ kind }) => kind)).not.toContain("masquerade");
    expect(resources).toContainEqual({ kind: "isolation", ns, link: bridge, icc: true, internal: true });
    expect(resources.flatMap((resource) => (resource.kind === "sysctl" ? [resource.path] : []))).not.toContain(
      "net/ipv4/ip_forward",
    );
  });

  test("has the bridge's MAC on every host, and a MAC and addresses of each host's own", () => {
    const other = { ...host("192.0.2.22", 1500, ["10.0.1.6/24"]), mac: parseMac("02:6e:0a:00:01:06") };
    const [here = [], there = []] = [{}, { host: other }].map((changes) =>
      driver.network(networkView({}, changes)).map((resource) => JSON.stringify(resource)),
    );
    expect(here[0]).toContain('"mac":"02:6b:01:23:45:67"');
    expect(kindsOf(here.filter((line) => !there.includes(line)))).toEqual(["vxlan", "untracked", "address", "route"]);
    expect(kindsOf(here.filter((line) => there.includes(line)))).toContain("bridge");
  });

  test("takes the MTU that the underlay leaves, less over IPv6", () => {
    expect(vxlanOf({}, { host: host("192.0.2.21", 9000) })).toMatchObject({ mtu: 8950 });
    expect(vxlanOf({}, { host: host("2001:db8::21", 1500) })).toMatchObject({ mtu: 1430, local: "2001:db8::21" });
    expect(vxlanOf({ "com.docker.network.driver.mtu": 1450 })).toMatchObject({ mtu: 1450 });
  });

  test("of another root has links of other names", () => {
    const instance = instanceOf("/srv/netkit");
    const names = driver.network(networkView({}, { instance })).slice(0, 2);
    const { id } = networkView();
    expect(names).toMatchObject(["b", "x"].map((letter) => ({ name: kernelName(letter, instance, id) })));
  });

  test("without a gateway has the host's own address alone", () => {
    const resources = driver.network(networkView({}, { subnets: [{ subnet: ipv4.subnet, auxiliary: {} }] }));
    expect(resources.filter(({ kind }) => kind === "address")).toEqual([
      { kind: "address", ns, link: bridge, address: "10.0.1.5/24", noPrefixRoute: true },
    ]);
  });
});

describe("a VNI", () => {
  test.each<[OptionInput, Partial<Claim>]>([
    [{}, { range: { first: 4096, last: 16_777_215 } }],
    [{ vni: "5000-5999" }, { range: { first: 5000, last: 5999 } }],
    [{ vni: "77" }, { value: "77" }],
    [{ vni: "77-77" }, { value: "77" }],
    [{ "com.docker.network.driver.overlay.vxlanid_list": "4097" }, { value: "4097" }],
  ])("of %o is claimed", (options, claim) => {
    expect(driver.claims?.(networkView(options))).toEqual([{ name: "vni", space: "vni", ...claim }]);
  });

  test.each(["0", "16777216", "5999-5000", "a", "", "-5", "0x10", "5000-"])("of %o is refused", (vni) => {
    expect(() => networkView({ vni })).toThrow("expected one number from 1 to 16777215, or a range");
  });

  test("for each subnet, as in Docker's list, is refused with the reason", () => {
    const list = { "com.docker.network.driver.overlay.vxlanid_list": "5000,5001" };
    expect(() => networkView(list)).toThrow("a network has one VNI, whatever its subnets");
  });
});

describe("refused is", () => {
  test("a network of a host that shares no store with others, before anything else", () => {
    const { host: _, ...alone } = networkView();
    const refusal = expect.objectContaining({ code: "UNSUPPORTED", hint: expect.stringContaining("driver 'bridge'") });
    expect(() => driver.check?.(alone)).toThrow(refusal);
    expect(() => driver.network(alone)).toThrow(refusal);
  });

  test("an MTU that no tunnel carries, and one that IPv6 can't have", () => {
    const view = networkView({ mtu: 1451 });
    expect(() => driver.check?.(view)).toThrow("the underlay's on this host, has 1500, of which a tunnel takes 50");
    expect(() => driver.check?.(networkView({ mtu: 1450 }))).not.toThrow();
    expect(() => driver.network(networkView({ mtu: 1279 }, both))).toThrow("1280");
    expect(() => driver.network(networkView({}, { ...both, host: { ...both.host, mtu: 1329 } }))).toThrow("1280");
    expect(() => driver.network(networkView({ mtu: 1279 }))).not.toThrow();
  });
});

describe("an endpoint", () => {
  const sandbox = "ab".repeat(32);

  test("is a port of the bridge, as on a bridge network", () => {
    const { hostPort = { first: 0, last: 0 }, ...port } = parsePortSpec("8080:80");
    expect(driver.endpoint(endpointView(networkView({}, both), { ports: [{ hostPort, ...port }] }))).toEqual([
      {
        kind: "veth",
        ns,
        name: "nkvfedcba9876",
        mtu: 1450,
        master: bridge,
        hairpin: true,
        isolated: false,
        peer: { ns: sandbox, name: "eth0", mac: "02:6e:0a:00:01:02", mtu: 1450 },
      },
      { kind: "sysctl", ns: sandbox, path: "net/ipv6/conf/eth0/accept_ra", value: "0" },
      { kind: "address", ns: sandbox, link: "eth0", address: "10.0.1.2/24" },
      { kind: "address", ns: sandbox, link: "eth0", address: "fd00:5::2/64" },
      { kind: "route", ns: sandbox, destination: "0.0.0.0/0", via: "10.0.1.1", link: "eth0" },
      { kind: "route", ns: sandbox, destination: "::/0", via: "fd00:5::1", link: "eth0" },
      ...["10.0.1.2", "fd00:5::2"].map((target, index) => ({
        kind: "publish",
        ns,
        family: index === 0 ? "ipv4" : "ipv6",
        protocol: "tcp",
        hostPort: { first: 8080, last: 8080 },
        target,
        targetPort: { first: 80, last: 80 },
        link: bridge,
      })),
    ]);
  });

  test("of an internal network has no default route and no ports; of one without icc it is apart; a rate holds", () => {
    const quiet = endpointView(networkView({ icc: false }, { internal: true }));
    const resources = driver.endpoint(quiet);
    expect(resources[0]).toMatchObject({ kind: "veth", isolated: true, hairpin: false });
    expect(resources.map(({ kind }) => kind)).not.toContain("route");
    const { hostPort = { first: 0, last: 0 }, ...port } = parsePortSpec("8080:80");
    expect(() => driver.endpoint({ ...quiet, ports: [{ hostPort, ...port }] })).toThrow("is internal");
    const limited = { ...quiet, options: { ...quiet.options, "rate-ingress": 8_000_000 } };
    expect(driver.endpoint(limited)).toContainEqual(expect.objectContaining({ kind: "shaper", link: "nkvfedcba9876" }));
  });
});

describe("peers", () => {
  test("are a neighbour for each address, and two ways on for each MAC", () => {
    const mac = "02:6e:0a:00:01:03";
    const peers = [
      peer("10.0.1.3/24", mac, "192.0.2.22"),
      peer("fd00:5::3/64", mac, "192.0.2.22"),
      peer("10.0.1.6/24", "02:6e:0a:00:01:06", "192.0.2.22"),
    ];
    const vxlan = "nkx0123456789";
    expect(driver.peers?.(networkView({}, both), peers)).toEqual([
      { kind: "neighbour", ns, link: bridge, address: "10.0.1.3", mac },
      { kind: "neighbour", ns, link: bridge, address: "fd00:5::3", mac },
      { kind: "neighbour", ns, link: bridge, address: "10.0.1.6", mac: "02:6e:0a:00:01:06" },
      { kind: "fdb", ns, link: vxlan, mac, destination: "192.0.2.22" },
      { kind: "fdb", ns, link: vxlan, mac, master: true },
      { kind: "fdb", ns, link: vxlan, mac: "02:6e:0a:00:01:06", destination: "192.0.2.22" },
      { kind: "fdb", ns, link: vxlan, mac: "02:6e:0a:00:01:06", master: true },
    ]);
  });

  test("beside which there are others get what is for nobody known, and are learned from", () => {
    const finds = { host: { ...host(), finds: true } } as const;
    const [bridgeOf, tunnels] = driver.network(networkView({}, finds));
    // Who asks has to be told apart: the answer goes to the one of that MAC.
    expect(bridgeOf).toMatchObject({ kind: "bridge", mac: finds.host.mac });
    expect(tunnels).toMatchObject({ kind: "vxlan", learning: true, neighSuppress: true });
    const vteps = ["192.0.2.22", "192.0.2.23"].map(parseIp);
    expect(driver.peers?.(networkView({}, finds), [], vteps)).toEqual(
      vteps.map((destination) => ({ kind: "fdb", ns, link: "nkx0123456789", mac: anyMac, destination })),
    );
  });

  test("that move to another host change where their MAC is, and nothing else", () => {
    const mac = "02:6e:0a:00:01:03";
    const plan = (vtep: string): string[] =>
      (driver.peers?.(networkView(), [peer("10.0.1.3/24", mac, vtep)]) ?? []).map((one) => JSON.stringify(one));
    const [before, after] = [plan("192.0.2.22"), plan("192.0.2.23")];
    expect(before.filter((line) => !after.includes(line))).toEqual([
      expect.stringContaining('"destination":"192.0.2.22"'),
    ]);
  });

  test("are three resources each where each has one address, however many there are", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 6, max: 254 })), (numbers) => {
        const peers = numbers.map((number) =>
          peer(`10.0.1.${number}/24`, `02:6e:0a:00:01:${number.toString(16).padStart(2, "0")}`, "192.0.2.22"),
        );
        const kinds = (driver.peers?.(networkView(), peers) ?? []).map(({ kind }) => kind);
        expect(kinds.filter((kind) => kind === "neighbour")).toHaveLength(peers.length);
        expect(kinds.filter((kind) => kind === "fdb")).toHaveLength(2 * peers.length);
      }),
    );
  });
});
