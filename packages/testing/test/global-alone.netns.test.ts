import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ipOf, type EndpointId } from "@netkit/core";
import { bridge } from "@netkit/driver-bridge";
import { overlay } from "@netkit/driver-overlay";
import type { Netkit } from "@netkit/engine";
import { openSqliteStore } from "@netkit/store-sqlite";
import { expect, test } from "vitest";
import { attempt } from "../src/index.ts";
import { onHosts, type TestHost } from "./host.ts";

let host: TestHost;
let netkit: Netkit;
onHosts((given) => ({ host, netkit } = given), { drivers: [bridge(), overlay()], firewall: "nftables" });

test("without a store that hosts share, a network of many hosts is of this one, and works on it", async () => {
  const { scope } = await netkit.networks.create({ name: "n", driver: "overlay" });
  expect(scope).toBe("global");
  expect(host.sh("ip -br link show type vxlan")).toBe("");
  const a = await netkit.sandboxes.open({ name: "a", networks: ["n"] });
  const b = await netkit.sandboxes.open({ name: "b", networks: ["n"] });
  const [endpoint] = (await b.inspect()).endpoints;
  expect(await attempt(a, `ping -c1 -W2 ${ipOf(endpoint?.addresses[0]?.address ?? ("" as never))}`)).toBeDefined();
  expect(host.sh("ip -br link show type vxlan")).not.toBe("");
  expect(await netkit.hosts()).toMatchObject([{ isThis: true, state: "up", endpoints: 2 }]);
  await expect(netkit.networks.remove("n")).rejects.toThrow("is in use by 'a', 'b'");
  expect((await netkit.doctor()).findings).toEqual([]);
  await a.close();
  await b.close();
  expect(host.sh("ip -br link show type vxlan")).toBe("");
  await netkit.networks.remove("n");
});

test("a sandbox is called otherwise on a network of many hosts, too", async () => {
  const { id: network } = await netkit.networks.create({ name: "n", driver: "overlay" });
  const networks = [{ network, handedOver: true }];
  const netns = "/run/netns/nktest-awaited";
  const sandbox = await netkit.sandboxes.open({ name: "theirs", netns, awaited: true, networks });
  const [endpoint] = (await sandbox.inspect()).endpoints;
  await sandbox.rename({ name: "web", hostname: "www", aliases: { [network]: ["w"] } });
  await sandbox.rename({ name: "shop", aliases: { [network]: ["w", "x"] } });
  expect(await (await netkit.sandboxes.get("shop")).inspect()).toMatchObject({
    hostname: "www",
    endpoints: [{ aliases: ["w", "x"], addresses: endpoint?.addresses }],
  });
  // As other hosts would know it.
  const shared = openSqliteStore({ path: join(host.root, "shared.db") });
  const [record] = (await shared.range(`endpoint/${network}/${endpoint?.id}`)).map(({ value }) => value);
  expect(record).toMatchObject({ sandbox: { name: "shop", hostname: "www", aliases: ["w", "x"] } });
  const [holder] = (await shared.range(`address/${network}/`)).flatMap(({ value }) =>
    (value as { id: string }).id === endpoint?.id ? [value] : [],
  );
  expect(holder).toMatchObject({ who: expect.stringContaining("sandbox 'shop'") });
  await shared.close();
  await sandbox.close();
});

test("what keeps conntrack from tunnels is shared, mended, and goes with the last network", async () => {
  const entries = (): number =>
    host.sh(`nft list table inet ${netkit.instance.mark} 2>/dev/null || true`).split(": goto untracked").length - 1;
  const untracked = async (): Promise<string[]> =>
    (await netkit.doctor()).findings.flatMap(({ problem, resource }) =>
      resource?.kind === "untracked" ? [problem] : [],
    );
  for (const name of ["n", "m"]) await netkit.networks.create({ name, driver: "overlay" });
  const box = await netkit.sandboxes.open({ name: "a", networks: ["n", "m"] });
  expect(entries()).toBe(1);
  for (const set of ["untracked4", "untracked6", "tunnels4", "tunnels6"])
    host.sh(`nft flush map inet ${netkit.instance.mark} ${set}`);
  expect(await untracked()).toEqual(["missing"]);
  await netkit.doctor({ repair: true });
  expect((await netkit.doctor()).findings).toEqual([]);
  expect(entries()).toBe(1);
  await box.disconnect("n");
  expect(entries()).toBe(1);
  await box.close();
  expect(entries()).toBe(0);
  for (const name of ["n", "m"]) await netkit.networks.remove(name);
});

test("what no host could have isn't made: an MTU too small for IPv6, a VNI of a range that is in use", async () => {
  const make = async (name: string, options: Record<string, string>, ipv6 = false): Promise<unknown> =>
    await netkit.networks.create({ name, driver: "overlay", ipv6, options });
  await expect(make("small", { mtu: "1200" }, true)).rejects.toThrow(
    "network 'small' has IPv6, which needs an MTU of 1280 at least, not 1200",
  );
  for (const name of ["n", "m"]) await make(name, { vni: "5000-5001" });
  await expect(make("o", { vni: "5000-5001" })).rejects.toMatchObject({
    code: "POOL_EXHAUSTED",
    message: "each vni of 5000-5001 is in use by another network",
    hint: "Give another range, or remove networks that aren't needed: netkit network prune",
  });
  expect((await netkit.networks.list()).flatMap(({ predefined, name }) => (predefined ? [] : name)).toSorted()).toEqual(
    ["m", "n"],
  );
  for (const name of ["n", "m"]) await netkit.networks.remove(name);
});

test("what a dead operation wrote to the shared store is taken back with the rest of it", async () => {
  const { id } = await netkit.networks.create({ name: "n", driver: "overlay" });
  const sandbox = await netkit.sandboxes.open({ name: "a" });
  const dead = "d".repeat(64) as EndpointId;
  const address = { key: `address/${id}/ipv4/0a000063`, id: dead };
  const [shared, state] = ["shared.db", "state.db"].map((file) => openSqliteStore({ path: join(host.root, file) }));
  const value = { id: dead, host: "c".repeat(64), ip: "10.0.0.99", who: "sandbox 'dead' on host 'here'" };
  await shared?.commit({ checks: [], writes: [{ key: address.key, value }] });
  await expect(sandbox.connect("n", { ip: "10.0.0.99" })).rejects.toThrow("in use by sandbox 'dead' on host 'here'");
  const boot = readFileSync("/proc/sys/kernel/random/boot_id", "ascii").trim();
  const entry = {
    title: "",
    started: "",
    recovery: "undo",
    boot,
    writes: [],
    namespaces: {},
    shared: { written: [address], removed: [] },
  };
  await state?.commit({ checks: [], writes: [{ key: "journal/open", value: entry }] });
  await sandbox.connect("n", { ip: "10.0.0.99" });
  expect((await shared?.get(address.key))?.value).not.toMatchObject({ id: dead });
  for (const store of [shared, state]) await store?.close();
});
