import {
  instanceOf,
  kernelName,
  parseCidr,
  parseOptions,
  type Cidr,
  type LinkFacts,
  type OptionInput,
  type Resource,
} from "@netkit/core";
import { describe, expect, test } from "vitest";
import { driver, ipv4, ipv6, networkView } from "./views.ts";

const ns = "host";
const uplink: LinkFacts = { name: "eth0", kind: "", mtu: 1450, addresses: [] };
const br9: LinkFacts = { name: "br9", kind: "bridge", mtu: 9000, addresses: [parseCidr("172.20.0.1/22")] };

function bridgeOf(options: OptionInput, links: Readonly<Record<string, LinkFacts>>): Resource | undefined {
  return driver.network(networkView(options, { facts: { links, uplink } }))[0];
}

describe("a network", () => {
  test("of IPv4", () => {
    expect(driver.network(networkView())).toEqual([
      { kind: "bridge", ns, name: "nkb0123456789", mac: "02:6b:01:23:45:67" },
      { kind: "address", ns, link: "nkb0123456789", address: "172.20.0.1/22" },
      { kind: "sysctl", ns, path: "net/ipv4/ip_forward", value: "1" },
      { kind: "sysctl", ns, path: "net/ipv4/conf/nkb0123456789/route_localnet", value: "1" },
      { kind: "sysctl", ns, path: "net/ipv6/conf/nkb0123456789/disable_ipv6", value: "1" },
      { kind: "isolation", ns, link: "nkb0123456789", icc: true, internal: false },
      { kind: "guard", ns, link: "nkb0123456789" },
      { kind: "masquerade", ns, link: "nkb0123456789", subnet: "172.20.0.0/22" },
    ]);
  });

  test("of both families, with every option", () => {
    const options = {
      name: "br9",
      mtu: "1400",
      icc: "false",
      "snat-ipv4": "192.0.2.7",
      "snat-ipv6": "2001:db8::7",
    };
    expect(driver.network(networkView(options, { subnets: [ipv4, ipv6], facts: { links: {}, uplink } }))).toEqual([
      { kind: "bridge", ns, name: "br9", mac: "02:6b:01:23:45:67", mtu: 1400 },
      { kind: "address", ns, link: "br9", address: "172.20.0.1/22" },
      { kind: "address", ns, link: "br9", address: "fd00:5::1/64" },
      { kind: "sysctl", ns, path: "net/ipv4/ip_forward", value: "1" },
      { kind: "sysctl", ns, path: "net/ipv6/conf/all/forwarding", value: "1" },
      { kind: "sysctl", ns, path: "net/ipv4/conf/br9/route_localnet", value: "1" },
      { kind: "sysctl", ns, path: "net/ipv6/conf/br9/disable_ipv6", value: "0" },
      { kind: "sysctl", ns, path: "net/ipv6/conf/br9/accept_ra", value: "0" },
      { kind: "sysctl", ns, path: "net/ipv6/conf/br9/accept_dad", value: "0" },
      { kind: "isolation", ns, link: "br9", icc: false, internal: false },
      { kind: "guard", ns, link: "br9" },
      { kind: "masquerade", ns, link: "br9", subnet: "172.20.0.0/22", source: "192.0.2.7" },
      { kind: "masquerade", ns, link: "br9", subnet: "fd00:5::/64", source: "2001:db8::7" },
    ]);
  });

  test("on a bridge that is somebody else's is that bridge and nothing more", () => {
    const options = { name: "br9", unmanaged: true };
    expect(bridgeOf(options, { br9 })).toEqual({ kind: "bridge", ns, name: "br9", ensure: "exists" });
    const subnets = [ipv4, ipv6];
    const facts = { links: { br9 }, uplink };
    expect(driver.network(networkView(options, { subnets, facts }))).toHaveLength(1);
    expect(() => bridgeOf(options, {})).toThrow(expect.objectContaining({ code: "LINK_NOT_FOUND" }));
  });

  test.each<[OptionInput, boolean, string]>([
    [{}, false, "names no bridge"],
    [{ name: "br9" }, true, "is internal"],
    [{ name: "br9", "snat-ipv6": "2001:db8::7" }, false, "has snat-ipv6"],
    [{ name: "br9", "gateway-mode-ipv4": "routed" }, false, "has gateway-mode-ipv4"],
  ])("on such a bridge with %j, internal %j, is refused: it %s", (more, internal, why) => {
    const view = networkView({ unmanaged: true, ...more }, { internal, facts: { links: { br9 } } });
    expect(() => driver.network(view)).toThrow(
      expect.objectContaining({ code: "OPTION_INVALID", message: expect.stringContaining(why) as unknown }),
    );
  });

  test("that is internal forwards and translates nothing", () => {
    expect(driver.network(networkView({}, { internal: true, subnets: [ipv6] }))).toEqual([
      { kind: "bridge", ns, name: "nkb0123456789", mac: "02:6b:01:23:45:67" },
      { kind: "address", ns, link: "nkb0123456789", address: "fd00:5::1/64" },
      { kind: "sysctl", ns, path: "net/ipv6/conf/nkb0123456789/disable_ipv6", value: "0" },
      { kind: "sysctl", ns, path: "net/ipv6/conf/nkb0123456789/accept_ra", value: "0" },
      { kind: "sysctl", ns, path: "net/ipv6/conf/nkb0123456789/accept_dad", value: "0" },
      { kind: "isolation", ns, link: "nkb0123456789", icc: true, internal: true },
      { kind: "guard", ns, link: "nkb0123456789" },
    ]);
  });

  test("without masquerade is routed as it is", () => {
    const kinds = driver.network(networkView({ masquerade: "no" })).map(({ kind }) => kind);
    expect(kinds).not.toContain("masquerade");
    expect(kinds).toContain("isolation");
  });

  test("without a gateway has no address on the bridge", () => {
    const view = networkView({}, { subnets: [{ subnet: "172.20.0.0/22" as Cidr, auxiliary: {} }] });
    expect(driver.network(view).map(({ kind }) => kind)).not.toContain("address");
  });

  test("of another root has a bridge of another name", () => {
    const instance = instanceOf("/srv/netkit");
    const [first] = driver.network(networkView({}, { instance }));
    expect(first).toMatchObject({ name: kernelName("b", instance, networkView().id) });
  });
});

const withoutGateway = { subnet: ipv4.subnet, auxiliary: {} };

const isolationOf = (options: OptionInput, subnets = [ipv4, ipv6]): Resource | undefined =>
  driver.network(networkView(options, { subnets })).find(({ kind }) => kind === "isolation");

const natted = (options: OptionInput): string[] =>
  driver
    .network(networkView(options, { subnets: [ipv4, ipv6] }))
    .flatMap((resource) => (resource.kind === "masquerade" ? [resource.subnet] : []));

describe("the gateway mode of a family", () => {
  test("says what its area lets in, and whether it is translated", () => {
    expect(isolationOf({ "gateway-mode-ipv4": "nat-unprotected", "gateway-mode-ipv6": "routed" })).toEqual({
      kind: "isolation",
      ns,
      link: "nkb0123456789",
      icc: true,
      internal: false,
      ipv4: "all",
      ipv6: "opened",
    });
    expect(isolationOf({ "gateway-mode-ipv4": "routed", "trusted-host-interfaces": "eth1" })).toMatchObject({
      ipv4: "opened",
      trusted: ["eth1"],
    });
    expect(natted({ "gateway-mode-ipv4": "nat-unprotected" })).toEqual([ipv4.subnet, ipv6.subnet]);
    expect(natted({ "gateway-mode-ipv4": "routed" })).toEqual([ipv6.subnet]);
    expect(natted({ "gateway-mode-ipv6": "routed" })).toEqual([ipv4.subnet]);
  });

  test("isolated leaves the bridge without an address", () => {
    const options = { "gateway-mode-ipv4": "isolated", "gateway-mode-ipv6": "isolated" };
    const subnets = [withoutGateway, { subnet: ipv6.subnet, auxiliary: {} }];
    expect(driver.network(networkView(options, { internal: true, subnets }))).toEqual([
      { kind: "bridge", ns, name: "nkb0123456789", mac: "02:6b:01:23:45:67" },
      { kind: "sysctl", ns, path: "net/ipv6/conf/nkb0123456789/disable_ipv6", value: "1" },
      { kind: "isolation", ns, link: "nkb0123456789", icc: true, internal: true },
      { kind: "guard", ns, link: "nkb0123456789" },
    ]);
  });

  test.each<[string, OptionInput, boolean, string]>([
    ["isolated and not internal", { "gateway-mode-ipv4": "isolated" }, false, "Make it with --internal."],
    ["internal and routed", { "gateway-mode-ipv6": "routed" }, true, "Leave out one of them."],
    ["internal and open", { "gateway-mode-ipv4": "nat-unprotected" }, true, "Leave out one of them."],
    ["isolated with a gateway", { "gateway-mode-ipv4": "isolated" }, true, "Leave out the gateway."],
    [
      "internal with trusted links",
      { "trusted-host-interfaces": "eth1" },
      true,
      "Leave out one of them: nothing gets into an internal network.",
    ],
  ])("%s is refused", (_, options, internal, hint) => {
    expect(() => driver.network(networkView(options, { internal }))).toThrow(
      expect.objectContaining({ code: "OPTION_INVALID", hint }),
    );
  });
});

test("without an IPv4 address of its own the bridge has the others, and the network its gateway", () => {
  const addresses = driver
    .network(networkView({ "inhibit-ipv4": true }, { subnets: [ipv4, ipv6] }))
    .flatMap((resource) => (resource.kind === "address" ? [resource.address] : []));
  expect(addresses).toEqual(["fd00:5::1/64"]);
});

describe("an existing bridge", () => {
  const facts = { links: { br9 }, uplink };

  test("is used as it is, with the gateway address that it has", () => {
    expect(driver.network(networkView({ name: "br9" }, { facts, subnets: [ipv4, ipv6] }))).toEqual([
      { kind: "bridge", ns, name: "br9", ensure: "exists" },
      { kind: "address", ns, link: "br9", address: "172.20.0.1/22", ensure: "exists" },
      { kind: "address", ns, link: "br9", address: "fd00:5::1/64" },
      { kind: "sysctl", ns, path: "net/ipv4/ip_forward", value: "1" },
      { kind: "sysctl", ns, path: "net/ipv6/conf/all/forwarding", value: "1" },
      { kind: "sysctl", ns, path: "net/ipv4/conf/br9/route_localnet", value: "1" },
      { kind: "isolation", ns, link: "br9", icc: true, internal: false },
      { kind: "guard", ns, link: "br9" },
      { kind: "masquerade", ns, link: "br9", subnet: "172.20.0.0/22" },
      { kind: "masquerade", ns, link: "br9", subnet: "fd00:5::/64" },
    ]);
  });

  test.each([
    ["veth", "of kind veth"],
    ["", "a physical link"],
  ])("of kind '%s' is none", (kind, words) => {
    const view = networkView({ name: "eth7" }, { facts: { links: { eth7: { ...uplink, name: "eth7", kind } } } });
    const message = `network 'web' can't use link eth7: it is ${words}, not a bridge`;
    expect(() => driver.network(view)).toThrow(expect.objectContaining({ code: "UNSUPPORTED", message }));
  });
});

describe("the MTU", () => {
  test("is the uplink's unless it is said", () => {
    expect(bridgeOf({}, {})).toMatchObject({ mtu: 1450 });
    expect(bridgeOf({ mtu: 1300 }, {})).toMatchObject({ mtu: 1300 });
  });

  test("of an existing bridge stays", () => {
    expect(bridgeOf({ name: "br9", mtu: 1300 }, { br9 })).not.toHaveProperty("mtu");
  });

  test("below the least of IPv6 is refused where there is IPv6", () => {
    const message = "network 'web' has IPv6, which needs an MTU of 1280 at least, not 1279";
    expect(() => driver.network(networkView({ mtu: 1279 }, { subnets: [ipv6] }))).toThrow(
      expect.objectContaining({ code: "OPTION_INVALID", message }),
    );
    expect(() => driver.network(networkView({ mtu: 1280 }, { subnets: [ipv6] }))).not.toThrow();
    expect(() => driver.network(networkView({ mtu: 68 }))).not.toThrow();
  });
});

const addressOf = (options: OptionInput) => driver.publishAddress?.(networkView(options));

describe("the driver", () => {
  test("has a network of its own, one per root", () => {
    expect(driver.predefined?.(instanceOf("/var/lib/netkit"))).toEqual({
      name: "bridge",
      options: { name: "netkit0" },
    });
    const other = instanceOf("/srv/netkit");
    expect(driver.predefined?.(other)).toEqual({ name: "bridge", options: { name: `netkit-${other.tag}` } });
  });

  test("asks for the uplink, and for the link that is named; and claims that one", () => {
    const [plain, named] = [networkView(), networkView({ name: "br9" })];
    expect(driver.facts?.(plain)).toEqual([{ fact: "uplink" }]);
    expect(driver.claims?.(plain)).toEqual([]);
    expect(driver.facts?.(named)).toEqual([{ fact: "uplink" }, { fact: "link", name: "br9" }]);
    expect(driver.claims?.(named)).toEqual([{ name: "bridge", space: "bridge", value: "br9" }]);
  });

  test("understands Docker's options", () => {
    const input = {
      "com.docker.network.bridge.name": "br9",
      "com.docker.network.driver.mtu": "1400",
      "com.docker.network.bridge.enable_icc": "false",
      "com.docker.network.bridge.enable_ip_masquerade": "0",
      "com.docker.network.bridge.host_binding_ipv4": "127.0.0.1",
      "com.docker.network.host_ipv4": "192.0.2.7",
      "com.docker.network.host_ipv6": "2001:DB8::7",
      "com.docker.network.bridge.gateway_mode_ipv4": "nat-unprotected",
      "com.docker.network.bridge.gateway_mode_ipv6": "routed",
      "com.docker.network.bridge.inhibit_ipv4": "true",
      "com.docker.network.bridge.trusted_host_interfaces": "vxlan1:eth3:eth3",
    };
    expect(parseOptions(driver.options, input, "driver")).toEqual({
      name: "br9",
      mtu: 1400,
      icc: false,
      masquerade: false,
      "spoof-check": true,
      "host-address": "127.0.0.1",
      "snat-ipv4": "192.0.2.7",
      "snat-ipv6": "2001:db8::7",
      "gateway-mode-ipv4": "nat-unprotected",
      "gateway-mode-ipv6": "routed",
      "inhibit-ipv4": true,
      "trusted-host-interfaces": ["eth3", "vxlan1"],
      unmanaged: false,
    });
  });

  test("publishes ports that name no address on the network's own, where it is one", () => {
    expect(addressOf({ "host-address": "127.0.0.1" })).toBe("127.0.0.1");
    expect(addressOf({ "host-address": "2001:db8::1" })).toBe("2001:db8::1");
    expect(addressOf({ "host-address": "0.0.0.0" })).toBeUndefined();
    expect(addressOf({ "host-address": "127.0.0.1", "gateway-mode-ipv4": "routed" })).toBeUndefined();
  });

  test("takes no ports of the host where all families are routed", () => {
    const routed = { "gateway-mode-ipv4": "routed", "gateway-mode-ipv6": "routed" };
    expect(driver.hostPorts?.(networkView(routed, { subnets: [ipv4, ipv6] }))).toEqual([]);
    expect(driver.hostPorts?.(networkView({ "gateway-mode-ipv4": "routed" }))).toEqual([]);
    expect(driver.hostPorts?.(networkView({ "gateway-mode-ipv4": "routed" }, { subnets: [ipv4, ipv6] }))).toEqual([
      "ipv6",
    ]);
    expect(driver.hostPorts?.(networkView())).toEqual(["ipv4"]);
    expect(driver.hostPorts?.(networkView({}, { subnets: [ipv4, ipv6] }))).toEqual(["ipv4", "ipv6"]);
  });

  test.each<[OptionInput, boolean, string[]]>([
    [{}, false, ["ipv4", "ipv6"]],
    [{ "gateway-mode-ipv4": "isolated" }, true, ["ipv6"]],
    [{ "gateway-mode-ipv6": "isolated" }, true, ["ipv4"]],
    [{ "inhibit-ipv4": true }, true, ["ipv6"]],
    [{ "inhibit-ipv4": true }, false, ["ipv4", "ipv6"]],
  ])("with %j, internal %j, has gateways in %j", (options, internal, families) => {
    expect(driver.gateways?.(networkView(options, { internal }))).toEqual(families);
  });

  test.each([
    ["gateway-mode-ipv4", "bridge"],
    ["trusted-host-interfaces", ""],
    ["trusted-host-interfaces", "eth0,,eth1"],
    ["trusted-host-interfaces", "a b"],
    ["trusted-host-interfaces", "eth0:wg+"],
    ["trusted-host-interfaces", Array.from({ length: 13 }, (_, index) => `eth${index}`).join(":")],
    ["name", "a/b"],
    ["name", "sixteen-letters-"],
    ["mtu", "67"],
    ["mtu", "65536"],
    ["mtu", "0x500"],
    ["icc", "maybe"],
    ["host-address", "localhost"],
    ["snat-ipv4", "2001:db8::7"],
    ["snat-ipv6", "192.0.2.7"],
  ])("refuses %s=%s", (name, value) => {
    expect(() => parseOptions(driver.options, { [name]: value }, "driver")).toThrow(
      expect.objectContaining({ code: "OPTION_INVALID" }),
    );
  });
});
