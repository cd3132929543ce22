// What the options of a bridge network mean on a real kernel, but for the gateway modes.
import { familyOf } from "@netkit/core";
import { describe, expect, test } from "vitest";
import { hostIpv4, hostIpv6, outsideIpv4, outsideIpv6, serve } from "../src/index.ts";
import { onOutsideHost, plain, settings } from "./outside-host.ts";
import { addressesOn, answer, defaultRoutes, isCutOff, linkOf, routeTo } from "./questions.ts";

const routed = { "gateway-mode-ipv4": "routed", "gateway-mode-ipv6": "routed" };

test("inhibit-ipv4: the gateway is somebody else's on the bridge", async () => {
  await onOutsideHost(plain, async ({ host, outside, netkit, open }) => {
    const options = { "inhibit-ipv4": "true", name: "br9" };
    await netkit.networks.create({ name: "n", subnets: [{ subnet: "10.9.0.0/24" }], options });
    const one = await open("n");
    expect(await addressesOn(host, "br9")).toEqual([]);
    expect(one.addresses).toEqual(["10.9.0.2"]);
    expect(await defaultRoutes(one.space)).toEqual(["10.9.0.1"]);
    await host.shell(`ip link add port0 type veth peer name lan0 netns ${host.name}-out
      ip link set port0 master br9 up`);
    await outside.shell("ip address add 10.9.0.1/24 dev lan0; ip link set lan0 up");
    await using _ = await serve(outside, 80);
    expect(await answer(one.space, outsideIpv4, 80)).toBe("10.9.0.2");
    await host.shell("ip link del port0");
  });
});

test("IPv6 alone: the outside, published ports, and no IPv4 anywhere", async () => {
  await onOutsideHost(plain, async ({ host, outside, netkit, open }) => {
    await netkit.networks.create({ name: "n", ipv4: false, ipv6: true, options: { name: "br9" } });
    const web = await open({ network: "n", publish: ["8080:80"] });
    await using _ = await serve(web.space, 80);
    await using beyond = await serve(outside);
    expect(web.addresses.map(familyOf)).toEqual(["ipv6"]);
    expect(await answer(web.space, outsideIpv6, beyond.port)).toBe(hostIpv6);
    expect(await answer(outside, hostIpv6, 8080)).toBe(outsideIpv6);
    expect(await answer(outside, hostIpv4, 8080)).toBe("refused");
    expect((await addressesOn(host, "br9")).filter((ip) => !ip.includes(":"))).toEqual([]);
    await expect(open({ network: "n", publish: ["0.0.0.0:81:81"] })).rejects.toMatchObject({ code: "UNSUPPORTED" });
  });
});

test("several subnets of a family: each has its gateway, its way out, and its neighbours in the others", async () => {
  await onOutsideHost(plain, async ({ host, outside, netkit, open }) => {
    const subnets = ["10.9.0.0/30", "10.9.1.0/30", "fd00:9::/126", "fd00:9:1::/126"].map((subnet) => ({ subnet }));
    await netkit.networks.create({ name: "n", subnets, options: { name: "br9" } });
    const one = await open({ network: "n", ip6: "fd00:9::2" });
    const two = await open({ network: "n", ip6: "fd00:9:1::2", publish: ["8080:80"] });
    expect([one.addresses, two.addresses]).toEqual([
      ["10.9.0.2", "fd00:9::2"],
      ["10.9.1.2", "fd00:9:1::2"],
    ]);
    expect((await addressesOn(host, "br9")).filter((ip) => !ip.startsWith("fe80:"))).toEqual(
      expect.arrayContaining(["10.9.0.1", "10.9.1.1", "fd00:9::1", "fd00:9:1::1"]),
    );
    expect(await defaultRoutes(two.space)).toEqual(["10.9.1.1", "fd00:9:1::1"]);
    await using _ = await serve(two.space, 80);
    await using beyond = await serve(outside);
    for (const { space } of [one, two]) {
      expect(await answer(space, outsideIpv4, beyond.port)).toBe(hostIpv4);
      expect(await answer(space, outsideIpv6, beyond.port)).toBe(hostIpv6);
    }
    expect(await answer(one.space, "10.9.1.2", 80)).toBe("10.9.0.2");
    expect(await answer(one.space, "fd00:9:1::2", 80)).toBe("fd00:9::2");
    expect(await answer(outside, hostIpv4, 8080)).toBe(outsideIpv4);
  });
});

test("snat-ipv4 and snat-ipv6: the outside sees that address", async () => {
  await onOutsideHost(plain, async ({ host, outside, netkit, open }) => {
    await host.shell("ip address add 203.0.113.77/24 dev up0; ip address add 2001:db8:99::77/64 dev up0 nodad");
    const options = { "snat-ipv4": "203.0.113.77", "snat-ipv6": "2001:db8:99::77" };
    await netkit.networks.create({ name: "n", ipv6: true, options });
    const one = await open("n");
    await using beyond = await serve(outside);
    expect(await answer(one.space, outsideIpv4, beyond.port)).toBe("203.0.113.77");
    expect(await answer(one.space, outsideIpv6, beyond.port)).toBe("2001:db8:99::77");
    await host.shell("ip address del 203.0.113.77/24 dev up0; ip address del 2001:db8:99::77/64 dev up0");
  });
});

test("the MTU is the uplink's, for the bridge and both ends of each pair", async () => {
  await onOutsideHost(plain, async ({ host, netkit, open }) => {
    await host.shell("ip link set up0 mtu 1410");
    await netkit.networks.create({ name: "n", options: { name: "br9" } });
    const one = await open("n");
    const ports = await host.ip<{ master?: string; mtu: number }>("link show");
    expect(ports.filter(({ master }) => master === "br9").map(({ mtu }) => mtu)).toEqual([1410]);
    expect([(await linkOf(host, "br9")).mtu, (await linkOf(one.space, "eth0")).mtu]).toEqual([1410, 1410]);
    await host.shell("ip link set up0 mtu 1500");
  });
});

test("host-address: ports that name no address are published there, in its family", async () => {
  await onOutsideHost(plain, async ({ host, outside, netkit, open }) => {
    for (const [name, address, port] of [
      ["loopback", "127.0.0.1", 8001],
      ["four", hostIpv4, 8002],
      ["six", hostIpv6, 8003],
      ["all", "0.0.0.0", 8004],
    ] as const) {
      await netkit.networks.create({ name, ipv6: true, options: { "host-address": address } });
      const web = await open({ network: name, publish: [`${port}:80`] });
      await using _ = await serve(web.space, 80);
      const answers = [
        await answer(host, "127.0.0.1", port),
        await answer(outside, hostIpv4, port),
        await answer(outside, hostIpv6, port),
      ].map((text) => text !== "refused");
      expect(answers, name).toEqual([
        name === "loopback" || name === "all",
        name === "four" || name === "all",
        name === "six" || name === "all",
      ]);
    }
  });
});

describe.each(settings)("$firewall, bridge-nf-call $bridgeNetfilter", (setting) => {
  test("without icc neighbours don't reach each other, directly or through the gateway; others do as ever", async () => {
    await onOutsideHost(setting, async (place) => {
      const { host, outside, netkit, open } = place;
      for (const [name, options] of [
        ["guarded", {}],
        ["routed", routed],
      ] as const) {
        const { subnets } = await netkit.networks.create({ name, ipv6: true, options: { ...options, icc: "false" } });
        await routeTo(place, name);
        const web = await open({ network: name, publish: name === "routed" ? ["80"] : ["8080:80"] });
        const neighbour = await open(name);
        await using _ = await serve(web.space, 80);
        for (const round of ["on the link", "by the gateway"]) {
          expect(await isCutOff(neighbour.space, web.addresses, 80), round).toBe(true);
          for (const [index, { gateway }] of subnets.entries()) {
            const address = web.addresses[index] ?? "";
            await neighbour.space.exec(["ip", "route", "replace", address, "via", gateway ?? ""]);
          }
        }
        for (const address of web.addresses) expect(await answer(host, address, 80)).not.toMatch(/refused|timeout/);
        const [target, port] = name === "routed" ? [web.addresses[0] ?? "", 80] : [hostIpv4, 8080];
        expect(await answer(outside, target, port)).toBe(outsideIpv4);
      }
    });
  });
});
