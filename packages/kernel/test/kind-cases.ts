import { anyMac, parseCidr, parseIp, parseMac, type NamespaceId, type Resource } from "@netkit/core";
import { hasLinkKind, openNetlink } from "@netkit/netlink";
import { expect } from "vitest";
import { bridgeJson, ipJson, mark, sh, tcJson } from "./host.ts";

/** One kind of resource, and what iproute2 must show of it. */
export interface KindCase {
  readonly name: string;
  /** A kind of links that not every kernel has. */
  readonly needs?: "ipvlan" | "vlan";
  /** What must be there before. */
  readonly setup?: (sandbox: NamespaceId) => Resource[];
  readonly resource: (sandbox: NamespaceId) => Resource;
  /** What iproute2 or the file system shows: the object as wanted, or undefined. */
  readonly shown: (ns: string) => unknown;
  readonly wanted: Record<string, unknown>;
  /** Somebody changes it by hand; the field that must be named. */
  readonly tamper?: { readonly script: (ns: string) => string; readonly field: string };
  /** Making it again is no conflict: a sysctl is written, a rule stands beside the changed one. */
  readonly coexists?: true;
  /** It isn't taken away when it is removed. */
  readonly lasting?: true;
  /** Somebody takes it away by hand. */
  readonly lose?: (ns: string) => string;
  readonly replacement?: {
    readonly resource: (sandbox: NamespaceId) => Resource;
    readonly wanted: Record<string, unknown>;
  };
}

const mac = parseMac("02:00:5e:10:00:01");
const hostMac = parseMac("02:00:5e:20:00:01");
const bridge: Resource = { kind: "bridge", ns: "host", name: "br0", mac: parseMac("02:00:5e:00:00:01") };
const veth = (sandbox: NamespaceId): Resource => ({
  kind: "veth",
  ns: "host",
  name: "nkv1",
  mac: hostMac,
  mtu: 1400,
  master: "br0",
  hairpin: true,
  isolated: false,
  peer: { ns: sandbox, name: "eth0", mac, mtu: 1400 },
});
const pointToPoint = (sandbox: NamespaceId): Resource => ({
  kind: "veth",
  ns: "host",
  name: "nkv1",
  mac,
  pointToPoint: true,
  peer: { ns: sandbox, name: "eth0", mac },
});
const link = (name: string, ns?: string) => () =>
  ipJson(`${ns === undefined ? "" : `-n ${ns} `}link show`).find((row) => row["ifname"] === name);
const inSandbox = (name: string) => (ns: string) => ipJson(`-n ${ns} link show`).find((row) => row["ifname"] === name);
const ifbs = ["nki1", "nki2"].map((name, index): Resource => ({
  kind: "ifb",
  ns: "host",
  name,
  mac: parseMac(`02:00:5e:30:00:0${index}`),
}));
const tunnel = (local: string): Resource => ({
  kind: "vxlan",
  ns: "host",
  name: "nkx1",
  vni: 4097,
  port: 4789,
  local: parseIp(local),
  mac,
  master: "br0",
  learning: false,
});
const alias = `${mark}/endpoint/web`;

const table: Readonly<Record<string, Omit<KindCase, "name">>> = {
  bridge: {
    resource: () => ({ ...bridge, mtu: 1450, noLinkLocal: true }),
    shown: link("br0"),
    wanted: {
      address: "02:00:5e:00:00:01",
      mtu: 1450,
      ifalias: alias,
      group: "default",
      inet6_addr_gen_mode: "none",
      flags: expect.arrayContaining(["UP"]),
      linkinfo: {
        info_kind: "bridge",
        info_data: expect.objectContaining({ stp_state: 0, forward_delay: 0, mcast_snooping: 0 }),
      },
    },
    tamper: { script: () => "ip link set br0 type bridge mcast_snooping 1", field: "multicastSnooping" },
    lose: () => "ip link delete br0",
    replacement: { resource: () => ({ ...bridge, mtu: 1300 }), wanted: { mtu: 1300, inet6_addr_gen_mode: "eui64" } },
  },
  "bridge without a MAC": {
    setup: () => [],
    resource: () => ({ kind: "bridge", ns: "host", name: "br1" }),
    shown: link("br1"),
    wanted: { address: expect.stringMatching(/^02:/) },
    tamper: { script: () => "ip link set br1 address 02:00:00:00:00:77", field: "mac" },
  },
  veth: {
    setup: () => [bridge],
    resource: veth,
    shown: link("nkv1"),
    wanted: {
      mtu: 1400,
      master: "br0",
      ifalias: alias,
      group: "default",
      operstate: "UP",
      linkinfo: expect.objectContaining({
        info_slave_data: expect.objectContaining({ hairpin: true, isolated: false }),
      }),
    },
    tamper: { script: () => "bridge link set dev nkv1 hairpin off", field: "hairpin" },
    lose: () => "ip link delete nkv1",
    replacement: {
      resource: (sandbox) => ({
        kind: "veth",
        ns: "host",
        name: "nkv1",
        mac: hostMac,
        mtu: 1300,
        master: "br0",
        isolated: true,
        peer: { ns: sandbox, name: "eth0", mac, mtu: 1300 },
      }),
      wanted: {
        mtu: 1300,
        linkinfo: expect.objectContaining({
          info_slave_data: expect.objectContaining({ hairpin: false, isolated: true }),
        }),
      },
    },
  },
  "veth, point to point": {
    setup: () => [],
    resource: (sandbox) => pointToPoint(sandbox),
    shown: link("nkv1"),
    wanted: {
      address: "02:00:5e:10:00:01",
      flags: expect.arrayContaining(["NOARP", "UP"]),
      inet6_addr_gen_mode: "none",
    },
    tamper: { script: () => "sysctl -qw net.ipv4.conf.nkv1.route_localnet=0", field: "routeLocalnet" },
    lose: () => "ip link delete nkv1",
    replacement: {
      resource: (sandbox) => ({ ...pointToPoint(sandbox), mtu: 1300 }),
      wanted: { mtu: 1300, flags: expect.arrayContaining(["NOARP"]) },
    },
  },
  "veth, point to point, seen from the sandbox": {
    setup: () => [],
    resource: (sandbox) => pointToPoint(sandbox),
    shown: inSandbox("eth0"),
    wanted: { address: "02:00:5e:10:00:01", flags: expect.arrayContaining(["NOARP", "UP"]) },
    tamper: { script: (ns) => `ip -n ${ns} link set eth0 arp on`, field: "peer.arp" },
  },
  "veth, seen from the sandbox": {
    setup: () => [bridge],
    resource: veth,
    shown: inSandbox("eth0"),
    wanted: { address: "02:00:5e:10:00:01", mtu: 1400, operstate: "UP" },
    tamper: { script: (ns) => `ip -n ${ns} link set eth0 down`, field: "peer.up" },
  },
  vxlan: {
    setup: () => [bridge],
    resource: () => ({
      kind: "vxlan",
      ns: "host",
      name: "nkx1",
      vni: 4097,
      port: 4789,
      local: parseIp("127.0.0.1"),
      mac,
      mtu: 1400,
      master: "br0",
      learning: false,
      neighSuppress: true,
      isolated: true,
    }),
    shown: link("nkx1"),
    wanted: {
      address: "02:00:5e:10:00:01",
      mtu: 1400,
      master: "br0",
      ifalias: alias,
      flags: expect.arrayContaining(["UP"]),
      linkinfo: expect.objectContaining({
        info_data: expect.objectContaining({ id: 4097, port: 4789, local: "127.0.0.1", learning: false }),
        info_slave_data: expect.objectContaining({
          learning: false,
          flood: false,
          neigh_suppress: true,
          isolated: true,
        }),
      }),
    },
    tamper: { script: () => "bridge link set dev nkx1 flood on", field: "portFlood" },
    lose: () => "ip link delete nkx1",
    replacement: {
      resource: () => ({ kind: "vxlan", ns: "host", name: "nkx1", vni: 4098, port: 8472, learning: true }),
      wanted: {
        linkinfo: expect.objectContaining({
          info_data: expect.objectContaining({ id: 4098, port: 8472, learning: true }),
        }),
      },
    },
  },
  "vxlan over IPv6": {
    setup: () => [bridge],
    resource: () => ({
      kind: "vxlan",
      ns: "host",
      name: "nkx1",
      vni: 4097,
      port: 4789,
      local: parseIp("::1"),
      mac,
      mtu: 1400,
      master: "br0",
      learning: false,
      groupPolicy: true,
      neighSuppress: true,
      isolated: false,
    }),
    shown: link("nkx1"),
    wanted: {
      linkinfo: expect.objectContaining({
        info_data: expect.objectContaining({ id: 4097, local6: "::1", learning: false, gbp: true }),
        info_slave_data: expect.objectContaining({ isolated: false }),
      }),
    },
    tamper: { script: () => "bridge link set dev nkx1 isolated on", field: "isolated" },
    lose: () => "ip link delete nkx1",
  },
  "vxlan that moves": {
    setup: () => [bridge],
    resource: () => tunnel("127.0.0.1"),
    shown: link("nkx1"),
    wanted: { linkinfo: expect.objectContaining({ info_data: expect.objectContaining({ local: "127.0.0.1" }) }) },
    replacement: {
      resource: () => tunnel("127.0.0.2"),
      wanted: { linkinfo: expect.objectContaining({ info_data: expect.objectContaining({ local: "127.0.0.2" }) }) },
    },
  },
  macvlan: {
    setup: () => [bridge],
    resource: (ns) => ({ kind: "macvlan", ns, name: "eth0", parent: "br0", mode: "bridge", mac, mtu: 1400 }),
    shown: inSandbox("eth0"),
    wanted: {
      address: "02:00:5e:10:00:01",
      mtu: 1400,
      ifalias: alias,
      flags: expect.arrayContaining(["UP"]),
      linkinfo: expect.objectContaining({
        info_kind: "macvlan",
        info_data: expect.objectContaining({ mode: "bridge" }),
      }),
    },
    tamper: { script: (ns) => `ip -n ${ns} link set eth0 mtu 1280`, field: "mtu" },
    lose: (ns) => `ip -n ${ns} link delete eth0`,
    replacement: {
      resource: (ns) => ({ kind: "macvlan", ns, name: "eth0", parent: "br0", mode: "private" }),
      wanted: { linkinfo: expect.objectContaining({ info_data: expect.objectContaining({ mode: "private" }) }) },
    },
  },
  ipvlan: {
    needs: "ipvlan",
    setup: () => [bridge],
    resource: (ns) => ({ kind: "ipvlan", ns, name: "eth0", parent: "br0", mode: "l2", flag: "private", mtu: 1400 }),
    shown: inSandbox("eth0"),
    wanted: {
      mtu: 1400,
      ifalias: alias,
      flags: expect.arrayContaining(["UP"]),
      linkinfo: { info_kind: "ipvlan", info_data: expect.objectContaining({ mode: "l2" }) },
    },
    tamper: { script: (ns) => `ip -n ${ns} link set eth0 down`, field: "up" },
    lose: (ns) => `ip -n ${ns} link delete eth0`,
    replacement: {
      resource: (ns) => ({ kind: "ipvlan", ns, name: "eth0", parent: "br0", mode: "l3s", flag: "bridge" }),
      wanted: { linkinfo: expect.objectContaining({ info_data: expect.objectContaining({ mode: "l3s" }) }) },
    },
  },
  vlan: {
    needs: "vlan",
    setup: () => [bridge],
    resource: () => ({ kind: "vlan", ns: "host", name: "br0.50", parent: "br0", id: 50 }),
    shown: link("br0.50"),
    wanted: {
      ifalias: alias,
      group: "default",
      flags: expect.arrayContaining(["UP"]),
      linkinfo: { info_kind: "vlan", info_data: expect.objectContaining({ id: 50 }) },
    },
    tamper: { script: () => "ip link set br0.50 down", field: "up" },
    lose: () => "ip link delete br0.50",
    replacement: {
      resource: () => ({ kind: "vlan", ns: "host", name: "br0.50", parent: "br0", id: 51 }),
      wanted: { linkinfo: expect.objectContaining({ info_data: expect.objectContaining({ id: 51 }) }) },
    },
  },
  ifb: {
    resource: () => ({ kind: "ifb", ns: "host", name: "nki1", mac, mtu: 1400 }),
    shown: link("nki1"),
    wanted: {
      address: "02:00:5e:10:00:01",
      mtu: 1400,
      ifalias: alias,
      group: "default",
      flags: expect.arrayContaining(["UP"]),
      linkinfo: expect.objectContaining({ info_kind: "ifb" }),
    },
    tamper: { script: () => "ip link set nki1 down", field: "up" },
    lose: () => "ip link delete nki1",
  },
  shaper: {
    setup: (sandbox) => [bridge, veth(sandbox)],
    resource: () => ({
      kind: "shaper",
      ns: "host",
      link: "nkv1",
      bytesPerSecond: 1_250_000,
      burstBytes: 16_384,
      limitBytes: 47_634,
    }),
    shown: () => tcJson("qdisc show dev nkv1")[0],
    wanted: { kind: "tbf", root: true, options: { rate: 1_250_000, burst: expect.closeTo(16_384, -0.5), lat: 25_000 } },
    tamper: {
      script: () => "tc qdisc change dev nkv1 root tbf rate 1250001bps burst 16384 limit 47634",
      field: "bytesPerSecond",
    },
    lose: () => "tc qdisc delete dev nkv1 root",
    replacement: {
      resource: () => ({
        kind: "shaper",
        ns: "host",
        link: "nkv1",
        bytesPerSecond: 5_000_000_000,
        burstBytes: 50_000_000,
        limitBytes: 90_000_000,
      }),
      wanted: { options: expect.objectContaining({ rate: 5_000_000_000 }) },
    },
  },
  "shaper that a stranger replaces": {
    setup: (sandbox) => [bridge, veth(sandbox)],
    resource: () => ({
      kind: "shaper",
      ns: "host",
      link: "nkv1",
      bytesPerSecond: 125,
      burstBytes: 2000,
      limitBytes: 4000,
    }),
    shown: () => tcJson("qdisc show dev nkv1")[0],
    wanted: { kind: "tbf", options: { rate: 125, burst: 2000, lat: 16_000_000 } },
    tamper: { script: () => "tc qdisc replace dev nkv1 root pfifo", field: "kind" },
  },
  redirect: {
    setup: (sandbox) => [bridge, veth(sandbox), ...ifbs],
    resource: () => ({ kind: "redirect", ns: "host", link: "nkv1", to: "nki1" }),
    shown: () => tcJson("filter show dev nkv1 ingress").at(-1),
    wanted: redirectedTo("nki1"),
    tamper: { script: () => redirectByHand("nki2", "u32 match u32 0 0"), field: "to" },
    lose: () => "tc qdisc delete dev nkv1 ingress",
    replacement: {
      resource: () => ({ kind: "redirect", ns: "host", link: "nkv1", to: "nki2" }),
      wanted: redirectedTo("nki2"),
    },
  },
  "redirect that a stranger narrows": {
    setup: (sandbox) => [bridge, veth(sandbox), ...ifbs],
    resource: () => ({ kind: "redirect", ns: "host", link: "nkv1", to: "nki1" }),
    shown: () => tcJson("filter show dev nkv1 ingress").at(-1),
    wanted: redirectedTo("nki1"),
    tamper: { script: () => redirectByHand("nki1", "u32 match ip dst 192.0.2.0/24"), field: "to" },
  },
  "IPv4 address": {
    setup: () => [bridge],
    resource: () => ({ kind: "address", ns: "host", link: "br0", address: parseCidr("10.9.0.1/24") }),
    shown: () => addressOf("10.9.0.1"),
    wanted: { prefixlen: 24, scope: "global" },
    lose: () => "ip address delete 10.9.0.1/24 dev br0",
    replacement: {
      resource: () => ({
        kind: "address",
        ns: "host",
        link: "br0",
        address: parseCidr("10.9.0.1/24"),
        noPrefixRoute: true,
      }),
      wanted: { prefixlen: 24, noprefixroute: true },
    },
  },
  "IPv6 address": {
    setup: (sandbox) => [bridge, veth(sandbox)],
    resource: (ns) => ({ kind: "address", ns, link: "eth0", address: parseCidr("fd00:9::2/64") }),
    shown: (ns) => addressOf("fd00:9::2", `-n ${ns} `),
    wanted: { prefixlen: 64, nodad: true },
    tamper: {
      script: (ns) => `ip -n ${ns} address change fd00:9::2/64 dev eth0 noprefixroute`,
      field: "noPrefixRoute",
    },
    lose: (ns) => `ip -n ${ns} address delete fd00:9::2/64 dev eth0`,
  },
  "IPv4 route": {
    setup: () => [bridge, { kind: "address", ns: "host", link: "br0", address: parseCidr("10.9.0.1/24") }],
    resource: () => ({
      kind: "route",
      ns: "host",
      destination: parseCidr("0.0.0.0/0"),
      via: parseIp("10.9.0.254"),
      link: "br0",
      metric: 50,
      source: parseIp("10.9.0.1"),
    }),
    shown: () => ipJson("route show default")[0],
    wanted: { dst: "default", gateway: "10.9.0.254", dev: "br0", protocol: "107", metric: 50, prefsrc: "10.9.0.1" },
    tamper: {
      script: () => "ip route replace default via 10.9.0.253 dev br0 proto 107 metric 50 src 10.9.0.1",
      field: "via",
    },
    lose: () => "ip route delete default metric 50",
    replacement: {
      resource: () => ({
        kind: "route",
        ns: "host",
        destination: parseCidr("0.0.0.0/0"),
        via: parseIp("10.9.0.253"),
        link: "br0",
        metric: 50,
      }),
      wanted: { gateway: "10.9.0.253" },
    },
  },
  "IPv6 route": {
    setup: () => [bridge],
    resource: () => ({
      kind: "route",
      ns: "host",
      destination: parseCidr("fd00:a::/64"),
      via: parseIp("fd00:9::fe"),
      link: "br0",
      onlink: true,
      table: 77,
    }),
    shown: () => ipJson("-6 route show table 77")[0],
    wanted: {
      dst: "fd00:a::/64",
      gateway: "fd00:9::fe",
      dev: "br0",
      protocol: "107",
      metric: 1024,
      flags: expect.arrayContaining(["onlink"]),
    },
    tamper: {
      script: () =>
        "ip -6 route delete fd00:a::/64 table 77; ip -6 route add fd00:a::/64 via fd00:9::fd dev br0 onlink table 77 proto 107",
      field: "via",
    },
    lose: () => "ip -6 route delete fd00:a::/64 table 77",
  },
  "blackhole route": {
    resource: () => ({ kind: "route", ns: "host", destination: parseCidr("10.77.0.0/16"), type: "blackhole" }),
    shown: () => ipJson("route show 10.77.0.0/16")[0],
    wanted: { type: "blackhole", protocol: "107" },
    lose: () => "ip route delete blackhole 10.77.0.0/16",
  },
  rule: {
    coexists: true,
    resource: () => ({
      kind: "rule",
      ns: "host",
      family: "ipv4",
      priority: 900,
      table: 77,
      from: parseCidr("10.9.0.0/24"),
    }),
    shown: () => ipJson("rule show").find((row) => row["priority"] === 900),
    wanted: { src: "10.9.0.0", srclen: 24, table: "77", protocol: "107" },
    tamper: {
      script: () => "ip rule delete priority 900; ip rule add from 10.9.0.0/24 priority 900 table 78 protocol 107",
      field: "table",
    },
    lose: () => "ip rule delete priority 900",
    replacement: {
      resource: () => ({
        kind: "rule",
        ns: "host",
        family: "ipv4",
        priority: 900,
        table: 79,
        from: parseCidr("10.9.0.0/24"),
      }),
      wanted: { table: "79" },
    },
  },
  neighbour: {
    setup: () => [bridge],
    resource: () => ({ kind: "neighbour", ns: "host", link: "br0", address: parseIp("10.9.0.7"), mac }),
    shown: () => ipJson("neighbour show").find((row) => row["dst"] === "10.9.0.7"),
    wanted: { lladdr: "02:00:5e:10:00:01", state: ["PERMANENT"] },
    tamper: {
      script: () => "ip neighbour replace 10.9.0.7 lladdr 02:00:00:00:00:08 nud permanent dev br0",
      field: "mac",
    },
    lose: () => "ip neighbour delete 10.9.0.7 dev br0",
    replacement: {
      resource: () => ({
        kind: "neighbour",
        ns: "host",
        link: "br0",
        address: parseIp("10.9.0.7"),
        mac: parseMac("02:00:00:00:00:09"),
      }),
      wanted: { lladdr: "02:00:00:00:00:09" },
    },
  },
  "proxy neighbour": {
    setup: () => [bridge],
    resource: () => ({ kind: "neighbour", ns: "host", link: "br0", address: parseIp("fd00:9::7"), proxy: true }),
    shown: () => ipJson("-6 neighbour show proxy").find((row) => row["dst"] === "fd00:9::7"),
    wanted: { dev: "br0", proxy: null },
    lose: () => "ip -6 neighbour delete proxy fd00:9::7 dev br0",
  },
  "fdb entry of a VXLAN": {
    setup: () => [{ kind: "vxlan", ns: "host", name: "nkx1", mac: hostMac, vni: 9, port: 4789, learning: false }],
    resource: () => ({ kind: "fdb", ns: "host", link: "nkx1", mac, destination: parseIp("192.0.2.9") }),
    shown: () => bridgeJson("fdb show dev nkx1").find((row) => row["mac"] === "02:00:5e:10:00:01"),
    wanted: { dst: "192.0.2.9", state: "permanent", flags: ["self"] },
    tamper: {
      script: () => "bridge fdb replace 02:00:5e:10:00:01 dev nkx1 dst 192.0.2.10 self permanent",
      field: "destination",
    },
    lose: () => "bridge fdb delete 02:00:5e:10:00:01 dev nkx1 self",
    replacement: {
      resource: () => ({ kind: "fdb", ns: "host", link: "nkx1", mac, destination: parseIp("192.0.2.11") }),
      wanted: { dst: "192.0.2.11" },
    },
  },
  "fdb entry of a VXLAN for addresses that it doesn't know, one of several": {
    setup: () => [
      { kind: "vxlan", ns: "host", name: "nkx1", mac: hostMac, vni: 9, port: 4789, learning: true },
      { kind: "fdb", ns: "host", link: "nkx1", mac: anyMac, destination: parseIp("192.0.2.8") },
    ],
    resource: () => ({ kind: "fdb", ns: "host", link: "nkx1", mac: anyMac, destination: parseIp("192.0.2.9") }),
    shown: () => bridgeJson("fdb show dev nkx1").find((row) => row["mac"] === anyMac && row["dst"] === "192.0.2.9"),
    wanted: { state: "permanent", flags: ["self"] },
    lose: () => "bridge fdb delete 00:00:00:00:00:00 dev nkx1 dst 192.0.2.9 self",
  },
  "fdb entry of a VXLAN over IPv6": {
    setup: () => [
      {
        kind: "vxlan",
        ns: "host",
        name: "nkx1",
        mac: hostMac,
        vni: 9,
        port: 4789,
        local: parseIp("2001:db8::1"),
        learning: false,
      },
    ],
    resource: () => ({ kind: "fdb", ns: "host", link: "nkx1", mac, destination: parseIp("2001:db8::9") }),
    shown: () => bridgeJson("fdb show dev nkx1").find((row) => row["mac"] === "02:00:5e:10:00:01"),
    wanted: { dst: "2001:db8::9", state: "permanent", flags: ["self"] },
    tamper: {
      script: () => "bridge fdb replace 02:00:5e:10:00:01 dev nkx1 dst 2001:db8::10 self permanent",
      field: "destination",
    },
    lose: () => "bridge fdb delete 02:00:5e:10:00:01 dev nkx1 self",
  },
  "IPv6 neighbour": {
    setup: () => [bridge],
    resource: () => ({ kind: "neighbour", ns: "host", link: "br0", address: parseIp("fd00:9::7"), mac }),
    shown: () => ipJson("-6 neighbour show").find((row) => row["dst"] === "fd00:9::7"),
    wanted: { lladdr: "02:00:5e:10:00:01", state: ["PERMANENT"] },
    tamper: {
      script: () => "ip neighbour replace fd00:9::7 lladdr 02:00:00:00:00:08 nud permanent dev br0",
      field: "mac",
    },
    lose: () => "ip neighbour delete fd00:9::7 dev br0",
  },
  "fdb entry of a bridge": {
    setup: (sandbox) => [bridge, veth(sandbox)],
    resource: () => ({ kind: "fdb", ns: "host", link: "nkv1", mac: parseMac("02:00:00:00:00:99"), master: true }),
    shown: () =>
      bridgeJson("fdb show dev nkv1").find((row) => row["mac"] === "02:00:00:00:00:99" && row["vlan"] === undefined),
    wanted: { state: "static", master: "br0" },
    lose: () => "bridge fdb delete 02:00:00:00:00:99 dev nkv1 master",
  },
  "sysctl of a sandbox": {
    coexists: true,
    lasting: true,
    setup: () => [],
    resource: (ns) => ({ kind: "sysctl", ns, path: "net/ipv4/ip_local_port_range", value: "40000 50000" }),
    shown: (ns) => ({ value: sh(`ip netns exec ${ns} sysctl -n net.ipv4.ip_local_port_range`).trim() }),
    wanted: { value: "40000\t50000" },
    tamper: {
      script: (ns) => `ip netns exec ${ns} sysctl -qw net.ipv4.ip_local_port_range='40000 50001'`,
      field: "value",
    },
    replacement: {
      resource: (ns) => ({ kind: "sysctl", ns, path: "net/ipv4/ip_local_port_range", value: "40000 45000" }),
      wanted: { value: "40000\t45000" },
    },
  },
};

function redirectedTo(link: string): Record<string, unknown> {
  return {
    protocol: "all",
    pref: 1,
    kind: "u32",
    options: expect.objectContaining({
      match: { value: "0", mask: "0", offmask: "", off: 0 },
      actions: [expect.objectContaining({ mirred_action: "redirect", direction: "egress", to_dev: link })],
    }),
  };
}

/** The same filter with another aim, as tc puts it there. */
function redirectByHand(to: string, match: string): string {
  return `tc filter delete dev nkv1 ingress
tc filter add dev nkv1 ingress protocol all prio 1 handle 800::800 ${match} action mirred egress redirect dev ${to}`;
}

export const cases: readonly KindCase[] = Object.entries(table).map(([name, one]) => ({ name, ...one }));

/** What ends the names of tests that not every kernel can run. */
export function needing({ needs }: KindCase): string {
  return needs === undefined ? "" : ` (needs ${needs})`;
}

/** Whether this kernel lacks what the case needs. */
export function isLacking({ needs }: KindCase): boolean {
  if (needs === undefined) return false;
  using socket = openNetlink();
  return !hasLinkKind(socket, needs);
}

function addressOf(local: string, ns = ""): unknown {
  return ipJson(`${ns}address show`)
    .flatMap((row) => row["addr_info"] as Record<string, unknown>[])
    .find((row) => row["local"] === local);
}
