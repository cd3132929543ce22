// The gateway modes of bridge networks on a real kernel, beyond who reaches whom (access-matrix.netns.test.ts).
import { describe, expect, test } from "vitest";
import { hostIpv4, hostIpv6, outsideIpv4, outsideIpv6, ping, serve } from "../src/index.ts";
import { onOutsideHost, plain, settings } from "./outside-host.ts";
import { addressesOn, answer, defaultRoutes, isDropped, outsideFor, routeTo } from "./questions.ts";

const isolated = { "gateway-mode-ipv4": "isolated", "gateway-mode-ipv6": "isolated" };
const routed = { "gateway-mode-ipv4": "routed", "gateway-mode-ipv6": "routed" };

/** The end of a published port that is for some alone. */
const from = (...sources: string[]): string => sources.map((source) => `,from=${source}`).join("");

test("isolated: a bridge without addresses, the gateway's for sandboxes, no way but to neighbours", async () => {
  await onOutsideHost(plain, async ({ host, netkit, open }) => {
    const subnets = [{ subnet: "10.9.0.0/24" }, { subnet: "fd00:9::/64" }];
    await netkit.networks.create({ name: "n", subnets, internal: true, options: { ...isolated, name: "br9" } });
    const [one, two] = [await open("n"), await open("n")];
    expect(one.addresses).toEqual(["10.9.0.1", "fd00:9::1"]);
    expect(await addressesOn(host, "br9")).toEqual([]);
    expect(await defaultRoutes(one.space)).toEqual([]);
    await using _ = await serve(two.space, 80);
    for (const address of two.addresses) {
      expect(await answer(one.space, address, 80)).not.toMatch(/refused|timeout/);
      expect(await isDropped(host, address, 80)).toBe(true);
    }
  });
});

test("one family isolated, the other as usual", async () => {
  await onOutsideHost(plain, async ({ host, netkit, open }) => {
    const subnets = [{ subnet: "10.9.0.0/24" }, { subnet: "fd00:9::/64" }];
    const options = { "gateway-mode-ipv4": "isolated", name: "br9" };
    await netkit.networks.create({ name: "n", subnets, internal: true, options });
    const one = await open("n");
    expect(one.addresses).toEqual(["10.9.0.1", "fd00:9::2"]);
    expect((await addressesOn(host, "br9")).filter((ip) => !ip.startsWith("fe80:"))).toEqual(["fd00:9::1"]);
    expect(await ping(one.space, "fd00:9::1")).toBe(true);
  });
});

describe("a pair of addresses", () => {
  test.each([
    ["10.9.0.0/31", { "gateway-mode-ipv4": "isolated" }, ["10.9.0.0", "10.9.0.1"]],
    ["10.9.0.0/31", { "inhibit-ipv4": "true" }, ["10.9.0.0", "10.9.0.1"]],
    ["fd00:9::/127", { "gateway-mode-ipv6": "isolated" }, ["fd00:9::", "fd00:9::1"]],
  ])("%s with %j is two sandboxes", async (subnet, options, addresses) => {
    await onOutsideHost(plain, async ({ netkit, open }) => {
      const ipv4 = !subnet.includes(":");
      await netkit.networks.create({ name: "n", ipv4, subnets: [{ subnet }], internal: true, options });
      const [one, two] = [await open("n"), await open("n")];
      expect([...one.addresses, ...two.addresses]).toEqual(addresses);
      expect(await ping(one.space, addresses[1] ?? "")).toBe(true);
      await expect(open("n")).rejects.toMatchObject({ code: "POOL_EXHAUSTED" });
    });
  });

  test("has no room for a gateway", async () => {
    await onOutsideHost(plain, async ({ netkit }) => {
      const create = async (options: Record<string, string>, internal: boolean) =>
        await netkit.networks.create({ name: "n", subnets: [{ subnet: "10.9.0.0/31" }], internal, options });
      await expect(create({}, true)).rejects.toMatchObject({ code: "SUBNET_INVALID" });
      await expect(create({ "inhibit-ipv4": "true" }, false)).rejects.toMatchObject({ code: "SUBNET_INVALID" });
      await expect(create({ "gateway-mode-ipv4": "isolated" }, false)).rejects.toMatchObject({
        code: "OPTION_INVALID",
        hint: "Make it with --internal.",
      });
    });
  });
});

test("an existing bridge is routed without being touched", async () => {
  await onOutsideHost(plain, async (place) => {
    const { host, outside, netkit, open } = place;
    await host.shell("ip link add br7 type bridge; ip address add 10.9.0.1/24 dev br7; ip link set br7 up");
    const options = { name: "br7", "gateway-mode-ipv4": "routed" };
    await netkit.networks.create({ name: "n", subnets: [{ subnet: "10.9.0.0/24" }], options });
    const web = await open({ network: "n", publish: ["80"] });
    await routeTo(place, "n");
    await using _ = await serve(web.space, 80);
    expect(await answer(outside, "10.9.0.2", 80)).toBe(outsideIpv4);
    expect(await isDropped(outside, "10.9.0.2", 81)).toBe(true);
    await web.sandbox.close();
    await netkit.networks.remove("n");
    expect(await addressesOn(host, "br7")).toContain("10.9.0.1");
    await host.shell("ip link del br7");
  });
});

describe.each(settings)("$firewall, bridge-nf-call $bridgeNetfilter", (setting) => {
  test("routed: ports come and go at the sandbox's own address, and none of the host is taken", async () => {
    await onOutsideHost(setting, async (place) => {
      const { host, outside, netkit, open } = place;
      await netkit.networks.create({ name: "n", ipv6: true, options: routed });
      await routeTo(place, "n");
      await using own = await serve(host, 80);
      const web = await open({ network: "n", publish: ["80", "443:443", "90-91/udp"] });
      const twin = await open({ network: "n", publish: ["80"] });
      const [endpoint] = (await web.sandbox.inspect()).endpoints;
      expect(endpoint?.ports).toMatchObject([{ routed: true, hostPort: { first: 80, last: 80 } }, {}, {}]);
      await using servers = new AsyncDisposableStack();
      for (const { space } of [web, twin]) for (const port of [80, 81]) servers.use(await serve(space, port));
      for (const address of [...web.addresses, ...twin.addresses]) {
        expect(await answer(outside, address, 80)).toBe(outsideFor(address));
        expect(await isDropped(outside, address, 81)).toBe(true);
      }
      expect(await answer(outside, hostIpv4, own.port)).toBe(outsideIpv4);
      await web.sandbox.publish("n", ["81"]);
      for (const address of web.addresses) expect(await answer(outside, address, 81)).toBe(outsideFor(address));
      await web.sandbox.unpublish("n", ["80", "81"]);
      for (const address of web.addresses) {
        expect([await isDropped(outside, address, 80), await isDropped(outside, address, 81)]).toEqual([true, true]);
      }
    });
  });

  test("routed: a port for some sources is open to nobody else", async () => {
    await onOutsideHost(setting, async (place) => {
      const { outside, netkit, open } = place;
      await netkit.networks.create({ name: "n", ipv6: true, options: routed });
      await netkit.networks.create({ name: "m", ipv6: true });
      await routeTo(place, "n");
      const far = await open("m");
      const publish = [`80${from(outsideIpv4, outsideIpv6)}`, `81-82${from(...far.addresses)}`];
      const web = await open({ network: "n", publish });
      await using servers = new AsyncDisposableStack();
      for (const port of [80, 81]) servers.use(await serve(web.space, port));
      for (const address of web.addresses) {
        expect(await answer(outside, address, 80)).toBe(outsideFor(address));
        expect(await isDropped(far.space, address, 80)).toBe(true);
        expect(await answer(far.space, address, 81)).not.toMatch(/refused|timeout/);
        expect(await isDropped(outside, address, 81)).toBe(true);
      }
    });
  });

  test("IPv4 translated and IPv6 routed: each port of the host leads to the one, the other is open", async () => {
    await onOutsideHost(setting, async (place) => {
      const { outside, netkit, open } = place;
      await netkit.networks.create({ name: "n", ipv6: true, options: { "gateway-mode-ipv6": "routed" } });
      await routeTo(place, "n");
      const web = await open({ network: "n", publish: ["8080:80", "8081:80"] });
      await using _ = await serve(web.space, 80);
      const [four = "", six = ""] = web.addresses;
      const ports = (await web.sandbox.inspect()).endpoints[0]?.ports;
      expect(ports).toMatchObject([{ hostFamilies: ["ipv4"] }, { hostFamilies: ["ipv4"] }]);
      expect(await answer(outside, hostIpv4, 8080)).toBe(outsideIpv4);
      expect(await answer(outside, hostIpv4, 8081)).toBe(outsideIpv4);
      expect(await answer(outside, hostIpv6, 8080)).toBe("refused");
      expect(await isDropped(outside, four, 80)).toBe(true);
      expect(await answer(outside, six, 80)).toBe(outsideIpv6);
      // The port stays open for the other that leads to it.
      await web.sandbox.unpublish("n", ["8080:80"]);
      expect(await answer(outside, six, 80)).toBe(outsideIpv6);
    });
  });

  test("trusted-host-interfaces: published ports at the sandbox's address, from there alone", async () => {
    await onOutsideHost(setting, async (place) => {
      const { outside, netkit, open } = place;
      await netkit.networks.create({ name: "n", ipv6: true, options: { "trusted-host-interfaces": "lan7:up0" } });
      await netkit.networks.create({ name: "m", ipv6: true });
      await routeTo(place, "n");
      const elsewhere = from("192.0.2.0/24", "2001:db8:ffff::/48");
      const web = await open({ network: "n", publish: ["8080:80", "127.0.0.1:8081:81", `8082:82${elsewhere}`] });
      const far = await open("m");
      await using _ = await serve(web.space, 80);
      await using more = await serve(web.space, 81);
      await using kept = await serve(web.space, 82);
      for (const address of web.addresses) {
        expect(await answer(outside, address, 80)).not.toMatch(/refused|timeout/);
        expect(await isDropped(outside, address, more.port)).toBe(true);
        expect(await isDropped(outside, address, kept.port)).toBe(true);
        expect(await isDropped(far.space, address, 80)).toBe(true);
      }
    });
  });
});

test("where everybody is let in, a port isn't published for some sources alone, and nothing is left", async () => {
  await onOutsideHost(plain, async ({ netkit, open }) => {
    await netkit.networks.create({ name: "n", options: { "gateway-mode-ipv4": "nat-unprotected" } });
    await expect(open({ network: "n", publish: ["8080:80,from=192.0.2.0/24"] })).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringContaining("gateway-mode-ipv4=nat-unprotected"),
    });
    expect(await netkit.sandboxes.list()).toEqual([]);
  });
});

test("a routed network has no ports of the host", async () => {
  await onOutsideHost(plain, async ({ netkit, open }) => {
    await netkit.networks.create({ name: "n", options: routed });
    for (const publish of ["8080:80", "80-82:80", "127.0.0.1:80:80", "0.0.0.0::80"]) {
      await expect(open({ network: "n", publish: [publish] }), publish).rejects.toMatchObject({
        code: "PORT_INVALID",
        message: expect.stringMatching(/network 'n' is routed$/),
        hint: expect.stringContaining("80/tcp"),
      });
    }
    await expect(open({ network: "n", publish: ["80", "79-81"] })).rejects.toMatchObject({ code: "PORT_TAKEN" });
    expect(await netkit.sandboxes.list()).toEqual([]);
  });
});
