import { expect, test } from "vitest";
import type { Netkit, SandboxHandle } from "@netkit/engine";
import { onHosts, type TestHost } from "./host.ts";
import { output } from "./output.ts";

let host: TestHost;
let netkit: Netkit;
onHosts((given) => ({ host, netkit } = given));

async function addressesOf(sandbox: SandboxHandle): Promise<string[]> {
  return (await sandbox.inspect()).endpoints.flatMap(({ addresses }) => addresses.map(({ address }) => address));
}

/** The link-local address of an interface, once the kernel has found that nobody else has it. */
async function linkLocalOf(sandbox: SandboxHandle): Promise<string> {
  return await output(sandbox, "ip -o -6 address show dev eth0 scope link -tentative");
}

test("a full range refuses the next one and gives again what was given back; gateway and auxiliary ones stay", async () => {
  await netkit.networks.create({
    name: "n",
    subnets: [
      {
        subnet: "10.9.0.0/24",
        range: "10.9.0.8/29",
        gateway: "10.9.0.9",
        auxiliary: { a: "10.9.0.10", b: "10.9.0.99" },
      },
    ],
  });
  const open = async (): Promise<SandboxHandle> => await netkit.sandboxes.open({ networks: ["n"] });
  const boxes: SandboxHandle[] = [];
  for (let count = 0; count < 6; count++) boxes.push(await open());
  const given = (await Promise.all(boxes.map(addressesOf))).flat().toSorted();
  expect(given).toEqual([8, 11, 12, 13, 14, 15].map((last) => `10.9.0.${last}/24`).toSorted());
  await expect(open()).rejects.toMatchObject({ code: "POOL_EXHAUSTED" });
  const [gone] = boxes;
  const [address] = gone === undefined ? [] : await addressesOf(gone);
  await gone?.close();
  expect(await addressesOf(await open())).toEqual([address]);
});

test("eight processes' worth of instances at once hand out no address twice", async () => {
  await netkit.networks.create({ name: "n", subnets: [{ subnet: "10.9.0.0/26" }, { subnet: "fd00:9::/64" }] });
  const instances = await Promise.all(Array.from({ length: 8 }, async () => await host.open()));
  const opened = await Promise.all(
    instances.flatMap((instance) => [1, 2, 3].map(async () => await instance.sandboxes.open({ networks: ["n"] }))),
  );
  const given = (await Promise.all(opened.map(addressesOf))).flat();
  expect(given).toHaveLength(48);
  expect(new Set(given).size).toBe(48);
  expect((await netkit.doctor()).findings).toEqual([]);
});

test("IPv6 ranges: a /64 of a /56, and one that ends where 64 bits do", async () => {
  await netkit.networks.create({
    name: "wide",
    ipv4: false,
    subnets: [{ subnet: "fd00:9:0:100::/56", range: "fd00:9:0:1ff::/64", gateway: "fd00:9:0:100::1" }],
  });
  await netkit.networks.create({
    name: "edge",
    ipv4: false,
    subnets: [{ subnet: "fd00:8::/64", range: "fd00:8::ffff:ffff:ffff:fffc/126", gateway: "fd00:8::1" }],
  });
  const near = await netkit.sandboxes.open({ networks: ["wide"] });
  expect(await addressesOf(near)).toEqual([expect.stringMatching(/^fd00:9:0:1ff::.*\/56$/)]);
  const given: string[] = [];
  for (let count = 0; count < 4; count++)
    given.push(...(await addressesOf(await netkit.sandboxes.open({ networks: ["edge"] }))));
  expect(given.toSorted()).toEqual(["c", "d", "e", "f"].map((last) => `fd00:8::ffff:ffff:ffff:fff${last}/64`));
  await expect(netkit.sandboxes.open({ networks: ["edge"] })).rejects.toMatchObject({ code: "POOL_EXHAUSTED" });
  const far = await netkit.sandboxes.open({ networks: [{ network: "wide", ip6: "fd00:9:0:1aa::7" }] });
  await output(far, `ping -c 1 -W 2 ${(await addressesOf(near))[0]?.split("/")[0]}`);
});

test("neighbours reach each other over IPv4, a unique local and a link-local address", async () => {
  await netkit.networks.create({ name: "n", ipv6: true });
  const near = await netkit.sandboxes.open({ networks: ["n"] });
  const far = await netkit.sandboxes.open({ networks: ["n"] });
  for (const box of [near, far])
    await expect.poll(async () => await linkLocalOf(box), { timeout: 10_000 }).toContain("fe80:");
  const [, own = ""] = /inet6 (fe80:[^/]+)/.exec(await linkLocalOf(near)) ?? [];
  const addresses = (await addressesOf(near)).map((address) => address.split("/")[0] ?? "");
  for (const address of [...addresses, `${own}%eth0`]) await output(far, `ping -c 1 -W 2 ${address}`);
});

test("an interface's name that was asked for leaves the first free one to others, and is taken once", async () => {
  await netkit.networks.create({ name: "a" });
  await netkit.networks.create({ name: "b" });
  await netkit.networks.create({ name: "c" });
  const box = await netkit.sandboxes.open({ networks: [{ network: "a", ifName: "eth1" }, "b"] });
  expect((await box.inspect()).endpoints.map(({ ifName }) => ifName)).toEqual(["eth1", "eth0"]);
  await expect(box.connect("c", { ifName: "eth0" })).rejects.toMatchObject({ code: "LINK_TAKEN" });
  expect((await box.connect("c")).ifName).toBe("eth2");
});

test("a MAC and a name that were asked for come back with their interface", async () => {
  await netkit.networks.create({ name: "n" });
  const mac = "02:00:5e:10:00:0c";
  const box = await netkit.sandboxes.open({ networks: [{ network: "n", mac, ifName: "lan0" }] });
  const inside = `ip -n ${box.netns?.split("/").at(-1)}`;
  host.sh(
    `${inside} link set lan0 down; ${inside} link set lan0 address 02:00:00:00:00:09; ${inside} link set lan0 up`,
  );
  await netkit.doctor({ repair: true });
  expect(await output(box, "cat /sys/class/net/lan0/address")).toBe(mac);
  host.sh(`${inside} link del lan0`);
  await netkit.doctor({ repair: true });
  expect(await output(box, "cat /sys/class/net/lan0/address")).toBe(mac);
  expect((await netkit.doctor()).findings).toEqual([]);
});
