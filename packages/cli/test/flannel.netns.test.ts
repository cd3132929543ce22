import { existsSync, readFileSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { ipOf, type Cidr, type Network } from "@netkit/core";
import type { NetworkRequest } from "@netkit/engine";
import { etcdPrograms } from "@netkit/testing";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { configure, FlannelPeer, flannelctl, idleLeases, leasesOf, ttlOf } from "./flannel-peer.ts";
import { onSharingHosts, serverAddress, type Segment, type SharingHost } from "./sharing-hosts.ts";

const vxlan = { Network: "10.5.0.0/16", Backend: { Type: "vxlan" } };
const patience = { timeout: 10_000, interval: 20 };

function requestOn(host: SharingHost, options: Readonly<Record<string, string>> = {}): NetworkRequest {
  return {
    name: "f",
    driver: "flannel",
    options: {
      store: `etcd://${serverAddress}:2379/?timeout-ms=1000`,
      iface: "up0",
      // One file system for all hosts.
      "subnet-file": fileOf(host),
      ...options,
    },
  };
}

let tests = 0;

function fileOf(host: SharingHost): string {
  return `/run/flannel/${process.pid}-${tests}-${host.name}/subnet.env`;
}

function subnetOf({ subnets }: Pick<Network, "subnets">): string {
  return subnets[0]?.subnet ?? "";
}

async function open(host: SharingHost, name: string): Promise<string[]> {
  const [endpoint] = await host.call("open", { name, networks: ["f"] });
  return (endpoint?.addresses ?? []).map(({ address }) => ipOf(address));
}

async function reaches(from: SharingHost, sandbox: string, to: string): Promise<boolean> {
  return (await from.call("attempt", sandbox, `ping -n -c1 -W2 ${to}`)) !== undefined;
}

/** Runs `work` on so many hosts with flannel's etcd; each host's network is gone at the end, and no lease is left that is of nothing. */
async function onFlannel(
  count: number,
  config: unknown,
  work: (segment: Segment, hosts: readonly SharingHost[]) => Promise<void>,
  options: Pick<NonNullable<Parameters<typeof onSharingHosts>[2]>, "flannelTimes"> = {},
): Promise<void> {
  tests += 1;
  await onSharingHosts(
    count,
    async (segment) => {
      // One that fails leaves it.
      for (const host of segment.hosts)
        onTestFinished(() => rmSync(dirname(fileOf(host)), { recursive: true, force: true }));
      if (config !== undefined) await configure(segment, config);
      await work(segment, segment.hosts);
      for (const host of segment.hosts) expect(existsSync(fileOf(host))).toBe(false);
      await vi.waitFor(async () => expect(await idleLeases(segment)).toEqual([]), patience);
    },
    { store: "etcd", ...options },
  );
}

describe.skipIf(etcdPrograms === undefined)("a flannel network", () => {
  test("is one with hosts of flanneld and of netkit alike, over VXLAN, and writes what flanneld does", async () => {
    await onFlannel(2, vxlan, async (segment, [a, b]) => {
      if (a === undefined || b === undefined) return;
      await using peer = await FlannelPeer.start(segment, { number: 52, publicIp: "192.0.2.100", backend: "vxlan" });
      const network = await a.call("create", requestOn(a));
      const subnet = subnetOf(network);
      expect(subnet).toMatch(/^10\.5\.\d+\.0\/24$/);
      const key = subnet.replace("/", "-");
      const mac = `02:66:${network.id.slice(0, 8).replaceAll(/(..)(?=.)/g, "$1:")}`;
      const value = `{"PublicIP":"192.0.2.1","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"${mac}"}}`;
      expect(await leasesOf(segment)).toEqual({ [key]: value, [peer.key]: peer.value });
      expect(await ttlOf(segment, key)).toBeGreaterThan(86_300);
      expect(readFileSync(fileOf(a), "utf8")).toBe(
        `FLANNEL_NETWORK=10.5.0.0/16\nFLANNEL_SUBNET=${subnet.replace(".0/", ".1/")}\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n`,
      );
      await peer.learn(key, value);
      const [x = ""] = await open(a, "x");
      expect(await reaches(a, "x", peer.pod)).toBe(true);
      expect(await peer.reaches(x)).toBe(true);
      // The host itself, too, by the base address of its subnet.
      await a.host.exec(["ping", "-n", "-c1", "-W2", peer.pod]);
      expect(await peer.reaches(ipOf(subnet as Cidr))).toBe(true);

      const other = subnetOf(await b.call("create", requestOn(b)));
      const [y = ""] = await open(b, "y");
      await vi.waitFor(async () => expect(await a.host.ip(`route show ${other}`)).toHaveLength(1), patience);
      expect(await reaches(a, "x", y)).toBe(true);
      expect(await reaches(b, "y", x)).toBe(true);
      // As much as a tunnel takes.
      expect(await b.call("attempt", "y", `ping -n -c1 -s 1422 -M do -W2 ${x}`)).toContain("1430 bytes");

      await a.host.shell(`ip route del ${other}; ip neigh del ${peer.base} dev flannel.1; ip link del flannel.1`);
      expect(await a.call("findings", true)).not.toEqual([]);
      expect(await a.call("findings")).toEqual([]);
      expect(await peer.reaches(x)).toBe(true);

      for (const [host, sandbox] of [[a, "x"] as const, [b, "y"] as const]) {
        await host.call("remove", sandbox);
        await host.call("removeNetwork", "f");
      }
      expect(await leasesOf(segment)).toEqual({ [peer.key]: peer.value });
    });
  });

  test("of both families has a tunnel for each", async () => {
    const dual = { ...vxlan, EnableIPv6: true, IPv6Network: "fd00:5::/48" };
    await onFlannel(1, dual, async (segment, [a]) => {
      if (a === undefined) return;
      await a.host.shell("ip -6 address add 2001:db8:1::1/64 dev up0 nodad");
      await using peer = await FlannelPeer.start(segment, {
        number: 52,
        publicIp: "192.0.2.100",
        backend: "vxlan",
        ipv6: { publicIp: "2001:db8:1::100" },
      });
      const { id, subnets } = await a.call("create", requestOn(a));
      const key = subnets.map(({ subnet }) => subnet.replace("/", "-")).join("&");
      expect(key).toMatch(/^10\.5\.\d+\.0-24&fd00:5:0:[0-9a-f]+::-64$/);
      const mac = id.slice(0, 8).replaceAll(/(..)(?=.)/g, "$1:");
      const value = `{"PublicIP":"192.0.2.1","PublicIPv6":"2001:db8:1::1","BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"02:66:${mac}"},"BackendV6Data":{"VNI":1,"VtepMAC":"02:67:${mac}"}}`;
      expect(await leasesOf(segment)).toEqual({ [key]: value, [peer.key]: peer.value });
      await peer.learn(key, value);
      const addresses = await open(a, "x");
      expect(addresses).toHaveLength(2);
      for (const pod of [peer.pod, peer.pod6]) expect(await reaches(a, "x", pod)).toBe(true);
      for (const address of addresses) expect(await peer.reaches(address)).toBe(true);
      await a.call("remove", "x");
      await a.call("removeNetwork", "f");
      await a.host.shell("ip -6 address del 2001:db8:1::1/64 dev up0");
    });
  });

  test("with host-gw is plain routes, to hosts on the link alone", async () => {
    await onFlannel(2, { Network: "10.5.0.0/16", Backend: { Type: "host-gw" } }, async (segment, [a, b]) => {
      if (a === undefined || b === undefined) return;
      await using peer = await FlannelPeer.start(segment, { number: 52, publicIp: "192.0.2.100", backend: "host-gw" });
      const subnet = subnetOf(await a.call("create", requestOn(a)));
      const key = subnet.replace("/", "-");
      const value = '{"PublicIP":"192.0.2.1","PublicIPv6":null,"BackendType":"host-gw"}';
      expect(await leasesOf(segment)).toEqual({ [key]: value, [peer.key]: peer.value });
      await peer.learn(key, value);
      const [x = ""] = await open(a, "x");
      expect(await reaches(a, "x", peer.pod)).toBe(true);
      expect(await peer.reaches(x)).toBe(true);
      const other = subnetOf(await b.call("create", requestOn(b)));
      await vi.waitFor(async () => expect(await a.host.ip(`route show ${other}`)).toHaveLength(1), patience);
      expect(await a.host.ip(`route show ${other}`)).toMatchObject([{ gateway: "192.0.2.2", dev: "up0" }]);
      const [y = ""] = await open(b, "y");
      expect(await reaches(a, "x", y)).toBe(true);
      // The hosts themselves, too, by the addresses that they have; others on the link don't.
      expect(await peer.reaches(x, "host")).toBe(true);
      await a.host.exec(["ping", "-n", "-c1", "-W2", y]);
      await b.host.exec(["ping", "-n", "-c1", "-W2", x]);
      await segment.wire.shell(`ip route add ${subnet} via 192.0.2.1`);
      await expect(segment.wire.exec(["ping", "-n", "-c1", "-W1", x])).rejects.toThrow("ping");
      await segment.wire.shell(`ip route delete ${subnet}`);
      await peer.withdraw();
      await vi.waitFor(async () => expect(await peer.reaches(x, "host")).toBe(false), patience);
      await peer.publish();
      await vi.waitFor(async () => expect(await peer.reaches(x, "host")).toBe(true), patience);

      await using far = await FlannelPeer.start(segment, {
        number: 53,
        publicIp: "198.51.100.7",
        backend: "host-gw",
        isFar: true,
      });
      const passedOver = `subnets/${far.key} is passed over: 198.51.100.7 isn't on this host's link`;
      await vi.waitFor(async () => expect((await a.call("complaints")).join()).toContain(passedOver), patience);
      expect(await a.host.ip("route show 10.5.53.0/24")).toEqual([]);
      await b.call("complaints");
      for (const [host, sandbox] of [[a, "x"] as const, [b, "y"] as const]) {
        await host.call("remove", sandbox);
        await host.call("removeNetwork", "f");
        await host.call("complaints");
      }
    });
  });

  test("with DirectRouting goes by the link to hosts that are on it, and through tunnels to the others", async () => {
    const direct = { Network: "10.5.0.0/16", Backend: { Type: "vxlan", DirectRouting: true } };
    await onFlannel(1, direct, async (segment, [a]) => {
      if (a === undefined) return;
      await a.host.shell(`ip route add 198.51.100.0/24 via ${serverAddress}`);
      await using near = await FlannelPeer.start(segment, { number: 52, publicIp: "192.0.2.100", backend: "vxlan" });
      await using far = await FlannelPeer.start(segment, {
        number: 53,
        publicIp: "198.51.100.7",
        backend: "vxlan",
        isFar: true,
      });
      const subnet = subnetOf(await a.call("create", requestOn(a)));
      const key = subnet.replace("/", "-");
      const value = (await leasesOf(segment))[key] ?? "";
      await near.learn(key, value, { direct: true });
      await far.learn(key, value);
      expect(await a.host.ip("route show 10.5.52.0/24")).toMatchObject([{ gateway: "192.0.2.100", dev: "up0" }]);
      expect(await a.host.ip("route show 10.5.53.0/24")).toMatchObject([{ gateway: "10.5.53.0", dev: "flannel.1" }]);
      const [x = ""] = await open(a, "x");
      for (const peer of [near, far]) {
        expect(await reaches(a, "x", peer.pod)).toBe(true);
        expect(await peer.reaches(x)).toBe(true);
        expect(await peer.reaches(x, "host")).toBe(true);
      }
      await a.call("remove", "x");
      await a.call("removeNetwork", "f");
      await a.host.shell(`ip route del 198.51.100.0/24 via ${serverAddress}`);
    });
  });

  test("forgets a host whose lease ends, and learns of it again; what is reserved stays", async () => {
    await onFlannel(1, vxlan, async (segment, [a]) => {
      if (a === undefined) return;
      const reserved = { number: 51, publicIp: "192.0.2.99", backend: "vxlan", ttlS: 0 } as const;
      await using stays = await FlannelPeer.start(segment, reserved);
      const brief = { number: 52, publicIp: "192.0.2.100", backend: "vxlan", ttlS: 3 } as const;
      await using peer = await FlannelPeer.start(segment, brief);
      await a.call("create", requestOn(a));
      const held = async (): Promise<number[]> => {
        const [routes, neighbours] = await Promise.all(
          ["route show", "neigh show"].map((what) => a.host.ip(`${what} dev flannel.1`)),
        );
        const fdb = JSON.parse(await a.host.exec(["bridge", "-j", "fdb", "show", "dev", "flannel.1"])) as unknown[];
        return [routes?.length ?? 0, neighbours?.length ?? 0, fdb.length];
      };
      expect(await held()).toEqual([2, 2, 2]);
      await vi.waitFor(async () => expect(await held()).toEqual([1, 1, 1]), patience);
      expect(await a.host.ip(`route show 10.5.51.0/24`)).toHaveLength(1);
      await peer.publish();
      await vi.waitFor(async () => expect(await held()).toEqual([2, 2, 2]), patience);
      expect(await ttlOf(segment, stays.key)).toBeUndefined();
      await a.call("removeNetwork", "f");
    });
  });

  test("passes over what isn't a host of it, and takes in the others", async () => {
    await onFlannel(1, vxlan, async (segment, [a]) => {
      if (a === undefined) return;
      const own = subnetOf(await a.call("create", requestOn(a)));
      // Its own subnet is any of them.
      const [near = 0, late = 0, broken = 0, direct = 0] = [52, 53, 60, 61, 62].filter((n) => own !== `10.5.${n}.0/24`);
      const put = async (key: string, value: string): Promise<void> =>
        void (await flannelctl(segment, "put", `/coreos.com/network/subnets/${key}`, value));
      const data = '"BackendData":{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}';
      await put(`10.5.${broken}.0-24`, "garbage");
      await put("10.9.0.0-24", `{"PublicIP":"192.0.2.90","PublicIPv6":null,"BackendType":"vxlan",${data}}`);
      await put("0.0.0.0-0", `{"PublicIP":"192.0.2.91","PublicIPv6":null,"BackendType":"vxlan",${data}}`);
      await put(`10.5.${direct}.0-24`, '{"PublicIP":"192.0.2.92","PublicIPv6":null,"BackendType":"host-gw"}');
      await put("nodes", "{}");
      await using _ = await FlannelPeer.start(segment, { number: near, publicIp: "192.0.2.100", backend: "vxlan" });
      await vi.waitFor(async () => expect(await a.host.ip(`route show 10.5.${near}.0/24`)).toHaveLength(1), patience);
      expect(await a.host.ip("route show dev flannel.1")).toHaveLength(1);
      expect((await a.call("complaints")).toSorted()).toEqual([
        expect.stringContaining("subnets/0.0.0.0-0 is passed over: it overlaps this host's own 10.5."),
        expect.stringContaining(`subnets/10.5.${direct}.0-24 is passed over: it is of backend 'host-gw'`),
        expect.stringContaining("subnets/10.9.0.0-24 is passed over: 10.9.0.0/24 isn't of 10.5.0.0/16"),
      ]);
      // What the network was made by stays, and it is said that it isn't what others are told now.
      await configure(segment, { ...vxlan, SubnetLen: 26 });
      const other = "flannel's configuration isn't that any more which network 'f' was made by";
      await vi.waitFor(async () => expect((await a.call("complaints")).join()).toContain(other), patience);
      expect(await a.call("findings")).toEqual([other]);
      await configure(segment, vxlan);
      await vi.waitFor(async () => expect(await a.call("findings")).toEqual([]), patience);
      // What the kernel doesn't take is told of for as long as it is so.
      await a.host.shell(`ip route add blackhole 10.5.${late}.0/24`);
      await using taken = await FlannelPeer.start(segment, { number: late, publicIp: "192.0.2.101", backend: "vxlan" });
      const inTheWay = [
        expect.stringMatching(
          new RegExp(`^route .*10\\.5\\.${late}\\.0/24.* of peer '10\\.5\\.${late}\\.0-24@f' exists already`),
        ),
      ];
      await vi.waitFor(async () => expect(await a.call("findings")).toEqual(inTheWay), patience);
      expect(await a.call("complaints")).toEqual(inTheWay);
      await a.host.shell(`ip route delete blackhole 10.5.${late}.0/24`);
      await configure(segment, vxlan);
      await vi.waitFor(async () => expect(await a.call("findings")).toEqual([]), patience);
      expect(await a.host.ip(`route show ${taken.base}/24`)).toHaveLength(1);
      await a.call("removeNetwork", "f");
    });
  });

  test("has the same subnet after a restart, and takes up the one that its host has already", async () => {
    await onFlannel(2, vxlan, async (segment, [a, b]) => {
      if (a === undefined || b === undefined) return;
      const { subnets } = await a.call("create", requestOn(a));
      const before = await leasesOf(segment);
      await a.kill();
      await a.start();
      await vi.waitFor(
        async () => expect(await ttlOf(segment, Object.keys(before)[0] ?? "")).toBeGreaterThan(86_380),
        patience,
      );
      expect(await leasesOf(segment)).toEqual(before);
      expect((await a.call("inspect", "f")).subnets).toEqual(subnets);
      await using peer = await FlannelPeer.start(segment, { number: 52, publicIp: "192.0.2.100", backend: "vxlan" });
      await vi.waitFor(async () => expect(await a.host.ip("route show 10.5.52.0/24")).toHaveLength(1), patience);

      // As a flanneld that ran on b before left it, reserved by its administrator.
      const old =
        '{"PublicIP":"192.0.2.2","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}}';
      await flannelctl(segment, "put", "/coreos.com/network/subnets/10.5.77.0-24", old);
      expect(subnetOf(await b.call("create", requestOn(b)))).toBe("10.5.77.0/24");
      expect((await leasesOf(segment))["10.5.77.0-24"]).toContain('"VtepMAC":"02:66:');
      expect(await ttlOf(segment, "10.5.77.0-24")).toBeUndefined();
      for (const host of [a, b]) await host.call("removeNetwork", "f");
      expect(Object.keys(await leasesOf(segment))).toEqual([peer.key, "10.5.77.0-24"]);
    });
  });

  test("gives each of several hosts another subnet that want one at once, and no more than there are", async () => {
    const small = { Network: "10.5.0.0/26", SubnetLen: 28, Backend: { Type: "vxlan" } };
    await onFlannel(4, small, async (segment, hosts) => {
      const made = await Promise.allSettled(
        hosts.map(async (host) => subnetOf(await host.call("create", requestOn(host)))),
      );
      const subnets = made.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
      expect(subnets.toSorted()).toEqual(["10.5.0.16/28", "10.5.0.32/28", "10.5.0.48/28"]);
      const refused = made.findIndex(({ status }) => status === "rejected");
      expect(made[refused]).toMatchObject({ reason: { code: "POOL_EXHAUSTED" } });
      expect(Object.keys(await leasesOf(segment))).toHaveLength(3);
      for (const [at, host] of hosts.entries()) if (at !== refused) await host.call("removeNetwork", "f");
      expect(await leasesOf(segment)).toEqual({});
    });
  });

  test("is refused with nothing changed where flannel has no configuration, or none that is understood", async () => {
    await onFlannel(1, undefined, async (segment, [a]) => {
      if (a === undefined) return;
      const refused = async (code: string, message: string, options: Record<string, string> = {}): Promise<void> => {
        await expect(a.call("create", requestOn(a, options))).rejects.toMatchObject({
          code,
          message: expect.stringContaining(message) as unknown,
        });
        expect(await a.call("networks")).not.toContain("f");
        expect(await leasesOf(segment)).toEqual({});
        expect(existsSync(fileOf(a))).toBe(false);
      };
      await refused("OUTSIDE_INVALID", "/coreos.com/network/config isn't there");
      await configure(segment, "{ Network");
      await refused("OUTSIDE_INVALID", "/coreos.com/network/config is no JSON object");
      await configure(segment, { Network: "10.5.0.0/30", Backend: { Type: "vxlan" } });
      await refused("OUTSIDE_INVALID", "smaller than a /28");
      await configure(segment, { Network: "10.5.0.0/16" });
      await refused("UNSUPPORTED", "the backend udp");
      await configure(segment, vxlan);
      await refused("STORE_UNAVAILABLE", "etcd", { store: "etcd://192.0.2.253:2379/?timeout-ms=300" });
      await refused("LINK_NOT_FOUND", "no link 'up1'", { iface: "up1" });
      await expect(a.call("create", { ...requestOn(a), subnets: [{ subnet: "10.5.7.0/24" }] })).rejects.toThrow(
        "come from outside",
      );
      await expect(a.call("create", { ...requestOn(a), ipv6: true })).rejects.toThrow("IPv6 is asked for");
      expect(await leasesOf(segment)).toEqual({});
      // A plan that can't be carried out gives the lease back.
      await a.host.shell("ip link add flannel.1 type bridge");
      await refused("LINK_TAKEN", "flannel.1");
      await a.host.shell("ip link del flannel.1");
      const rehearsed = await a.call("create", requestOn(a), { dryRun: true });
      expect(subnetOf(rehearsed)).toMatch(/^10\.5\./);
      expect(await leasesOf(segment)).toEqual({});

      await a.call("create", requestOn(a));
      await expect(
        a.call("create", { ...requestOn(a, { "subnet-file": "/run/flannel/other/subnet.env" }), name: "g" }),
      ).rejects.toThrow("is in use by network 'f'");
      await a.call("removeNetwork", "f");
    });
  });

  test("works on while etcd is away, and catches up; removed meanwhile, it says what stays", async () => {
    await onFlannel(2, vxlan, async (segment, [a, b]) => {
      if (a === undefined || b === undefined) return;
      for (const host of [a, b]) await host.call("create", requestOn(host));
      const [y = ""] = await open(b, "y");
      await open(a, "x");
      await vi.waitFor(async () => expect(await reaches(a, "x", y)).toBe(true), patience);
      await segment.server?.stop("SIGKILL");
      expect(await reaches(a, "x", y)).toBe(true);
      await open(a, "z");
      expect(await reaches(a, "z", y)).toBe(true);
      await b.call("remove", "y");
      await b.call("removeNetwork", "f");
      expect((await b.call("complaints")).join("\n")).toContain(
        "warning: network 'f' is removed, but the others don't know",
      );
      await segment.startServer();
      await using _ = await FlannelPeer.start(segment, { number: 52, publicIp: "192.0.2.100", backend: "vxlan" });
      await vi.waitFor(async () => expect(await a.host.ip("route show 10.5.52.0/24")).toHaveLength(1), patience);
      for (const name of ["x", "z"]) await a.call("remove", name);
      await a.call("removeNetwork", "f");
      for (const host of [a, b]) {
        await host.call("share");
        await host.call("complaints");
      }
    });
  });

  test("renews its lease, takes it again when it is gone, and leaves it to who has it by then", async () => {
    const times = { flannelTimes: { ttlMs: 4_000, marginMs: 2_500 } };
    await onFlannel(
      1,
      vxlan,
      async (segment, [a]) => {
        if (a === undefined) return;
        const subnet = subnetOf(await a.call("create", requestOn(a)));
        const key = subnet.replace("/", "-");
        const value = (await leasesOf(segment))[key] ?? "";
        for (let round = 0; round < 2; round++) {
          await vi.waitFor(async () => expect(await ttlOf(segment, key)).toBeLessThan(3), {
            ...patience,
            interval: 100,
          });
          await vi.waitFor(async () => expect(await ttlOf(segment, key)).toBeGreaterThanOrEqual(3), {
            ...patience,
            interval: 100,
          });
        }
        const path = `/coreos.com/network/subnets/${key}`;
        await flannelctl(segment, "del", path);
        await vi.waitFor(async () => expect(await leasesOf(segment)).toEqual({ [key]: value }), patience);
        expect(await a.call("complaints")).toEqual([]);
        const theirs = value.replace("192.0.2.1", "192.0.2.66");
        await flannelctl(segment, "put", path, theirs);
        await vi.waitFor(
          async () =>
            expect((await a.call("complaints")).join()).toContain(
              `subnets/${key} isn't this host's any more: it says 192.0.2.66`,
            ),
          patience,
        );
        await a.call("removeNetwork", "f");
        expect(await leasesOf(segment)).toEqual({ [key]: theirs });
      },
      times,
    );
  });
});
