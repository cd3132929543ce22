// Routes that a network gives its sandboxes.
import type { Netkit, RouteInput } from "@netkit/engine";
import { describe, expect, test } from "vitest";
import { ping, serve, spaceOf, type Space } from "../src/index.ts";
import { TestHost } from "./host.ts";
import { onOutsideHost, plain, settings } from "./outside-host.ts";
import { answer, connectError } from "./questions.ts";

interface Row {
  readonly dst: string;
  readonly type: string;
  readonly gateway?: string;
  readonly metric?: number;
}

/** The destinations of all routes that netkit made in a sandbox, each with how it goes there. */
async function routesIn(space: Space): Promise<string[]> {
  const both = await Promise.all(
    ["-4", "-6"].map((family) => space.ip<Row>(`${family} route show table main proto 107`)),
  );
  return both
    .flat()
    .map(({ dst, type, gateway, metric = 0 }) => `${dst} ${gateway ?? type} ${metric}`)
    .toSorted();
}

/** Of each destination the gateway at the same place. */
function routesTo(destinations: readonly string[], gateways: readonly string[]): RouteInput[] {
  return destinations.map((destination, index) => ({ destination, gateway: gateways[index] ?? "" }));
}

/** The refusal of a route that names these objects, in this order. */
function refusal(...names: string[]): object {
  const message: unknown = expect.stringMatching(names.map((name) => `'${name}'`).join(".*"));
  return { code: "RESOURCE_CONFLICT", message };
}

const both = { near: ["10.9.0.0/24", "fd00:9::/64"], far: ["10.99.0.0/24", "fd00:99::/64"] };
const subnetsOf = (subnets: readonly string[]) => subnets.map((subnet) => ({ subnet }));

describe.each(settings)("$firewall, bridge-nf-call $bridgeNetfilter", (setting) => {
  test("a static route leads to the subnet behind a neighbour, IPv4 and IPv6, and goes with its network", async () => {
    await onOutsideHost(setting, async ({ netkit, open }) => {
      await netkit.networks.create({
        name: "near",
        subnets: subnetsOf(both.near),
        routes: routesTo(both.far, ["10.9.0.9", "fd00:9::9"]),
      });
      await netkit.networks.create({
        name: "far",
        subnets: subnetsOf(both.far),
        routes: routesTo(both.near, ["10.99.0.9", "fd00:99::9"]),
      });
      await netkit.networks.create({ name: "aside" });
      const router = await netkit.sandboxes.open({
        sysctls: { "net.ipv4.ip_forward": "1", "net.ipv6.conf.all.forwarding": "1" },
        networks: [
          { network: "near", ip: "10.9.0.9", ip6: "fd00:9::9" },
          { network: "far", ip: "10.99.0.9", ip6: "fd00:99::9" },
        ],
      });
      const [one, two] = [await open("near"), await open("far")];
      expect(await routesIn(spaceOf(router.netns ?? ""))).toEqual(["default 10.99.0.1 0", "default fd00:99::1 1024"]);
      await one.sandbox.connect("aside");
      await using _ = await serve(two.space, 80);
      for (const [index, address] of two.addresses.entries()) {
        expect(await answer(one.space, address, 80)).toBe(one.addresses[index]);
        expect(await ping(one.space, address)).toBe(true);
      }
      await one.sandbox.disconnect("near");
      expect(await routesIn(one.space)).toEqual([expect.stringMatching(/^default 172\S+ 0$/)]);
      await one.sandbox.connect("near");
      expect(await routesIn(one.space)).toContain("fd00:99::/64 fd00:9::9 1024");
      // Whoever is on both reaches each directly: a subnet goes before a route to it.
      await one.sandbox.connect("far");
      const [{ prefsrc } = { prefsrc: "" }] = await one.space.ip<{ prefsrc: string }>("route get 10.99.0.1");
      expect(prefsrc).toMatch(/^10\.99\.0\./);
    });
  });
});

test("blackhole, unreachable and prohibit give their errors in both families, and go on disconnect", async () => {
  await onOutsideHost(plain, async ({ netkit, open }) => {
    const routes: RouteInput[] = (["blackhole", "unreachable", "prohibit"] as const).flatMap((type, index) => [
      { destination: `10.99.${index}.0/24`, type },
      { destination: `fd00:99:0:${index}::/64`, type },
    ]);
    // Of one destination the lowest metric counts, and each goes by itself.
    routes.push({ destination: "fd00:99:0:3::/64", type: "blackhole", metric: 5 });
    routes.push({ destination: "fd00:99:0:3::/64", type: "unreachable" });
    await netkit.networks.create({ name: "n", ipv6: true, routes });
    const { space, sandbox } = await open("n");
    for (const [index, error] of ["EINVAL", "EHOSTUNREACH", "EACCES"].entries()) {
      expect(await connectError(space, `10.99.${index}.7`)).toBe(error);
      expect(await connectError(space, `fd00:99:0:${index}::7`)).toBe(error);
    }
    expect(await connectError(space, "fd00:99:0:3::7")).toBe("EINVAL");
    expect(await routesIn(space)).toEqual(
      [
        "10.99.0.0/24 blackhole 100",
        "10.99.1.0/24 unreachable 100",
        "10.99.2.0/24 prohibit 100",
        "fd00:99:0:1::/64 unreachable 1024",
        "fd00:99:0:2::/64 prohibit 1024",
        "fd00:99:0:3::/64 blackhole 5",
        "fd00:99:0:3::/64 unreachable 1024",
        "fd00:99::/64 blackhole 1024",
        expect.stringMatching(/^default 172/),
        expect.stringMatching(/^default fd/),
      ].toSorted((a, b) => (String(a) < String(b) ? -1 : 1)),
    );
    await sandbox.disconnect("n");
    expect(await routesIn(space)).toEqual([]);
  });
});

test("doctor misses routes that were deleted in a sandbox, and lays them again", async () => {
  await onOutsideHost(plain, async ({ netkit, open }) => {
    const routes: RouteInput[] = [
      { destination: "10.99.0.0/16", gateway: "10.9.0.9", metric: 7 },
      { destination: "192.0.2.0/24", type: "prohibit" },
    ];
    await netkit.networks.create({ name: "n", subnets: [{ subnet: "10.9.0.0/24" }], routes });
    const { space } = await open("n");
    const before = await routesIn(space);
    await space.shell("ip route del 10.99.0.0/16; ip route del prohibit 192.0.2.0/24");
    const { repaired } = await netkit.doctor({ repair: true });
    expect(repaired.map(({ problem, object }) => `${problem} ${object}`)).toEqual([
      "missing route 10.99.0.0/16 table 254 metric 7",
      "missing route 192.0.2.0/24 table 254 metric 100",
    ]);
    expect(await routesIn(space)).toEqual(before);
  });
});

test("a route by another network of the sandbox: while that is there, and not without", async () => {
  await onOutsideHost(plain, async ({ netkit }) => {
    const routes = routesTo(["10.99.0.0/24", "fd00:99::/64"], ["10.8.0.9", "fd00:8::9"]);
    await netkit.networks.create({
      name: "a",
      subnets: subnetsOf(["10.9.0.0/24", "fd00:9::/64"]),
      routes: routes.map((route) => ({ ...route, elsewhere: true })),
    });
    await netkit.networks.create({ name: "b", subnets: subnetsOf(["10.8.0.0/24", "fd00:8::/64"]) });
    await expect(netkit.sandboxes.open({ name: "alone", networks: ["a"] })).rejects.toMatchObject({
      code: "KERNEL",
      message: expect.stringContaining("route 10.99.0.0/24"),
    });
    const box = await netkit.sandboxes.open({
      networks: [
        { network: "a", publish: ["8080:80"] },
        { network: "b", gatewayPriority: 1 },
      ],
    });
    const space = spaceOf(box.netns ?? "");
    const there = ["10.99.0.0/24 10.8.0.9 100", "fd00:99::/64 fd00:8::9 1024"];
    expect(await routesIn(space)).toEqual(expect.arrayContaining(there));
    expect((await netkit.doctor()).findings).toEqual([]);
    await box.disconnect("b");
    expect((await routesIn(space)).filter((route) => !route.startsWith("default"))).toEqual([]);
    expect((await netkit.doctor()).findings).toEqual([]);
    await box.connect("b");
    await netkit.doctor({ repair: true });
    expect(await routesIn(space)).toEqual(expect.arrayContaining(there));
    await box.disconnect("a");
    expect((await routesIn(space)).filter((route) => !route.startsWith("default"))).toEqual([]);
  });
});

test("with IPv6 turned off, or in another subnet of the network, an endpoint has the routes that it can have", async () => {
  await onOutsideHost(plain, async ({ netkit, open }) => {
    const routes: RouteInput[] = [
      { destination: "10.99.0.0/16", gateway: "10.9.1.1" },
      { destination: "fd00:99::/64", gateway: "fd00:9::9" },
      { destination: "fd00:98::/64", type: "prohibit" },
    ];
    const subnets = subnetsOf(["10.9.0.0/29", "10.9.1.0/29", "fd00:9::/64"]);
    await netkit.networks.create({ name: "n", subnets, routes });
    const { space, addresses } = await open({
      network: "n",
      sysctls: { "net.ipv6.conf.IFNAME.disable_ipv6": "1" },
    });
    expect(addresses).toEqual(["10.9.0.2"]);
    expect(await routesIn(space)).toEqual(["10.99.0.0/16 10.9.1.1 100", "default 10.9.0.1 0"]);
  });
});

/** A host without an outside, and what is left checked. */
async function onHost(work: (netkit: Netkit) => Promise<void>): Promise<void> {
  await using host = new TestHost();
  const netkit = await host.open();
  await work(netkit);
  await host.empty(netkit);
  host.expectClean();
}

test("networks that contradict each other in a sandbox are refused by both names, and nothing changes", async () => {
  await onHost(async (netkit) => {
    const make = async (name: string, number: number, routes: RouteInput[]): Promise<unknown> =>
      await netkit.networks.create({ name, subnets: [{ subnet: `10.${number}.0.0/24` }], routes });
    await make("a", 11, [
      { destination: "10.99.0.0/16", gateway: "10.11.0.9" },
      { destination: "192.0.2.0/24", type: "blackhole" },
    ]);
    await make("b", 12, [{ destination: "10.99.0.0/16", gateway: "10.12.0.9" }]);
    await make("c", 13, [
      { destination: "10.99.0.0/16", gateway: "10.13.0.9", metric: 10 },
      { destination: "192.0.2.0/24", type: "blackhole" },
      { destination: "10.14.0.0/24", gateway: "10.13.0.9", metric: 0 },
    ]);
    await make("d", 14, []);
    const box = await netkit.sandboxes.open({ name: "box", networks: ["a"] });
    const space = spaceOf(box.netns ?? "");
    const before = await routesIn(space);
    await expect(box.connect("b")).rejects.toMatchObject(refusal("box", "b", "a"));
    await expect(netkit.sandboxes.open({ networks: ["a", "b"] })).rejects.toMatchObject({ code: "RESOURCE_CONFLICT" });
    expect(await routesIn(space)).toEqual(before);
    expect((await box.inspect()).endpoints).toHaveLength(1);
    // Another metric contradicts nothing, and the same refusal twice is one.
    await box.connect("c");
    expect(await routesIn(space)).toEqual(
      expect.arrayContaining(["10.99.0.0/16 10.11.0.9 100", "10.99.0.0/16 10.13.0.9 10"]),
    );
    await expect(box.connect("d")).rejects.toMatchObject(refusal("c", "box", "d"));
    await box.disconnect("a");
    expect(await routesIn(space)).toContain("192.0.2.0/24 blackhole 100");
    await box.disconnect("c");
    await box.connect("d");
    await expect(box.connect("c")).rejects.toMatchObject(refusal("c", "box", "d"));
    expect(await routesIn(space)).toEqual(["default 10.14.0.1 0"]);
    expect((await netkit.doctor()).findings).toEqual([]);
  });
});

test("problems of routes are reported with the others of the network, and networks without interfaces have none", async () => {
  await onHost(async (netkit) => {
    const request = { name: "n", subnets: [{ subnet: "10.9.0.1/24" }], options: { mtu: "big" } };
    const routes: RouteInput[] = [
      { destination: "10.99.0.1/16", gateway: "10.9.0.9" },
      { destination: "fd00:99::/64", type: "prohibit" },
    ];
    await expect(netkit.networks.create({ ...request, routes })).rejects.toMatchObject({
      message: expect.stringMatching(/mtu.*10\.9\.0\.1\/24.*10\.99\.0\.1\/16.*IPv6, which/),
    });
    for (const driver of ["host", "null"]) {
      await expect(netkit.networks.create({ name: "n", driver, routes })).rejects.toMatchObject({
        code: "UNSUPPORTED",
      });
    }
    expect((await netkit.networks.list()).filter(({ predefined }) => !predefined)).toEqual([]);
  });
});

test("what holds settings keeps routes for the networks made from it", async () => {
  await onHost(async (netkit) => {
    const routes: RouteInput[] = [{ destination: "10.99.0.0/16", gateway: "10.9.0.9" }];
    const subnets = [{ subnet: "10.9.0.0/24" }];
    await expect(netkit.networks.create({ name: "kept", configOnly: true, routes })).rejects.toMatchObject({
      code: "ROUTE_INVALID",
    });
    await netkit.networks.create({ name: "kept", configOnly: true, subnets, routes });
    await expect(netkit.networks.create({ name: "n", configFrom: "kept", routes })).rejects.toMatchObject({
      message: expect.stringContaining("its routes from 'kept'"),
    });
    expect(await netkit.networks.create({ name: "n", configFrom: "kept" })).toMatchObject({ routes });
    const box = await netkit.sandboxes.open({ networks: ["n"] });
    expect(await routesIn(spaceOf(box.netns ?? ""))).toContain("10.99.0.0/16 10.9.0.9 100");
    await box.close();
    await netkit.networks.remove("n");
    await netkit.networks.remove("kept");
  });
});

test("an adopted namespace is left without the routes of its networks", async () => {
  await onHost(async (netkit) => {
    const name = `nktest-${process.pid}`;
    const ip = spaceOf("/proc/self/ns/net");
    await ip.exec(["ip", "netns", "add", name]);
    const space = spaceOf(`/run/netns/${name}`);
    const before = await space.ip("route show table all");
    await netkit.networks.create({
      name: "n",
      ipv6: true,
      routes: [{ destination: "fd00:99::/64", type: "prohibit" }],
    });
    const box = await netkit.sandboxes.open({ netns: space.path, networks: ["n"] });
    expect(await routesIn(space)).toContain("fd00:99::/64 prohibit 1024");
    await box.close();
    expect(await routesIn(space)).toEqual([]);
    expect(await space.ip("route show table all")).toEqual(before);
    await ip.exec(["ip", "netns", "del", name]);
  });
});
