// An overlay network as its driver describes it, on two hosts that the handlers alone have made it on.
import { ipOf, parseCidr, parseIp, parseMac } from "@netkit/core";
import { describe, expect, test } from "vitest";
import { hostIpv4, hostIpv6, outsideIpv4, outsideIpv6, ping, reach, serve, type Space } from "../src/index.ts";
import { vtepAt, type OverlayHost, type OverlaySetting } from "./overlay-host.ts";
import { onOverlay } from "./overlay-hosts.ts";

const settings: readonly OverlaySetting[] = [
  { underlay: "ipv4", firewall: "nftables", bridgeNetfilter: true },
  { underlay: "ipv6", firewall: "nftables", bridgeNetfilter: false },
  { underlay: "ipv4", firewall: "iptables", bridgeNetfilter: true },
];

const plain: OverlaySetting = { underlay: "ipv4", firewall: "nftables", bridgeNetfilter: true };

/** A host's own addresses in the network. */
function ownOf({ view: { host } }: OverlayHost): string[] {
  return host?.addresses.map(ipOf) ?? [];
}

/** One echo request of that many bytes with its headers. Nobody may take it to pieces, or the sender does, as it knows the way. */
async function fits(space: Space, address: string, bytes: number, pieces: "do" | "dont" = "do"): Promise<boolean> {
  const size = bytes - (address.includes(":") ? 48 : 28);
  try {
    await space.exec(["ping", "-n", "-q", "-M", pieces, "-s", String(size), "-c", "1", "-W", "2", address]);
    return true;
  } catch {
    return false;
  }
}

/** The address that a server on port 80 of `address` sees `space` come from; undefined: no answer. */
async function seen(
  space: Space,
  address: string,
  port = 80,
  protocol: "tcp" | "udp" = "tcp",
): Promise<string | undefined> {
  return (await reach(space, { protocol, address, port })).source;
}

/** What conntrack follows to the port of the tunnels: where to. */
async function followed({ host }: OverlayHost): Promise<string[]> {
  const entries = await host.exec(["cat", "/proc/thread-self/net/nf_conntrack"]);
  const found = entries.matchAll(/udp .*? src=\S+ dst=(\S+) sport=\d+ dport=4789 .*src=/g);
  return [...found].map(([, destination = ""]) => destination).toSorted();
}

describe.each(settings)("over $underlay, with $firewall, bridge-nf-call $bridgeNetfilter", (setting) => {
  test("sandboxes and hosts reach each other with full packets, and nobody asks around", async () => {
    await onOverlay(setting, async ({ a, b, one, two }) => {
      const mtu = setting.underlay === "ipv4" ? 1450 : 1430;
      await using _ = await serve(two.space, 80);
      for (const [index, address] of two.addresses.entries()) {
        const before = await b.count("full");
        expect(await fits(one.space, address, mtu)).toBe(true);
        expect(await b.count("full")).toBe(before + 1);
        expect(await fits(one.space, address, mtu + 1)).toBe(false);
        expect(await fits(one.space, address, 4000, "dont")).toBe(true);
        expect(await seen(one.space, address)).toBe(one.addresses[index]);
        // The host itself, with the address that is its own alone, and back.
        expect(await seen(a.host, address)).toBe(ownOf(a)[index]);
        expect(await ping(two.space, ownOf(a)[index] ?? "")).toBe(true);
        expect(await ping(a.host, ownOf(b)[index] ?? "")).toBe(true);
        expect(await seen(b.host, address)).toBe(ownOf(b)[index]);
      }
      for (const host of [a, b]) {
        expect(await host.count("tunnels")).toBeGreaterThan(0);
        expect(await host.count("fragments")).toBe(0);
        expect(await host.count("asked")).toBe(0);
      }
    });
  });

  test("a host that is made by the plan's commands is the same, and reached again", async () => {
    await onOverlay(setting, async ({ a, one, two }) => {
      await a.replay();
      for (const address of one.addresses) expect(await ping(two.space, address)).toBe(true);
    });
  });

  test("a port is published on the sandbox's host, and the way out is by the sandbox's host", async () => {
    await onOverlay(setting, async ({ a, b, one, two }) => {
      if (a.host.outside === undefined || b.host.outside === undefined) throw new Error("the hosts have no outside");
      await using servers = new AsyncDisposableStack();
      for (const space of [one.space, b.host.outside]) servers.use(await serve(space, 80));
      expect(await seen(a.host.outside, hostIpv4, 8080)).toBe(outsideIpv4);
      expect(await seen(a.host.outside, hostIpv6, 8080)).toBe(outsideIpv6);
      expect(await seen(a.host, "127.0.0.1", 8080)).toBe(ownOf(a)[0]);
      expect(await seen(b.host.outside, hostIpv4, 8080)).toBeUndefined();
      // From a sandbox of the other host, too: out of the network there, and in again here.
      for (const family of ["ipv4", "ipv6"] as const)
        expect(await seen(two.space, vtepAt(family, 21), 8080)).toBe(vtepAt(family, 22));
      expect(await seen(two.space, outsideIpv4)).toBe(hostIpv4);
      expect(await seen(two.space, outsideIpv6)).toBe(hostIpv6);
    });
  });

  test("conntrack follows no tunnel, and all else that goes to the tunnels' port", async () => {
    await onOverlay(setting, async ({ a, b, one, two }) => {
      const { outside } = a.host;
      if (outside === undefined) throw new Error("the host has no outside");
      for (const address of two.addresses) expect(await ping(one.space, address)).toBe(true);
      for (const host of [a, b]) {
        expect(await host.count("tunnels")).toBeGreaterThan(0);
        expect(await followed(host)).toEqual([]);
      }
      const publisher = await a.sandbox(103, `${hostIpv4}:4789:4789/udp`);
      await using servers = new AsyncDisposableStack();
      for (const space of [publisher.space, outside]) servers.use(await serve(space, 4789));
      expect(await seen(outside, hostIpv4, 4789, "udp")).toBe(outsideIpv4);
      // iptables can't tell what will have the tunnel's own address: nothing of a sandbox's goes to that port.
      const closed = setting.firewall === "iptables" ? setting.underlay : undefined;
      const ways = [
        ["ipv4", outsideIpv4, hostIpv4],
        ["ipv6", outsideIpv6, hostIpv6],
      ] as const;
      for (const [family, to, from] of ways)
        expect(await seen(one.space, to, 4789, "udp")).toBe(family === closed ? undefined : from);
      const all = await followed(a);
      expect(all).toHaveLength(1 + ways.filter(([family]) => family !== closed).length);
      expect(all).toEqual(expect.arrayContaining([hostIpv4, ...(closed === "ipv4" ? [] : [outsideIpv4])]));
    });
  });
});

test("what nobody has, and what is for all, stays on its host", async () => {
  await onOverlay(plain, async ({ b, one }) => {
    const before = await b.count("tunnels");
    for (const address of ["10.0.1.200", "fd00:5::200"]) expect(await ping(one.space, address, 1)).toBe(false);
    await one.space.shell("ping -n -q -c 1 -W 1 -b 10.0.1.255 || true; ping -n -q -c 1 -W 1 ff02::1%eth0 || true");
    expect(await b.count("tunnels")).toBe(before);
  });
});

test("a tunnel of the same VNI is the network, one of another is nothing to it", async () => {
  await onOverlay(plain, async ({ a, one, stranger }) => {
    const mac = parseMac("02:6e:0a:00:01:c8");
    const dial = async (vni: number): Promise<void> => {
      await stranger.shell(
        `ip link add nosy address ${mac} type vxlan id ${vni} local 192.0.2.23 remote 192.0.2.21 dstport 4789
         ip address add 10.0.1.200/24 dev nosy
         ip link set nosy up`,
      );
    };
    await a.join([{ address: parseCidr("10.0.1.200/24"), mac, vtep: parseIp("192.0.2.23") }]);
    await dial(4096);
    expect(await ping(stranger, one.addresses[0] ?? "")).toBe(true);
    expect(await a.count("strange")).toBe(0);
    // It asks who has the address, as those do that learn: the counter would see it of a host of the network, too.
    expect(await a.count("asked")).toBeGreaterThan(0);
    await stranger.shell("ip link delete nosy");
    await dial(4097);
    expect(await ping(stranger, one.addresses[0] ?? "", 1)).toBe(false);
    expect(await a.count("strange")).toBeGreaterThan(0);
  });
});

test("without icc sandboxes reach their own host and the outside, and nobody else", async () => {
  // With bridge-nf-call the firewall would drop what a port lets through.
  await onOverlay({ ...plain, bridgeNetfilter: false, options: { icc: false } }, async ({ a, b, one, two }) => {
    if (a.host.outside === undefined) throw new Error("the host has no outside");
    for (const [index, address] of two.addresses.entries()) {
      expect(await ping(one.space, address, 1)).toBe(false);
      expect(await ping(b.host, address)).toBe(true);
      expect(await ping(one.space, ownOf(a)[index] ?? "")).toBe(true);
    }
    expect(await ping(one.space, outsideIpv4)).toBe(true);
  });
});

test("a peer that is gone is reached no more, and one that moved is where it is now", async () => {
  await onOverlay(plain, async ({ a, one, two }) => {
    const reached = async (): Promise<boolean[]> =>
      await Promise.all(
        [one.space, a.host].flatMap((from) => two.addresses.map(async (address) => await ping(from, address, 1))),
      );
    expect(await reached()).toEqual([true, true, true, true]);
    await a.part(two.peers);
    expect(await reached()).toEqual([false, false, false, false]);
    const elsewhere = two.peers.map((peer) => ({ ...peer, vtep: parseIp(vtepAt("ipv4", 23)) }));
    await a.join(elsewhere);
    expect(await reached()).toEqual([false, false, false, false]);
    await a.move(elsewhere, two.peers);
    expect(await reached()).toEqual([true, true, true, true]);
  });
});
