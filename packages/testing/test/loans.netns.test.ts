// Addresses for those who attach by other means than netkit.
import { execFileSync } from "node:child_process";
import type { EndpointId } from "@netkit/core";
import type { Netkit } from "@netkit/engine";
import { expect, test } from "vitest";
import { onHosts, type TestHost } from "./host.ts";

let host: TestHost;
let netkit: Netkit;
onHosts((given) => ({ host, netkit } = given));

test("a loan has an address of each family, counts as used, and keeps its network", async () => {
  const subnets = [{ subnet: "10.9.0.0/29" }, { subnet: "fd00:9::/125" }];
  await netkit.networks.create({ name: "n", ipv6: true, subnets });
  const loan = await netkit.networks.lend("n", { holder: "a/b c", ip6: "fd00:9::5", labels: { of: "a test" } });
  expect(loan).toMatchObject({
    holder: "a/b c",
    addresses: [
      { address: "10.9.0.2/29", gateway: "10.9.0.1" },
      { address: "fd00:9::5/125", gateway: "fd00:9::1" },
    ],
    labels: { of: "a test" },
  });
  const inspected = await netkit.networks.inspect("n");
  expect(inspected.loans).toMatchObject([{ holder: "a/b c" }]);
  expect(inspected.usage["10.9.0.0/29" as keyof typeof inspected.usage]).toEqual({ used: 2, available: 4n });
  await expect(netkit.networks.lend("n", { holder: "a/b c" })).rejects.toMatchObject({ code: "NAME_TAKEN" });
  await expect(netkit.networks.lend("n", { holder: "b", ip: "10.9.0.2" })).rejects.toMatchObject({
    code: "ADDRESS_TAKEN",
    message: "address 10.9.0.2 is in use by 'a/b c'",
  });
  await expect(netkit.networks.remove("n")).rejects.toMatchObject({ code: "NETWORK_IN_USE" });
  expect(await netkit.networks.prune()).toEqual([]);
  expect(await netkit.networks.takeBack("n", "a/b c", { dryRun: true })).toMatchObject({ holder: "a/b c" });
  expect(await netkit.networks.takeBack("n", "a/b c")).toMatchObject({ holder: "a/b c" });
  expect(await netkit.networks.takeBack("n", "a/b c")).toBeUndefined();
  await netkit.networks.remove("n");
});

test.each([
  [{ name: "host", driver: "host" }, "UNSUPPORTED", "it is predefined"],
  [{ name: "bridge", driver: "bridge" }, "UNSUPPORTED", "it is predefined"],
  [{ name: "settings", configOnly: true }, "UNSUPPORTED", "it holds settings for networks and is none itself"],
  [{ name: "no-such" }, "NETWORK_NOT_FOUND", "no network 'no-such'"],
])("%j lends nothing", async (request, code, why) => {
  if ("configOnly" in request) await netkit.networks.create(request);
  await expect(netkit.networks.lend(request.name, { holder: "x" })).rejects.toMatchObject({
    code,
    message: expect.stringContaining(why) as unknown,
  });
  if ("configOnly" in request) await netkit.networks.remove(request.name);
});

test("who borrows says who he is", async () => {
  await netkit.networks.create({ name: "n" });
  for (const holder of ["", "x".repeat(1_001)])
    await expect(netkit.networks.lend("n", { holder })).rejects.toMatchObject({ code: "NAME_INVALID" });
  const nobody = {} as { holder: string };
  await expect(netkit.networks.lend("n", nobody)).rejects.toMatchObject({ code: "ARGUMENT_INVALID" });
  await netkit.networks.remove("n");
});

test("one endpoint is compared alone, and what others may change of it isn't", async () => {
  await netkit.networks.create({ name: "n", subnets: [{ subnet: "10.9.0.0/24" }] });
  const open = async (name: string, tunable: boolean) => {
    const labels = { whose: name };
    const sandbox = await netkit.sandboxes.open({ name, networks: [{ network: "n", tunable, labels }] });
    const [endpoint] = (await sandbox.inspect()).endpoints;
    execFileSync("ip", ["-n", sandbox.netns?.split("/").at(-1) ?? "", "link", "set", "eth0", "mtu", "1300"]);
    expect(endpoint).toMatchObject({ labels });
    return { sandbox, id: endpoint?.id ?? ("" as EndpointId) };
  };
  const [tuned, plain] = [await open("tuned", true), await open("plain", false)];
  await netkit.doctor({ repair: true });
  execFileSync("ip", ["-n", plain.sandbox.netns?.split("/").at(-1) ?? "", "address", "flush", "dev", "eth0"]);
  expect(await netkit.examine(tuned.id)).toEqual([]);
  expect(await netkit.examine(plain.id)).toMatchObject([{ problem: "missing" }, { problem: "missing" }]);
  for (const { sandbox } of [tuned, plain]) await sandbox.close();
  await expect(netkit.examine(plain.id)).rejects.toMatchObject({ code: "ENDPOINT_NOT_FOUND" });
  await netkit.networks.remove("n");
  expect(host.traces()).not.toContain("plain");
});
