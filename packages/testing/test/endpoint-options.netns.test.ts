import { expect, test } from "vitest";
import type { Netkit } from "@netkit/engine";
import { onHosts, type TestHost } from "./host.ts";
import { output } from "./output.ts";

let host: TestHost;
let netkit: Netkit;
onHosts((given) => ({ host, netkit } = given));

const linksAndNamespaces = (): string => host.sh("ip -o link | cut -d: -f2; ip netns");

test("sysctls of an interface are set by IFNAME, kept by doctor, and go before what the driver sets", async () => {
  await netkit.networks.create({ name: "n", ipv6: true });
  const box = await netkit.sandboxes.open({
    networks: [
      {
        network: "n",
        ifName: "lan.7",
        sysctls: { "net.ipv4.conf.IFNAME.log_martians": "1", "net.ipv6.conf.IFNAME.accept_ra": "2" },
        options: {
          "com.docker.network.endpoint.sysctls":
            "net.ipv4.conf.IFNAME.rp_filter=2,net.ipv4.neigh.IFNAME.gc_stale_time=77",
        },
      },
    ],
  });
  const read =
    "cd /proc/sys/net; cat ipv4/conf/lan.7/log_martians ipv6/conf/lan.7/accept_ra ipv4/conf/lan.7/rp_filter ipv4/neigh/lan.7/gc_stale_time";
  expect(await output(box, read)).toBe("1\n2\n2\n77");
  host.sh(`ip netns exec ${box.netns?.split("/").at(-1)} sh -c 'echo 0 > /proc/sys/net/ipv4/conf/lan.7/log_martians'`);
  expect((await netkit.doctor()).findings.map(({ object }) => object)).toEqual([
    "sysctl net/ipv4/conf/lan.7/log_martians",
  ]);
  await netkit.doctor({ repair: true });
  expect(await output(box, read)).toBe("1\n2\n2\n77");
});

test.each([
  [{ "net.ipv4.conf.eth0.log_martians": "1" }, "ARGUMENT_INVALID"],
  [{ "net.ipv4.ip_forward": "1" }, "ARGUMENT_INVALID"],
  [{ "kernel.IFNAME.x.y": "1" }, "ARGUMENT_INVALID"],
  [{ "net.core.conf.IFNAME.y": "1" }, "ARGUMENT_INVALID"],
  [{ "net.ipv4.conf.IFNAME.../../x": "1" }, "ARGUMENT_INVALID"],
  [{ "net.ipv4.conf.IFNAME.log_martians": "1\n2" }, "ARGUMENT_INVALID"],
  [{ "net.ipv4.conf.IFNAME.log_martians": "" }, "ARGUMENT_INVALID"],
  [{ "net.ipv4.conf.IFNAME.no_such_setting": "1" }, "KERNEL"],
  [{ "net.ipv4.conf.IFNAME.log_martians": "many" }, "KERNEL"],
])("the sysctl %j is refused, and nothing is left", async (sysctls, code) => {
  await netkit.networks.create({ name: "n" });
  const before = linksAndNamespaces();
  await expect(netkit.sandboxes.open({ networks: [{ network: "n", sysctls }] })).rejects.toMatchObject({
    code,
    hint: expect.stringMatching(/./),
  });
  expect(linksAndNamespaces()).toBe(before);
  expect(await netkit.sandboxes.list()).toEqual([]);
});

test("with IPv6 turned off by a sysctl there is no IPv6 address, route or line of hosts", async () => {
  await netkit.networks.create({ name: "n", ipv6: true });
  const sysctls = { "net.ipv6.conf.IFNAME.disable_ipv6": "1" };
  const box = await netkit.sandboxes.open({ name: "box", networks: [{ network: "n", sysctls }] });
  const { endpoints } = await box.inspect();
  expect(endpoints[0]?.addresses.map(({ address }) => address.includes(":"))).toEqual([false]);
  expect(await output(box, "ip -6 -o address show dev eth0; ip -6 route show default")).toBe("");
  expect(await output(box, "grep -c box /etc/hosts")).toBe("1");
  expect((await netkit.doctor()).findings).toEqual([]);
  await expect(netkit.sandboxes.open({ networks: [{ network: "n", sysctls, ip6: "fd00::9" }] })).rejects.toMatchObject({
    code: "ARGUMENT_INVALID",
  });
  await expect(
    netkit.sandboxes.open({ networks: [{ network: "n", sysctls, linkLocal: ["fe80::9"] }] }),
  ).rejects.toMatchObject({ code: "ARGUMENT_INVALID" });
});

test("link-local addresses are further addresses of the interface, reach a neighbour, and are unique in the network", async () => {
  await netkit.networks.create({ name: "n" });
  const near = await netkit.sandboxes.open({
    name: "near",
    networks: [{ network: "n", linkLocal: ["169.254.1.1", "fe80::1:1"] }],
  });
  const far = await netkit.sandboxes.open({
    name: "far",
    networks: [{ network: "n", linkLocal: ["169.254.1.2", "fe80::1:2"] }],
  });
  expect(await output(near, "ip -o address show dev eth0")).toMatch(/172\..*169\.254\.1\.1\/16.*fe80::1:1\/64/s);
  await output(far, "ping -c 1 -W 2 169.254.1.1 && ping -c 1 -W 2 fe80::1:1%eth0");
  expect(await output(near, "cat /etc/hosts")).not.toContain("169.254");
  expect((await netkit.doctor()).findings).toEqual([]);
  const open = async (address: string, network = "n") =>
    await netkit.sandboxes.open({ networks: [{ network, linkLocal: [address] }] });
  await expect(open("169.254.1.1")).rejects.toMatchObject({
    code: "ADDRESS_TAKEN",
    message: expect.stringContaining("'near'"),
  });
  for (const address of ["10.0.0.1", "fe81::1", "169.253.0.1"])
    await expect(open(address)).rejects.toMatchObject({ code: "ADDRESS_INVALID" });
  await expect(open("169.254.1.9", "none")).rejects.toMatchObject({ code: "UNSUPPORTED" });
  await near.close();
  await open("169.254.1.1");
});

test("Docker's option names the interface, once", async () => {
  await netkit.networks.create({ name: "n" });
  const options = { "com.docker.network.endpoint.ifname": "wan" };
  const box = await netkit.sandboxes.open({ networks: [{ network: "n", options }] });
  expect((await box.inspect()).endpoints[0]).toMatchObject({ ifName: "wan", options: {} });
  expect(await output(box, "ls /sys/class/net")).toBe("lo\nwan");
  const open = async (more: object) => await netkit.sandboxes.open({ networks: [{ network: "n", options, ...more }] });
  await expect(open({ ifName: "lan" })).rejects.toMatchObject({ code: "ARGUMENT_INVALID" });
  await expect(open({ options: { ...options, ifnam: "x" } })).rejects.toMatchObject({
    code: "OPTION_UNKNOWN",
    hint: "Did you mean 'ifname'?",
  });
  await expect(open({ options: { ifname: "a/b" } })).rejects.toMatchObject({ code: "OPTION_INVALID" });
});

test("static addresses may lie outside the range that others get theirs from; a MAC that was asked for stays", async () => {
  await netkit.networks.create({
    name: "n",
    subnets: [{ subnet: "10.9.0.0/24", range: "10.9.0.128/30", gateway: "10.9.0.1" }, { subnet: "fd00:9::/64" }],
  });
  const mac = "02:00:5e:10:00:07";
  const box = await netkit.sandboxes.open({ networks: [{ network: "n", ip: "10.9.0.7", ip6: "fd00:9::7", mac }] });
  expect(await output(box, "ip -o address show dev eth0; cat /sys/class/net/eth0/address")).toMatch(
    /10\.9\.0\.7\/24.*fd00:9::7\/64.*02:00:5e:10:00:07/s,
  );
  const near = await netkit.sandboxes.open({ networks: ["n"] });
  expect((await near.inspect()).endpoints[0]?.addresses[0]?.address).toMatch(/^10\.9\.0\.12[89]|13[01]/);
  await output(near, "ping -c 1 -W 2 10.9.0.7");
});

test("the predefined network gives no static addresses and no aliases", async () => {
  for (const request of [{ ip: "172.17.0.9" }, { aliases: ["api"] }]) {
    await expect(netkit.sandboxes.open({ networks: [{ network: "bridge", ...request }] })).rejects.toMatchObject({
      code: "UNSUPPORTED",
      message: expect.stringContaining("predefined"),
    });
  }
});

test("of several subnets of a family the first with room gives the address, each with its own gateway", async () => {
  await netkit.networks.create({
    name: "n",
    subnets: [{ subnet: "10.9.0.0/30" }, { subnet: "10.9.1.0/30" }],
  });
  const first = await netkit.sandboxes.open({ networks: ["n"] });
  const second = await netkit.sandboxes.open({ networks: ["n"] });
  expect(await output(first, "ip route show default")).toContain("via 10.9.0.1");
  expect(await output(second, "ip route show default")).toContain("via 10.9.1.1");
  await output(second, "ping -c 1 -W 2 10.9.0.2");
  expect((await netkit.networks.inspect("n")).usage).toEqual({
    "10.9.0.0/30": { used: 2, available: 0n },
    "10.9.1.0/30": { used: 2, available: 0n },
  });
  await expect(netkit.sandboxes.open({ networks: ["n"] })).rejects.toMatchObject({ code: "POOL_EXHAUSTED" });
});

test("sysctls of a sandbox's namespace are set in it alone, and refused where they would stay", async () => {
  const sysctls = { "net.ipv4.ip_unprivileged_port_start": "80", "net.ipv6.conf.default.disable_ipv6": "0" };
  const box = await netkit.sandboxes.open({ name: "box", sysctls });
  const read = "cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/ipv6/conf/default/disable_ipv6";
  expect(await output(box, read)).toBe("80\n0");
  expect(host.sh("cat /proc/sys/net/ipv4/ip_unprivileged_port_start")).toBe("1024");
  expect((await netkit.doctor()).findings).toEqual([]);
  const open = async (request: object) => await netkit.sandboxes.open({ sysctls, ...request });
  await expect(open({ networks: ["host"] })).rejects.toMatchObject({ code: "UNSUPPORTED" });
  await expect(open({ networks: ["container:box"] })).rejects.toMatchObject({ code: "UNSUPPORTED" });
  await expect(open({ pid: process.ppid })).rejects.toMatchObject({ kind: "unsupported" });
  for (const name of ["kernel.hostname", "net.ipv4.conf.IFNAME.rp_filter", "net..x", "net.ipv4/../x", "net.ipv4"])
    await expect(open({ sysctls: { [name]: "1" } })).rejects.toMatchObject({ code: "ARGUMENT_INVALID" });
  await expect(open({ sysctls: { "net.ipv4.no_such_setting": "1" } })).rejects.toMatchObject({ code: "KERNEL" });
});
