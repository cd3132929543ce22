import { parseCidr, type Resource } from "@netkit/core";
import { describe, expect, test } from "vitest";
import { driver, endpointView, eth0, ipv4, networkView } from "./views.ts";

const parent = "eth0";
const ns = "ab".repeat(32);
const link: Resource = { kind: "link", ns: "host", ensure: "exists", name: "eth0" };

describe("a network", () => {
  test("on a parent asks for no more than that the parent is there", () => {
    for (const mode of ["l2", "l3", "l3s"]) expect(driver.network(networkView({ parent, mode }))).toEqual([link]);
  });

  test("on a VLAN that isn't there makes it", () => {
    const view = networkView({ parent: "eth0.50" });
    driver.check?.(view);
    expect(driver.network(view)).toEqual([
      link,
      { kind: "vlan", ns: "host", name: "eth0.50", parent: "eth0", id: 50 },
      { kind: "sysctl", ns: "host", path: "net/ipv6/conf/eth0.50/disable_ipv6", value: "1" },
    ]);
  });

  test("without a parent has a link that drops what it is given, and no way out", () => {
    const view = networkView({ mode: "l3" }, { subnets: [{ subnet: ipv4.subnet, auxiliary: {} }] });
    expect(driver.network(view)).toEqual([
      { kind: "ifb", ns: "host", name: "nkm0123456789" },
      { kind: "sysctl", ns: "host", path: "net/ipv6/conf/nkm0123456789/disable_ipv6", value: "1" },
    ]);
    expect(driver.defaultByLink?.(view)).toBe(false);
    expect(driver.gateways?.(view)).toEqual([]);
    expect(() => driver.network(networkView({}))).toThrow("no parent that leads there");
  });

  test("has gateways on the wire of a parent, and none where the parent routes", () => {
    expect(driver.gateways?.(networkView({ parent }))).toEqual(["ipv4", "ipv6"]);
    expect(driver.gateways?.(networkView({ parent }, { internal: true }))).toEqual([]);
    expect(driver.defaultByLink?.(networkView({ parent }))).toBe(false);
    for (const mode of ["l3", "l3s"]) {
      expect(driver.gateways?.(networkView({ parent, mode }))).toEqual([]);
      expect(driver.defaultByLink?.(networkView({ parent, mode }))).toBe(true);
    }
  });

  test("has its parent alone", () => {
    expect(driver.claims?.(networkView({ parent }))).toEqual([{ name: "parent", space: "parent", value: "eth0" }]);
    expect(driver.claims?.(networkView({}))).toEqual([]);
  });

  test("knows Docker's names of its options", () => {
    const options = { parent, ipvlan_mode: "l3s", ipvlan_flag: "vepa", "com.docker.network.driver.mtu": "1400" };
    expect(networkView(options).options).toEqual({ parent, mode: "l3s", flag: "vepa", mtu: 1400 });
    expect(networkView({}).options).toEqual({ mode: "l2", flag: "bridge" });
  });

  test("refuses a parent that is an ipvlan itself", () => {
    const facts = { links: { eth0: { ...eth0, kind: "ipvlan" } } };
    expect(() => driver.check?.(networkView({ parent }, { facts }))).toThrow("it is an ipvlan itself");
    expect(() => driver.check?.(networkView({ parent }))).not.toThrow();
  });
});

describe("an endpoint", () => {
  const inside: Resource[] = [
    { kind: "sysctl", ns: endpointView(networkView({})).namespace, path: "net/ipv6/conf/eth0/accept_ra", value: "0" },
    ...["192.0.2.2/24", "fd00:5::2/64"].map((address): Resource => ({
      kind: "address",
      ns: endpointView(networkView({})).namespace,
      link: "eth0",
      address: parseCidr(address),
    })),
  ];

  test("on the wire has default routes by way of the gateways, and no MAC", () => {
    const view = endpointView(networkView({ parent, flag: "private", mtu: 1400 }));
    expect(driver.endpoint(view)).toEqual([
      { kind: "ipvlan", ns, name: "eth0", parent: "eth0", mode: "l2", flag: "private", mtu: 1400 },
      ...inside,
      { kind: "route", ns, destination: "0.0.0.0/0", via: "192.0.2.1", link: "eth0" },
      { kind: "route", ns, destination: "::/0", via: "fd00:5::1", link: "eth0" },
    ]);
  });

  test.each(["l3", "l3s"])("in mode %s has default routes by the link, whatever gateway was given", (mode) => {
    expect(driver.endpoint(endpointView(networkView({ parent, mode })))).toEqual([
      { kind: "ipvlan", ns, name: "eth0", parent: "eth0", mode, flag: "bridge" },
      ...inside,
      { kind: "route", ns, destination: "0.0.0.0/0", link: "eth0" },
      { kind: "route", ns, destination: "::/0", link: "eth0" },
    ]);
  });

  test("has no default route that isn't its to have", () => {
    for (const mode of ["l2", "l3"]) {
      const view = endpointView(networkView({ parent, mode }), { defaultRoute: [] });
      expect(driver.endpoint(view).filter(({ kind }) => kind === "route")).toEqual([]);
    }
  });

  test("without a parent lies on the network's own link", () => {
    const view = endpointView(networkView({ mode: "l3" }), { defaultRoute: [] });
    expect(driver.endpoint(view)[0]).toMatchObject({ kind: "ipvlan", parent: "nkm0123456789", mode: "l3" });
  });
});
