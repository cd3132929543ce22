import { parseCidr, parseIp, type Claim, type LinkFacts, type OptionInput, type Resource } from "@netkit/core";
import { describe, expect, test } from "vitest";
import { driver, endpointView, eth0, ipv4, ipv6, networkView } from "./views.ts";

const parent = "eth0";

/** The host, with a link eth0 of that kind. */
function kind(name: string): { links: Record<string, LinkFacts> } {
  return { links: { eth0: { ...eth0, kind: name } } };
}

/** The hint of the error that a parent is refused with on a host that has other links. */
function hintOf(name: string, names: readonly string[]): string | undefined {
  try {
    driver.check?.(networkView({ parent: name }, { facts: { links: {}, names } }));
  } catch (error) {
    return (error as { hint: string }).hint;
  }
  return undefined;
}

/** What a network on eth0.50 asks for, where there is such a link or not. */
function onVlan(found?: Partial<LinkFacts>): readonly Resource[] {
  const links = found === undefined ? {} : { "eth0.50": { ...eth0, name: "eth0.50", kind: "vlan", ...found } };
  const view = networkView({ parent: "eth0.50" }, { facts: { links, names: ["eth0", ...Object.keys(links)] } });
  driver.check?.(view);
  return driver.network(view);
}

describe("a network", () => {
  test("on a parent asks for no more than that the parent is there", () => {
    expect(driver.network(networkView({ parent }))).toEqual([
      { kind: "link", ns: "host", ensure: "exists", name: "eth0" },
    ]);
  });

  test("without one has a link that drops what it is given, without addresses", () => {
    const subnets = [{ subnet: ipv4.subnet, auxiliary: {} }];
    expect(driver.network(networkView({ mtu: 9000 }, { subnets }))).toEqual([
      { kind: "ifb", ns: "host", name: "nkm0123456789", mtu: 9000 },
      { kind: "sysctl", ns: "host", path: "net/ipv6/conf/nkm0123456789/disable_ipv6", value: "1" },
    ]);
  });

  test("makes the VLAN that is named, unless somebody else has made it, and shares it with networks that asked for it", () => {
    const made = [
      { kind: "link", ns: "host", ensure: "exists", name: "eth0" },
      { kind: "vlan", ns: "host", name: "eth0.50", parent: "eth0", id: 50 },
      { kind: "sysctl", ns: "host", path: "net/ipv6/conf/eth0.50/disable_ipv6", value: "1" },
    ];
    expect(onVlan()).toEqual(made);
    expect(onVlan({ ours: true })).toEqual(made);
    const theirs = [{ kind: "link", ns: "host", ensure: "exists", name: "eth0.50" }];
    expect(onVlan({})).toEqual(theirs);
    // It may have such a name and be something else.
    expect(onVlan({ ours: true, kind: "bridge" })).toEqual(theirs);
  });

  test("has gateways where there is a way out", () => {
    expect(driver.gateways?.(networkView({ parent }))).toEqual(["ipv4", "ipv6"]);
    expect(driver.gateways?.(networkView({ parent }, { internal: true }))).toEqual([]);
    expect(driver.gateways?.(networkView({}))).toEqual([]);
  });

  test("asks for its parent and, for the error, for all links", () => {
    expect(driver.facts?.(networkView({ parent }))).toEqual([{ fact: "link", name: "eth0" }, { fact: "links" }]);
    expect(driver.facts?.(networkView({}))).toEqual([]);
  });

  test.each<[string, OptionInput, Claim[]]>([
    ["shares its parent", { parent }, [{ name: "parent", space: "parent", value: "eth0", shared: true }]],
    ["has it alone in passthru", { parent, mode: "passthru" }, [{ name: "parent", space: "parent", value: "eth0" }]],
    ["claims nothing without one", {}, []],
  ])("%s", (_, options, claims) => {
    expect(driver.claims?.(networkView(options))).toEqual(claims);
  });

  test("takes one endpoint in passthru, any number otherwise", () => {
    expect(driver.mostEndpoints?.(networkView({ parent, mode: "passthru" }))).toBe(1);
    for (const mode of ["bridge", "private", "vepa"])
      expect(driver.mostEndpoints?.(networkView({ parent, mode }))).toBeUndefined();
  });

  test("knows Docker's names of its options", () => {
    const options = { parent, macvlan_mode: "vepa", "com.docker.network.driver.mtu": "1400" };
    expect(networkView(options).options).toEqual({ parent, mode: "vepa", mtu: 1400, "host-access": false });
  });
});

describe("with host-access", () => {
  const options = { parent, "host-access": true };
  const subnets = [
    { ...ipv4, auxiliary: { host: parseIp("192.0.2.9") } },
    { ...ipv6, auxiliary: { host: parseIp("fd00:5::9") } },
  ];
  const name = "nkh0123456789";
  const arp = { kind: "sysctl", ns: "host", path: `net/ipv4/conf/${name}/arp_filter`, value: "1" };

  test("each subnet has an address for the host, which no sandbox gets", () => {
    expect(driver.auxiliary?.(networkView(options))).toEqual(["host"]);
    expect(driver.auxiliary?.(networkView({ parent }))).toEqual([]);
  });

  test("the host has an interface of its own on the parent, with those addresses", () => {
    expect(driver.network(networkView({ ...options, mtu: 1400 }, { subnets }))).toEqual([
      { kind: "link", ns: "host", ensure: "exists", name: "eth0" },
      { kind: "macvlan", ns: "host", name, parent: "eth0", mode: "bridge", mtu: 1400 },
      arp,
      { kind: "sysctl", ns: "host", path: `net/ipv6/conf/${name}/accept_ra`, value: "0" },
      { kind: "address", ns: "host", link: name, address: "192.0.2.9/32" },
      { kind: "address", ns: "host", link: name, address: "fd00:5::9/128" },
    ]);
    expect(driver.network(networkView(options, { subnets: subnets.slice(0, 1) })).slice(2)).toEqual([
      arp,
      { kind: "sysctl", ns: "host", path: `net/ipv6/conf/${name}/disable_ipv6`, value: "1" },
      { kind: "address", ns: "host", link: name, address: "192.0.2.9/32" },
    ]);
  });

  test("an endpoint has a route of the host's to each of its addresses, from the host's address of the same subnet", () => {
    const other = { subnet: parseCidr("198.51.100.0/24"), auxiliary: { host: parseIp("198.51.100.9") } };
    const view = endpointView(networkView(options, { subnets: [other, ...subnets] }), { defaultRoute: [] });
    expect(driver.endpoint(view).filter(({ ns }) => ns === "host")).toEqual([
      { kind: "route", ns: "host", destination: "198.51.100.2/32", link: name, source: "198.51.100.9" },
      { kind: "route", ns: "host", destination: "192.0.2.2/32", link: name, source: "192.0.2.9" },
      { kind: "route", ns: "host", destination: "fd00:5::2/128", link: name, source: "fd00:5::9" },
    ]);
  });

  test("is refused where host and sandboxes wouldn't meet", () => {
    for (const mode of ["private", "vepa", "passthru"])
      expect(() => driver.network(networkView({ ...options, mode }))).toThrow(`can't have host-access in mode ${mode}`);
    const alone = { internal: true, subnets: [] };
    expect(() => driver.network(networkView({ "host-access": true }, alone))).toThrow("no parent that the host is on");
  });
});

describe("refused is", () => {
  test("a parent that isn't there, with those that are; of many, some", () => {
    expect(hintOf("enp3s0", ["eth0", "eth1"])).toBe("This host has the links eth0, eth1.");
    expect(hintOf("eth2", ["eth0"])).toBe("Did you mean 'eth0'? This host has the links eth0.");
    expect(hintOf("eth0", [])).toBe("This host has no links.");
    const many = Array.from({ length: 30 }, (_, index) => `link-${index}`);
    expect(hintOf("enp3s0", many)).toMatch(/link-19, \.\.\.\.$/);
    for (const id of ["0", "4095", "9999"])
      expect(hintOf(`eth0.${id}`, ["eth0"])).toBe("A VLAN's number is 1 to 4094.");
    for (const id of ["1", "4094"]) expect(hintOf(`eth0.${id}`, ["eth0"])).toBeUndefined();
    expect(hintOf("eth0.50000", ["eth0"])).toBe("This host has the links eth0.");
    expect(hintOf("eth1.50", ["eth0"])).toBe("Did you mean 'eth0'? This host has the links eth0.");
  });

  test("a parent that is a macvlan itself, a larger MTU than the parent's, the loopback interface", () => {
    for (const name of ["macvlan", "macvtap"])
      expect(() => driver.check?.(networkView({ parent }, { facts: kind(name) }))).toThrow(`it is a ${name} itself`);
    expect(() => driver.check?.(networkView({ parent, mtu: 1501 }))).toThrow("its parent 'eth0' has 1500");
    expect(() => networkView({ parent: "lo" })).toThrow("loopback");
    expect(() => driver.check?.(networkView({ parent, mtu: 1500 }))).not.toThrow();
    expect(() => driver.check?.(networkView({ parent }, { facts: kind("bridge") }))).not.toThrow();
  });

  test("an MTU that IPv6 can't have", () => {
    expect(() => driver.network(networkView({ parent, mtu: 1279 }, { subnets: [ipv4, ipv6] }))).toThrow("1280");
    expect(() => driver.network(networkView({ parent, mtu: 1279 }))).not.toThrow();
  });

  test("what has no meaning without a parent: a gateway, unless nothing goes there, and passthru", () => {
    expect(() => driver.network(networkView({}))).toThrow("gateway 192.0.2.1");
    expect(() => driver.network(networkView({}, { internal: true }))).not.toThrow();
    expect(() => driver.network(networkView({ mode: "passthru" }, { subnets: [] }))).toThrow("passthru");
  });
});

describe("an endpoint", () => {
  const ns = "ab".repeat(32);

  test("is a macvlan in the sandbox with its addresses and the default routes that it carries", () => {
    const network = networkView({ parent, mode: "private", mtu: 1400 }, { subnets: [ipv4, ipv6] });
    expect(driver.endpoint(endpointView(network, { defaultRoute: ["ipv6"] }))).toEqual([
      { kind: "macvlan", ns, name: "eth0", parent: "eth0", mode: "private", mac: "02:6e:0a:00:01:02", mtu: 1400 },
      { kind: "sysctl", ns, path: "net/ipv6/conf/eth0/accept_ra", value: "0" },
      { kind: "address", ns, link: "eth0", address: "192.0.2.2/24" },
      { kind: "address", ns, link: "eth0", address: "fd00:5::2/64" },
      { kind: "route", ns, destination: "::/0", via: "fd00:5::1", link: "eth0" },
    ]);
  });

  test("without a parent lies on the network's own link", () => {
    const network = networkView({}, { subnets: [{ subnet: ipv4.subnet, auxiliary: {} }] });
    expect(driver.endpoint(endpointView(network, { defaultRoute: [] }))).toEqual([
      { kind: "macvlan", ns, name: "eth0", parent: "nkm0123456789", mode: "bridge", mac: "02:6e:0a:00:01:02" },
      { kind: "address", ns, link: "eth0", address: "192.0.2.2/24" },
    ]);
  });
});
