import { ipOf } from "@netkit/core";
import type { EndpointRequest, Netkit, Timing } from "@netkit/engine";
import { ping, spaceOf, type Space } from "@netkit/testing";
import { expect, test } from "vitest";
import { heard } from "./heard.ts";
import { onHosts, type TestHost } from "./host.ts";

let host: TestHost;
let netkit: Netkit;
const steps: Timing[] = [];
onHosts(
  async (given) => {
    ({ host, netkit } = given);
    steps.length = 0;
    await netkit.networks.create({
      name: "n",
      ipv6: true,
      subnets: [{ subnet: "10.9.0.0/24" }, { subnet: "fd00:9::/64" }],
    });
  },
  { onTiming: (step) => steps.push(step) },
);

interface Place {
  readonly space: Space;
  readonly mac: string;
  readonly addresses: readonly string[];
}

async function sandbox(name: string, request: Omit<EndpointRequest, "network"> = {}): Promise<Place> {
  const opened = await netkit.sandboxes.open({ name, networks: [{ network: "n", ...request }] });
  const [endpoint] = (await opened.inspect()).endpoints;
  if (endpoint === undefined || opened.netns === undefined) throw new Error(`${name} has no endpoint`);
  return {
    space: spaceOf(opened.netns),
    mac: endpoint.mac ?? "",
    addresses: endpoint.addresses.map(({ address }) => ipOf(address)),
  };
}

/** The MACs that somebody knows addresses by. */
async function known(space: Space, addresses: readonly string[]): Promise<unknown[]> {
  const rows = await space.ip("neighbour show");
  return addresses.map((address) => rows.find(({ dst }) => dst === address)?.["lladdr"]);
}

const fixed = { ip: "10.9.0.77", ip6: "fd00:9::77" };

test.each([
  ["a MAC of its own in the place of the derived one", {}, { mac: "02:00:00:00:00:77" }],
  ["the derived MAC in the place of one of its own", { mac: "02:00:00:00:00:77" }, {}],
])("an address that comes back with %s is reached at once, by neighbours and the host", async (_, first, second) => {
  const neighbour = await sandbox("neighbour");
  const everybody = [neighbour.space, spaceOf(`/run/netns/${host.name}`)];
  const before = await sandbox("web", { ...fixed, ...first });
  for (const space of everybody) {
    for (const address of before.addresses) expect(await ping(space, address)).toBe(true);
    expect(await known(space, before.addresses)).toEqual([before.mac, before.mac]);
  }
  await netkit.sandboxes.remove("web");

  const after = await sandbox("web", { ...fixed, ...second });
  expect(after.mac).not.toBe(before.mac);
  for (const space of everybody) {
    await expect.poll(() => known(space, after.addresses)).toEqual([after.mac, after.mac]);
    for (const address of after.addresses) expect(await ping(space, address, 1)).toBe(true);
  }
});

test("a further address that comes back beside another first one is announced", async () => {
  const neighbour = await sandbox("neighbour");
  const before = await sandbox("web", { ip6: fixed.ip6 });
  expect(await ping(neighbour.space, fixed.ip6)).toBe(true);
  await netkit.sandboxes.remove("web");
  const after = await sandbox("web", { ip6: fixed.ip6 });
  expect(after.mac).not.toBe(before.mac);
  await expect.poll(() => known(neighbour.space, [fixed.ip6])).toEqual([after.mac]);
});

/** Announced once at once, and again by timers: more would have come by now, had there been any. */
const settled = async (ms = 350): Promise<void> => await new Promise((resolve) => setTimeout(resolve, ms));

test.each([
  [{ "announcement-interval": 100 }, 3],
  [{ "com.docker.network.advertise_addr_nmsgs": "2", "com.docker.network.advertise_addr_ms": "100" }, 2],
  [{ announcements: 1, "announcement-interval": 100 }, 1],
  [{ announcements: 0 }, 0],
])("with %j an address is announced %i times, and connecting waits for none of them", async (options, times) => {
  const subnets = [{ subnet: "10.10.0.0/24" }, { subnet: "fd00:10::/64" }];
  const { options: kept } = await netkit.networks.create({ name: "m", ipv6: true, subnets, options });
  const neighbour = await netkit.sandboxes.open({ networks: ["m"] });
  const count = await heard(spaceOf(neighbour.netns ?? ""), ["10.10.0.77", "fd00:10::77"]);
  const at = { ip: "10.10.0.77", ip6: "fd00:10::77", mac: "02:00:00:00:00:77" };
  await netkit.sandboxes.open({ networks: [{ network: "m", ...at }] });
  expect(steps.find(({ what }) => what === "announce")?.ms ?? 0).toBeLessThan(100);
  await expect.poll(count).toEqual([times, times]);
  await settled();
  expect(await count()).toEqual([times, times]);
  expect(Object.keys(kept)).not.toContain("com.docker.network.advertise_addr_ms");
});

test("a neighbour that learns the old MAC again in between is put right; an address that has gone is announced no more", async () => {
  const subnets = [{ subnet: "10.10.0.0/24" }];
  // A busy machine takes its time to start the program that misleads: it has to be there before the last announcement.
  await netkit.networks.create({ name: "m", subnets, options: { "announcement-interval": 1000 } });
  const neighbour = await netkit.sandboxes.open({ networks: ["m"] });
  const space = spaceOf(neighbour.netns ?? "");
  const request = { network: "m", ip: "10.10.0.77", mac: "02:00:00:00:00:77" };
  const web = await netkit.sandboxes.open({ networks: [request] });
  const mislead = async (): Promise<string> =>
    await space.shell("ip neighbour replace 10.10.0.77 lladdr 02:00:00:00:00:99 nud stale dev eth0");
  await mislead();
  await expect.poll(() => known(space, ["10.10.0.77"]), { timeout: 10_000 }).toEqual([request.mac]);
  await web.disconnect("m");
  await web.connect("m", { ip: "10.10.0.78" });
  await mislead();
  await settled(1_500);
  expect(await known(space, ["10.10.0.77"])).toEqual(["02:00:00:00:00:99"]);
});

test.each([
  { announcements: 4 },
  { announcements: -1 },
  { "announcement-interval": 99 },
  { "announcement-interval": 2001 },
])("%j is out of range", async (options) => {
  await expect(netkit.networks.create({ name: "m", options })).rejects.toMatchObject({
    code: "OPTION_INVALID",
    hint: expect.stringMatching(/^Write announcement/),
  });
});

test("nothing is announced where every MAC follows from its address, and nobody learns what it didn't ask for", async () => {
  const neighbour = await sandbox("neighbour");
  const web = await sandbox("web", { ip: fixed.ip });
  await netkit.sandboxes.remove("web");
  await sandbox("web", { ip: fixed.ip });
  expect(steps.map(({ what }) => what)).not.toContain("announce");

  await sandbox("other", { mac: "02:00:00:00:00:78" });
  expect(steps.map(({ what }) => what)).toContain("announce");
  expect(await known(neighbour.space, web.addresses)).toEqual([undefined, undefined]);
});
