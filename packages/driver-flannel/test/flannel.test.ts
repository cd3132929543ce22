import { isNetkitError, keyOf, parseCidr, parseIp, parseOptions, type Resource } from "@netkit/core";
import { describe, expect, test } from "vitest";
import { parseConfig } from "../src/config.ts";
import { peerIn } from "../src/peers.ts";
import { leasesIn } from "../src/registry.ts";
import { driver, eth1, networkView } from "./views.ts";

const bridge = "nkb0123456789";

function linesOf(resources: readonly Resource[]): string[] {
  return resources.map(keyOf);
}

function find<K extends Resource["kind"]>(resources: readonly Resource[], kind: K): Extract<Resource, { kind: K }>[] {
  return resources.filter((resource): resource is Extract<Resource, { kind: K }> => resource.kind === kind);
}

const remote = { subnet: parseCidr("10.5.52.0/24"), publicIp: parseIp("192.0.2.7"), mac: "c6:d2:32:6f:8f:44" };
const remote6 = { subnet: parseCidr("fd00:5:52::/64"), publicIp: parseIp("2001:db8::7"), mac: "c6:d2:32:6f:8f:45" };

describe("a network", () => {
  test("over VXLAN is a bridge, flannel's device, and the file that tells of it", () => {
    const resources = driver.network(networkView({ Type: "vxlan" }));
    expect(linesOf(resources)).toEqual([
      `bridge host ${bridge}`,
      `address host ${bridge} 10.5.34.1/24`,
      "sysctl host net/ipv4/ip_forward",
      `sysctl host net/ipv4/conf/${bridge}/route_localnet`,
      `sysctl host net/ipv6/conf/${bridge}/disable_ipv6`,
      "vxlan host flannel.1",
      "untracked host 192.0.2.1 8472",
      "address host flannel.1 10.5.34.0/32",
      "sysctl host net/ipv6/conf/flannel.1/disable_ipv6",
      `isolation host ${bridge}`,
      `familiar host ${bridge} 10.5.0.0/16`,
      `masquerade host ${bridge} 10.5.34.0/24`,
      "file host /run/flannel/subnet.env",
    ]);
    expect(find(resources, "vxlan")).toEqual([
      {
        kind: "vxlan",
        ns: "host",
        name: "flannel.1",
        vni: 1,
        port: 8472,
        local: "192.0.2.1",
        device: "eth1",
        mac: "02:66:01:23:45:67",
        mtu: 1450,
        learning: false,
      },
    ]);
    expect(find(resources, "masquerade")).toMatchObject([{ within: "10.5.0.0/16" }]);
    expect(find(resources, "file").map(({ content }) => content)).toEqual([
      "FLANNEL_NETWORK=10.5.0.0/16\nFLANNEL_SUBNET=10.5.34.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n",
    ]);
  });

  test("of both families has a device for each, and the smaller MTU", () => {
    const resources = driver.network(networkView({ Type: "vxlan", VNI: 7, Port: 4789, GBP: true }, { dual: true }));
    expect(find(resources, "vxlan")).toMatchObject([
      { name: "flannel.7", local: "192.0.2.1", port: 4789, mtu: 1430, mac: "02:66:01:23:45:67", groupPolicy: true },
      {
        name: "flannel-v6.7",
        local: "2001:db8::1",
        port: 4789,
        mtu: 1430,
        mac: "02:67:01:23:45:67",
        groupPolicy: true,
      },
    ]);
    expect(find(resources, "address").map(({ link, address }) => `${link} ${address}`)).toEqual([
      `${bridge} 10.5.34.1/24`,
      `${bridge} fd00:5:34::1/64`,
      "flannel.7 10.5.34.0/32",
      "flannel-v6.7 fd00:5:34::/128",
    ]);
    expect(find(resources, "masquerade").map(({ within }) => within)).toEqual(["10.5.0.0/16", "fd00:5::/48"]);
    expect(find(resources, "file").map(({ content }) => content)).toEqual([
      "FLANNEL_NETWORK=10.5.0.0/16\nFLANNEL_SUBNET=10.5.34.1/24\nFLANNEL_IPV6_NETWORK=fd00:5::/48\nFLANNEL_IPV6_SUBNET=fd00:5:34::1/64\nFLANNEL_MTU=1430\nFLANNEL_IPMASQ=true\n",
    ]);
  });

  test("without tunnels has the underlay's MTU and no device", () => {
    const options = { "ip-masq": "false", "subnet-file": "/run/elsewhere/subnet.env" };
    const resources = driver.network(networkView({ Type: "host-gw" }, { options }));
    expect(find(resources, "vxlan")).toEqual([]);
    expect(find(resources, "masquerade")).toEqual([]);
    expect(find(resources, "bridge")).toMatchObject([{ mtu: 1500 }]);
    expect(find(resources, "file")).toMatchObject([
      {
        path: "/run/elsewhere/subnet.env",
        content: "FLANNEL_NETWORK=10.5.0.0/16\nFLANNEL_SUBNET=10.5.34.1/24\nFLANNEL_MTU=1500\nFLANNEL_IPMASQ=false\n",
      },
    ]);
  });

  test("has the MTU that flannel's configuration gives the underlay", () => {
    const resources = driver.network(networkView({ Type: "vxlan", MTU: 9000, Learning: true }));
    expect(find(resources, "vxlan")).toMatchObject([{ mtu: 8950, learning: true }]);
  });

  test("claims its flannel network, whose password is nobody's business", () => {
    const options = { store: "etcd://root:secret@192.0.2.9:2379", prefix: "/flannel/" };
    expect(driver.claims?.(networkView({ Type: "vxlan" }, { options }))).toEqual([
      { name: "lease", space: "flannel network", value: "etcd://192.0.2.9:2379/flannel" },
    ]);
  });

  test.each([
    [{}, "the host has no default route"],
    [{ iface: "eth9" }, "the host has no link 'eth9'"],
  ])("is refused where there is no way to other hosts: %j", (options, why) => {
    const { facts: _, ...view } = networkView({ Type: "vxlan" }, { options });
    const refuse = (): void => driver.check?.({ ...view, facts: { links: {} } });
    expect(refuse).toThrow(expect.objectContaining({ code: "LINK_NOT_FOUND" }));
    expect(refuse).toThrow(why);
  });

  test.each([
    ["store", "consul://192.0.2.9:8500"],
    ["prefix", "coreos.com/network"],
    ["public-ip", "2001:db8::1"],
    ["public-ipv6", "192.0.2.1"],
    ["subnet-file", "/etc/flannel/subnet.env"],
    ["subnet-file", "/run/subnet.env"],
    ["subnet-file", "/run/flannel/../netkit/subnet.env"],
  ])("has no option %s=%s", (name, value) => {
    expect(() => parseOptions(driver.options, { [name]: value }, "driver 'flannel'")).toThrow(
      expect.objectContaining({ code: "OPTION_INVALID" }),
    );
  });
});

function resourcesOf(view: ReturnType<typeof networkView>, peer: unknown): readonly Resource[] {
  return driver.outside?.peer(view, peer) ?? [];
}

describe("another host", () => {
  test("is behind flannel's device", () => {
    expect(resourcesOf(networkView({ Type: "vxlan" }), { ipv4: remote })).toEqual([
      { kind: "route", ns: "host", destination: "10.5.52.0/24", via: "10.5.52.0", link: "flannel.1", onlink: true },
      { kind: "neighbour", ns: "host", link: "flannel.1", address: "10.5.52.0", mac: remote.mac },
      { kind: "fdb", ns: "host", link: "flannel.1", mac: remote.mac, destination: "192.0.2.7" },
    ]);
  });

  test("of both families is behind both", () => {
    const resources = resourcesOf(networkView({ Type: "vxlan" }, { dual: true }), { ipv4: remote, ipv6: remote6 });
    expect(resources.slice(3)).toEqual([
      {
        kind: "route",
        ns: "host",
        destination: "fd00:5:52::/64",
        via: "fd00:5:52::",
        link: "flannel-v6.1",
        onlink: true,
      },
      { kind: "neighbour", ns: "host", link: "flannel-v6.1", address: "fd00:5:52::", mac: remote6.mac },
      { kind: "fdb", ns: "host", link: "flannel-v6.1", mac: remote6.mac, destination: "2001:db8::7" },
    ]);
  });

  test("is reached without a tunnel where that is wanted, if it is on the link", () => {
    const view = networkView({ Type: "vxlan", DirectRouting: true }, { dual: true });
    expect(resourcesOf(view, { ipv4: remote })).toEqual([
      { kind: "route", ns: "host", destination: "10.5.52.0/24", via: "192.0.2.7", link: "eth1" },
      { kind: "familiar", ns: "host", link: bridge, source: "192.0.2.7/32" },
    ]);
    expect(resourcesOf(view, { ipv6: remote6 })).toMatchObject([
      { via: "2001:db8::7", link: "eth1" },
      { source: "2001:db8::7/128" },
    ]);
    const far = { ...remote, publicIp: parseIp("198.51.100.7") };
    expect(resourcesOf(view, { ipv4: far })).toMatchObject([
      { link: "flannel.1" },
      {},
      { destination: "198.51.100.7" },
    ]);
  });

  test("with host-gw is reached by its address, if it is on the link", () => {
    const { mac: _, ...way } = remote;
    expect(resourcesOf(networkView({ Type: "host-gw" }), { ipv4: way })).toEqual([
      { kind: "route", ns: "host", destination: "10.5.52.0/24", via: "192.0.2.7", link: "eth1" },
      { kind: "familiar", ns: "host", link: bridge, source: "192.0.2.7/32" },
    ]);
    expect(resourcesOf(networkView({ Type: "host-gw" }), { ipv4: { ...way, publicIp: "198.51.100.7" } })).toEqual([]);
  });
});

test("a network without a place is refused", () => {
  const { facts: _, ...view } = networkView({ Type: "vxlan" });
  const refusal = (): unknown => {
    try {
      return driver.network({ ...view, facts: { links: {}, uplink: eth1 } });
    } catch (error) {
      return error;
    }
  };
  const error = refusal();
  expect(isNetkitError(error) && error.code).toBe("UNSUPPORTED");
});

describe("a lease", () => {
  const config = parseConfig(
    { Network: "10.5.0.0/16", EnableIPv6: true, IPv6Network: "fd00:5::/48", Backend: { Type: "vxlan" } },
    "config",
  );
  const value = {
    PublicIP: "192.0.2.7",
    PublicIPv6: "2001:db8::7",
    BackendType: "vxlan",
    BackendData: { VNI: 1, VtepMAC: remote.mac },
    BackendV6Data: { VNI: 1, VtepMAC: remote6.mac },
  };
  const peerOf = (key: string, changes: object = {}): unknown => {
    const [lease] = leasesIn([{ key: `subnets/${key}`, value: { ...value, ...changes }, revision: 1 }]);
    const own = { ipv4: parseCidr("10.5.34.0/24"), ipv6: parseCidr("fd00:5:0:34::/64") };
    return lease && peerIn(lease, { config, leased: own, publicIp: parseIp("192.0.2.1") });
  };

  test("is of another host by both families, or by IPv4 alone", () => {
    expect(peerOf("10.5.52.0-24&fd00:5:0:52::-64")).toEqual({
      ipv4: remote,
      ipv6: { ...remote6, subnet: "fd00:5:0:52::/64" },
    });
    expect(peerOf("10.5.52.0-24")).toEqual({ ipv4: remote });
  });

  test.each([
    ["it is of backend 'udp'", "10.5.52.0-24", { BackendType: "udp" }],
    ["10.6.52.0/24 isn't of 10.5.0.0/16", "10.6.52.0-24", {}],
    ["it overlaps this host's own 10.5.34.0/24", "0.0.0.0-0", {}],
    ["it overlaps this host's own 10.5.34.0/24", "10.5.34.128-25", {}],
    ["it overlaps this host's own fd00:5:0:34::/64", "10.5.52.0-24&fd00:5:0:34:8000::-65", {}],
    ["fd00:5:52::/64 isn't of fd00:5::/48", "10.5.52.0-24&fd00:5:52::-64", {}],
    ["it doesn't say where tunnels to 10.5.52.0/24 end", "10.5.52.0-24", { BackendData: null }],
    ["it doesn't say where tunnels to fd00:5:0:52::/64 end", "10.5.52.0-24&fd00:5:0:52::-64", { BackendV6Data: null }],
    ["it doesn't say where the host of fd00:5:0:52::/64 is", "10.5.52.0-24&fd00:5:0:52::-64", { PublicIPv6: null }],
  ])("is passed over: %s", (why, key, changes) => {
    expect(peerOf(key, changes)).toBe(why);
  });
});
