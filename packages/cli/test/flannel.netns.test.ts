import { existsSync, readFileSync } from "node:fs";
import { ipOf, type Cidr, type Network } from "@netkit/core";
import type { NetworkRequest } from "@netkit/engine";
import { etcdPrograms } from "@netkit/testing";
import { describe, expect, test, vi } from "vitest";
import { configure, FlannelPeer, leasesOf, ttlOf } from "./flannel-peer.ts";
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

function fileOf(host: SharingHost): string {
  return `/run/flannel-${process.pid}-${host.name}/subnet.env`;
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

/** Runs `work` on so many hosts with flannel's etcd; each host's network is gone at the end. */
async function onFlannel(
  count: number,
  config: unknown,
  work: (segment: Segment, hosts: readonly SharingHost[]) => Promise<void>,
  options: Pick<NonNullable<Parameters<typeof onSharingHosts>[2]>, "flannelTimes"> = {},
): Promise<void> {
  await onSharingHosts(
    count,
    async (segment) => {
      if (config !== undefined) await configure(segment, config);
      await work(segment, segment.hosts);
      for (const host of segment.hosts) expect(existsSync(fileOf(host))).toBe(false);
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
      // No source is translated between parts of the network.
      expect(await b.call("attempt", "y", `ping -n -c1 -s 1422 -M do -W2 ${x}`)).toContain("1430 bytes");

      for (const [host, sandbox] of [[a, "x"] as const, [b, "y"] as const]) {
        await host.call("remove", sandbox);
        await host.call("removeNetwork", "f");
      }
      expect(await leasesOf(segment)).toEqual({ [peer.key]: peer.value });
    });
  });
});
