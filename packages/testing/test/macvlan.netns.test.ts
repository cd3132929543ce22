// Sandboxes on the wire of a link of the host: the outside is a host on that wire.
import { parseIp } from "@netkit/core";
import type { Netkit, NetworkRequest } from "@netkit/engine";
import { hasLinkKind, openNetlink } from "@netkit/netlink";
import { describe, expect, test } from "vitest";
import { hostIpv4, hostIpv6, outsideIpv4, outsideIpv6, ping, serve } from "../src/index.ts";
import { onOutsideHost, plain, type OutsideHost } from "./outside-host.ts";
import { answer, defaultRoutes, isCutOff, linkOf, outsideFor, serveIn } from "./questions.ts";

/** The subnets of the wire, where the host has an address, too, and the outside is the router. */
const lan = [
  { subnet: "203.0.113.0/24", gateway: outsideIpv4, range: "203.0.113.64/26" },
  { subnet: "2001:db8:99::/64", gateway: outsideIpv6, range: "2001:db8:99::40/122" },
];

async function create(netkit: Netkit, name: string, request: Omit<NetworkRequest, "name"> = {}): Promise<void> {
  const options = { parent: "up0", ...request.options };
  await netkit.networks.create({ name, driver: "macvlan", subnets: lan, ...request, options });
}

/** A network of the wire with a further subnet, which the outside has the gateway of. */
async function createSecond({ netkit, outside }: OutsideHost, options: NetworkRequest["options"] = {}): Promise<void> {
  await outside.exec(["ip", "address", "add", "198.51.100.1/24", "dev", "up0"]);
  await create(netkit, "second", { subnets: [{ subnet: "198.51.100.0/24" }], options });
}

/** The refusal of a parent that isn't there. */
const notFound = (hint: string): object => ({ code: "LINK_NOT_FOUND", hint });

/** The refusal of what needs a parent. */
function needsParent(word: string): object {
  const [message, hint]: unknown[] = [expect.stringContaining(word), expect.stringContaining("parent=LINK")];
  return { code: "OPTION_INVALID", message, hint };
}

/** The host's addresses on the network. */
async function hostAddresses(netkit: Netkit): Promise<string[]> {
  return (await netkit.networks.get("n")).subnets.flatMap(({ auxiliary }) => auxiliary["host"] ?? []);
}

interface WireLink {
  readonly address: string;
  readonly mtu: number;
  readonly flags: readonly string[];
}

function lacksVlans(): boolean {
  using socket = openNetlink();
  return !hasLinkKind(socket, "vlan");
}

describe("on the wire of a parent", () => {
  test("sandboxes reach each other, the router and what it leads to, with their own addresses; the host is left out", async () => {
    await onOutsideHost(plain, async ({ netkit, host, outside, open }) => {
      await create(netkit, "n");
      const [one, two] = [await open("n"), await open("n")];
      await using _ = await serveIn(two.space, outside, host);
      expect(one.addresses).toEqual(["203.0.113.64", "2001:db8:99::40"]);
      for (const [index, address] of two.addresses.entries()) {
        expect(await answer(one.space, address, 80)).toBe(one.addresses[index]);
        expect(await answer(one.space, outsideFor(address), 80)).toBe(one.addresses[index]);
        expect(await answer(outside, address, 80)).toBe(outsideFor(address));
      }
      expect(await isCutOff(host, two.addresses, 80)).toBe(true);
      expect(await isCutOff(one.space, [hostIpv4, hostIpv6].map(parseIp), 80)).toBe(true);
      expect(await defaultRoutes(one.space)).toEqual([outsideIpv4, outsideIpv6]);
      // The gateways are the router's: the host has none of them.
      expect((await linkOf(host, "up0")).addr_info.map(({ local }) => local)).not.toContain(outsideIpv4);
    });
  });

  test("sandboxes have an interface of the name that a link of the host has, too", async () => {
    await onOutsideHost(plain, async ({ netkit, host, outside, open }) => {
      await host.shell("ip link add eth0 type veth peer name eth9");
      await create(netkit, "n");
      const one = await open("n");
      expect(await ping(one.space, outsideIpv4)).toBe(true);
      expect((await linkOf(one.space, "eth0")).addr_info.map(({ local }) => local)).toContain("203.0.113.64");
      expect((await netkit.doctor()).findings).toEqual([]);
      expect(await ping(outside, "203.0.113.64")).toBe(true);
      await host.shell("ip link delete eth0");
    });
  });

  test.each(["private", "vepa"])("in mode %s they reach the outside, and not each other", async (mode) => {
    await onOutsideHost(plain, async ({ netkit, outside, open }) => {
      await create(netkit, "n", { options: { macvlan_mode: mode } });
      const [one, two] = [await open("n"), await open("n")];
      await using _ = await serveIn(two.space, outside);
      for (const [index, address] of two.addresses.entries()) {
        expect(await answer(one.space, outsideFor(address), 80)).toBe(one.addresses[index]);
        expect(await answer(outside, address, 80)).toBe(outsideFor(address));
      }
      expect(await isCutOff(one.space, two.addresses, 80)).toBe(true);
    });
  });

  test("in mode source they hear whose MAC is named to the kernel", async () => {
    await onOutsideHost(plain, async ({ netkit, outside, open }) => {
      await create(netkit, "n", { options: { macvlan_mode: "source" } });
      const one = await open("n");
      expect(await ping(one.space, outsideIpv4)).toBe(false);
      const { address } = await linkOf(outside, "up0");
      await one.space.shell(`ip neighbour flush dev eth0; ip link set eth0 type macvlan macaddr add ${address}`);
      expect(await ping(one.space, outsideIpv4)).toBe(true);
      expect((await netkit.doctor()).findings).toEqual([]);
    });
  });

  test("two networks share a parent, each with its subnet and its router", async () => {
    await onOutsideHost(plain, async (place) => {
      const { netkit, outside, open } = place;
      await create(netkit, "n");
      await createSecond(place, { mode: "private" });
      const [one, two] = [await open("n"), await open("second")];
      await using _ = await serve(outside, 80);
      expect(await answer(one.space, outsideIpv4, 80)).toBe(one.addresses[0]);
      expect(await answer(two.space, outsideIpv4, 80)).toBe(two.addresses[0]);
      expect(await defaultRoutes(two.space)).toEqual(["198.51.100.1"]);
      await netkit.sandboxes.remove(one.sandbox.id);
      await netkit.networks.remove("n");
      expect(await answer(two.space, outsideIpv4, 80)).toBe(two.addresses[0]);
    });
  });

  test("in mode passthru a network has its parent alone, and one sandbox, whose MAC the parent has meanwhile", async () => {
    await onOutsideHost(plain, async (place) => {
      const { netkit, host, outside, open } = place;
      const parent = async (): Promise<WireLink | undefined> => (await host.ip<WireLink>("link show dev up0"))[0];
      const before = await parent();
      await create(netkit, "n");
      const conflict = { code: "RESOURCE_CONFLICT", message: "parent up0 is in use by network 'n'" };
      await expect(createSecond(place, { mode: "passthru" })).rejects.toMatchObject(conflict);
      await netkit.networks.remove("n");
      await create(netkit, "n", { options: { mode: "passthru" } });
      await expect(create(netkit, "second", { subnets: [] })).rejects.toMatchObject(conflict);

      const { space, sandbox, addresses } = await open("n");
      await using _ = await serve(outside, 80);
      expect(await answer(space, outsideIpv4, 80)).toBe(addresses[0]);
      const [endpoint] = (await sandbox.inspect()).endpoints;
      expect(await parent()).toMatchObject({ address: endpoint?.mac });
      expect((await netkit.doctor()).findings).toEqual([]);
      const { name } = await sandbox.inspect();
      await expect(open("n")).rejects.toMatchObject({
        code: "POOL_EXHAUSTED",
        message: `network 'n' takes one sandbox, and has '${name}'`,
      });
      await sandbox.disconnect("n");
      expect(await parent()).toEqual(before);
      await sandbox.connect("n");
      expect(await ping(space, outsideIpv4)).toBe(true);
    });
  });

  test("a parent that is down is no hindrance: traffic flows when it is up, and again after it was down", async () => {
    await onOutsideHost(plain, async ({ netkit, host, outside, open }) => {
      await host.shell(`ip link add lan0 type veth peer name lan0 netns ${host.name}-out`);
      await outside.shell("ip address add 198.51.100.1/24 dev lan0; ip link set lan0 up");
      await create(netkit, "n", { subnets: [{ subnet: "198.51.100.0/24" }], options: { parent: "lan0" } });
      const { space, sandbox } = await open("n");
      expect(await ping(space, "198.51.100.1", 1)).toBe(false);
      for (const _ of [1, 2]) {
        await host.shell("ip link set lan0 up");
        await expect.poll(async () => await ping(space, "198.51.100.1", 1), { timeout: 10_000 }).toBe(true);
        expect((await netkit.doctor()).findings).toEqual([]);
        await host.shell("ip link set lan0 down");
        expect(await ping(space, "198.51.100.1", 1)).toBe(false);
      }
      await netkit.sandboxes.remove(sandbox.id);
      await netkit.networks.remove("n");
      const [left] = await host.ip<WireLink>("link show dev lan0");
      expect(left?.flags).not.toContain("UP");
      await host.shell("ip link delete lan0");
    });
  });

  test("of several subnets each has its router, and a sandbox with an address of the second takes that one", async () => {
    await onOutsideHost(plain, async ({ netkit, outside, open }) => {
      await outside.exec(["ip", "address", "add", "198.51.100.1/24", "dev", "up0"]);
      await create(netkit, "n", { subnets: [...lan, { subnet: "198.51.100.0/24" }] });
      const { space, addresses } = await open({
        network: "n",
        ip: "198.51.100.7",
        mac: "02:00:5e:10:00:07",
        ifName: "lan",
      });
      expect(addresses).toEqual(["198.51.100.7", "2001:db8:99::40"]);
      expect(await defaultRoutes(space)).toEqual(["198.51.100.1", outsideIpv6]);
      expect(await linkOf(space, "lan")).toMatchObject({ address: "02:00:5e:10:00:07" });
      await using _ = await serve(outside, 80);
      expect(await answer(space, outsideIpv4, 80)).toBe("198.51.100.7");
      expect(await answer(space, outsideIpv6, 80)).toBe("2001:db8:99::40");
    });
  });

  test("the interface may be called as the parent is", async () => {
    await onOutsideHost(plain, async ({ netkit, open }) => {
      await create(netkit, "n");
      const { space } = await open({ network: "n", ifName: "up0" });
      expect(await linkOf(space, "up0")).toMatchObject({ link_netnsid: expect.any(Number) });
      expect(await ping(space, outsideIpv4)).toBe(true);
    });
  });

  test("the MTU is the parent's, also when that changes, or a smaller one that was asked for", async () => {
    await onOutsideHost(plain, async (place) => {
      const { netkit, host, open } = place;
      await create(netkit, "n");
      await createSecond(place, { mtu: 1300 });
      await expect(create(netkit, "third", { subnets: [], options: { mtu: 9000 } })).rejects.toMatchObject({
        code: "OPTION_INVALID",
        message: expect.stringContaining("'up0' has 1500") as unknown,
      });
      const [one, two] = [await open("n"), await open("second")];
      const sizes = async (): Promise<number[]> =>
        await Promise.all([one, two].map(async ({ space }) => (await linkOf(space, "eth0")).mtu));
      expect(await sizes()).toEqual([1500, 1300]);
      await host.shell("ip link set up0 mtu 1400");
      expect(await sizes()).toEqual([1400, 1300]);
      expect((await netkit.doctor()).findings).toEqual([]);
      await host.shell("ip link set up0 mtu 1500");
    });
  });

  test("static routes go by way of the wire, and without a default route nothing else does", async () => {
    await onOutsideHost(plain, async ({ netkit, outside, open }) => {
      await outside.exec(["ip", "address", "add", "198.51.100.1/32", "dev", "lo"]);
      await create(netkit, "n", {
        routes: [{ destination: "198.51.100.0/24", gateway: outsideIpv4 }],
        options: { "no-default-route": true },
      });
      const { space } = await open("n");
      expect(await defaultRoutes(space)).toEqual([]);
      expect(await ping(space, "198.51.100.1")).toBe(true);
    });
  });

  test("--internal leaves the default route out, and no address is kept for a router", async () => {
    await onOutsideHost(plain, async ({ netkit, open }) => {
      await create(netkit, "n", { internal: true, subnets: [{ subnet: "203.0.113.0/24", range: "203.0.113.64/26" }] });
      expect((await netkit.networks.get("n")).subnets[0]).not.toHaveProperty("gateway");
      const { space } = await open("n");
      expect(await defaultRoutes(space)).toEqual([]);
      expect(await ping(space, outsideIpv4)).toBe(true);
    });
  });

  test("doctor finds an interface that was deleted, and makes it anew with all that was on it", async () => {
    await onOutsideHost(plain, async ({ netkit, open }) => {
      await create(netkit, "n");
      const { space } = await open("n");
      await space.shell("ip link delete eth0");
      const { repaired } = await netkit.doctor({ repair: true });
      expect(repaired.map(({ object }) => object)).toContain("macvlan eth0");
      expect(await ping(space, outsideIpv4)).toBe(true);
      expect(await defaultRoutes(space)).toEqual([outsideIpv4, outsideIpv6]);
    });
  });
});

describe("with host-access", () => {
  const options = { "host-access": true };

  test("host and sandboxes reach each other, and all else is as before", async () => {
    await onOutsideHost(plain, async ({ netkit, host, outside, open }) => {
      await create(netkit, "n", { options });
      const own = await hostAddresses(netkit);
      expect(own).toEqual(["203.0.113.64", "2001:db8:99::40"]);
      const [one, two] = [await open("n"), await open("n")];
      expect(one.addresses).toEqual(["203.0.113.65", "2001:db8:99::41"]);
      await using _ = await serveIn(one.space, two.space, host, outside);
      for (const [index, address] of two.addresses.entries()) {
        expect(await answer(host, address, 80)).toBe(own[index]);
        expect(await answer(one.space, own[index] ?? "", 80)).toBe(one.addresses[index]);
        expect(await ping(host, address)).toBe(true);
        expect(await ping(one.space, own[index] ?? "")).toBe(true);
        expect(await answer(one.space, address, 80)).toBe(one.addresses[index]);
        expect(await answer(one.space, outsideFor(address), 80)).toBe(one.addresses[index]);
        expect(await answer(host, outsideFor(address), 80)).toBe(index === 0 ? hostIpv4 : hostIpv6);
        expect(await answer(outside, index === 0 ? hostIpv4 : hostIpv6, 80)).toBe(outsideFor(address));
      }
      // By IPv4 at the host's address of the parent as well.
      expect(await answer(one.space, hostIpv4, 80)).toBe(one.addresses[0]);
    });
  });

  test("whoever else is on the wire is answered with the parent's MAC alone", async () => {
    await onOutsideHost(plain, async ({ netkit, host, outside, open }) => {
      await create(netkit, "n", { options });
      await open("n");
      const mac = (await host.ip<WireLink>("link show dev up0"))[0]?.address ?? "";
      const others = `arp operation reply ether saddr != ${mac} counter`;
      await outside.exec(["nft", `table arp t { chain c { type filter hook input priority 0; ${others};};}`]);
      for (const address of [hostIpv4, hostIpv6, ...(await hostAddresses(netkit)).slice(0, 1)]) {
        await outside.shell("ip neighbour flush dev up0");
        expect(await ping(outside, address)).toBe(true);
        const found = await outside.ip<{ lladdr: string }>(`neighbour show ${address}`);
        expect(found.map(({ lladdr }) => lladdr)).toEqual([mac]);
      }
      expect(await outside.exec(["nft", "list table arp t"])).toContain("counter packets 0 ");
    });
  });

  test("the host's address may be chosen, and no sandbox gets it", async () => {
    await onOutsideHost(plain, async ({ netkit, host, open }) => {
      const subnets = [{ ...lan[0], auxiliary: { host: "203.0.113.9" } }];
      await create(netkit, "n", { options, subnets });
      await expect(open({ network: "n", ip: "203.0.113.9" })).rejects.toMatchObject({ code: "ADDRESS_TAKEN" });
      const { space, addresses } = await open("n");
      await using _ = await serve(space, 80);
      expect(await answer(host, addresses[0] ?? "", 80)).toBe("203.0.113.9");
    });
  });

  test("of several subnets the host has an address each, and answers from the right one", async () => {
    await onOutsideHost(plain, async ({ netkit, host, open }) => {
      await create(netkit, "n", { options, subnets: [...lan, { subnet: "198.51.100.0/24" }] });
      const { space } = await open({ network: "n", ip: "198.51.100.7" });
      await using _ = await serve(space, 80);
      expect(await answer(host, "198.51.100.7", 80)).toBe("198.51.100.2");
    });
  });

  test("doctor finds the host's interface gone, and makes it anew with the routes to the sandboxes", async () => {
    await onOutsideHost(plain, async ({ netkit, host, open }) => {
      await create(netkit, "n", { options });
      const { addresses } = await open("n");
      await host.shell("ip link delete $(ip -o link show type macvlan | cut -d: -f2 | cut -d@ -f1)");
      await netkit.doctor({ repair: true });
      for (const address of addresses) expect(await ping(host, address)).toBe(true);
    });
  });

  test.each([
    ["in private", { parent: "up0", mode: "private" }, "mode private"],
    ["in vepa", { parent: "up0", mode: "vepa" }, "mode vepa"],
    ["in passthru", { parent: "up0", mode: "passthru" }, "mode passthru"],
    ["without a parent", {}, "no parent"],
  ])("is refused %s", async (_, other, word) => {
    await onOutsideHost(plain, async ({ netkit }) => {
      const message: unknown = expect.stringContaining(word);
      await expect(
        netkit.networks.create({ name: "n", driver: "macvlan", options: { ...other, ...options } }),
      ).rejects.toMatchObject({ code: "OPTION_INVALID", message });
    });
  });
});

test("a parent that isn't there is refused with the links that are", async () => {
  await onOutsideHost(plain, async ({ netkit }) => {
    for (const parent of ["up1", "up1.50"]) {
      await expect(create(netkit, "n", { options: { parent } })).rejects.toMatchObject(
        notFound("Did you mean 'up0'? This host has the links up0."),
      );
    }
    for (const parent of ["lo", "up0.4095"])
      await expect(create(netkit, "n", { options: { parent } })).rejects.toMatchObject({ code: "OPTION_INVALID" });
  });
});

describe("on a VLAN of the parent", () => {
  const options = { parent: "up0.50" };
  const subnets = [{ subnet: "198.51.100.0/24", gateway: "198.51.100.1" }];
  const router = `ip link add link up0 name up0.50 type vlan id 50
                  ip address add 198.51.100.1/24 dev up0.50; ip address add 192.0.2.1/24 dev up0.50; ip link set up0.50 up`;

  const lacking = lacksVlans();

  test.skipIf(lacking)(
    "netkit makes it, for the first network, and removes it with the last (needs vlan)",
    async () => {
      await onOutsideHost(plain, async ({ netkit, host, outside, open }) => {
        await outside.shell(router);
        await create(netkit, "n", { options, subnets });
        await create(netkit, "second", { options, subnets: [{ subnet: "192.0.2.0/24", gateway: "192.0.2.1" }] });
        expect(await linkOf(host, "up0.50")).toMatchObject({ linkinfo: { info_kind: "vlan", info_data: { id: 50 } } });
        const [one, two] = [await open("n"), await open("second")];
        await netkit.sandboxes.remove(one.sandbox.id);
        await netkit.networks.remove("n");
        expect(await ping(two.space, "192.0.2.1")).toBe(true);
        await host.shell("ip link delete up0.50");
        await netkit.doctor({ repair: true });
        expect(await ping(two.space, "192.0.2.1")).toBe(true);
        await netkit.sandboxes.remove(two.sandbox.id);
        await netkit.networks.remove("second");
        await expect(linkOf(host, "up0.50")).rejects.toThrow("up0.50");
        await outside.shell("ip link delete up0.50");
      });
    },
  );

  test.skipIf(lacking)("one that is there is used, and stays (needs vlan)", async () => {
    await onOutsideHost(plain, async ({ netkit, host, outside, open }) => {
      await outside.shell(router);
      await host.shell("ip link add link up0 name up0.50 type vlan id 50; ip link set up0.50 up");
      await create(netkit, "n", { options, subnets });
      const { space, sandbox } = await open("n");
      expect(await ping(space, "198.51.100.1")).toBe(true);
      await netkit.sandboxes.remove(sandbox.id);
      await netkit.networks.remove("n");
      await host.shell("ip link delete up0.50");
      await outside.shell("ip link delete up0.50");
    });
  });

  test("where the kernel has no VLANs it is refused with the module that has them, and nothing is left", async () => {
    await onOutsideHost(plain, async ({ netkit }) => {
      const refused: unknown = expect.objectContaining({
        code: "UNSUPPORTED",
        hint: expect.stringContaining("modprobe 8021q") as unknown,
      });
      const made = await create(netkit, "n", { options, subnets }).then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(made).toEqual(lacking ? refused : undefined);
    });
  });
});

test("a parent is known as netkit's own, or somebody else's", async () => {
  await onOutsideHost(plain, async ({ netkit }) => {
    await netkit.networks.create({ name: "b", options: { name: "br7" } });
    await create(netkit, "n");
    await create(netkit, "own", { subnets: [{ subnet: "198.51.100.0/24" }], options: { parent: "br7" } });
    const facts = async (name: string): Promise<object> => (await netkit.networks.get(name)).facts.links;
    expect(await facts("own")).toMatchObject({ br7: { kind: "bridge", ours: true } });
    expect(Object.values(await facts("n"))).toEqual([expect.not.objectContaining({ ours: true })]);
  });
});

test("the subnet of the parent is no overlap, that of another link is", async () => {
  await onOutsideHost(plain, async ({ netkit, host }) => {
    await host.shell("ip link add lan0 type veth peer name lan1; ip link set lan0 up");
    await expect(create(netkit, "n", { options: { parent: "lan0" } })).rejects.toMatchObject({
      code: "SUBNET_OVERLAP",
    });
    await host.shell("ip link delete lan0");
    await create(netkit, "n");
    expect((await netkit.doctor()).findings).toEqual([]);
    await expect(create(netkit, "second")).rejects.toMatchObject({ code: "SUBNET_OVERLAP" });
  });
});

describe("without a parent", () => {
  test("sandboxes reach each other alone, and go out by another network", async () => {
    await onOutsideHost(plain, async ({ netkit, host, outside, open }) => {
      await netkit.networks.create({ name: "alone", driver: "macvlan", ipv6: true });
      await netkit.networks.create({ name: "zz", subnets: [{ subnet: "10.9.0.0/24" }] });
      const [one, two] = [await open("alone"), await open("alone")];
      await using _ = await serveIn(two.space, host, outside);
      for (const [index, address] of two.addresses.entries())
        expect(await answer(one.space, address, 80)).toBe(one.addresses[index]);
      expect(await defaultRoutes(one.space)).toEqual([]);
      // A way of its own making leads nowhere.
      await one.space.shell("ip route add default dev eth0; ip -6 route add default dev eth0");
      expect(await isCutOff(one.space, [hostIpv4, hostIpv6].map(parseIp), 80)).toBe(true);
      expect(await isCutOff(one.space, [outsideIpv4, outsideIpv6].map(parseIp), 80)).toBe(true);
      await one.space.shell("ip route del default; ip -6 route del default");
      await one.sandbox.connect("zz");
      expect(await defaultRoutes(one.space)).toEqual(["10.9.0.1"]);
      expect(await ping(one.space, outsideIpv4)).toBe(true);
    });
  });

  test("a gateway is refused, and so is passthru", async () => {
    await onOutsideHost(plain, async ({ netkit }) => {
      const subnets = [{ subnet: "10.9.0.0/24", gateway: "10.9.0.1" }];
      await expect(netkit.networks.create({ name: "n", driver: "macvlan", subnets })).rejects.toMatchObject(
        needsParent("gateway 10.9.0.1"),
      );
      await expect(
        netkit.networks.create({ name: "n", driver: "macvlan", options: { mode: "passthru" } }),
      ).rejects.toMatchObject(needsParent("passthru"));
    });
  });
});
