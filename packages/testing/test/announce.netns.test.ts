import { ipOf } from "@netkit/core";
import type { EndpointRequest, Netkit } from "@netkit/engine";
import { ping, spaceOf, type Space } from "@netkit/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { TestHost } from "./host.ts";

let host: TestHost;
let netkit: Netkit;
const steps: string[] = [];
beforeEach(async () => {
  steps.length = 0;
  host = new TestHost();
  netkit = await host.open({ onTiming: ({ what }) => steps.push(what) });
  await netkit.networks.create({
    name: "n",
    ipv6: true,
    subnets: [{ subnet: "10.9.0.0/24" }, { subnet: "fd00:9::/64" }],
  });
});
afterEach(async () => {
  for (const sandbox of await netkit.sandboxes.list()) await netkit.sandboxes.remove(sandbox.id, { force: true });
  await netkit.networks.remove("n");
  host.expectClean();
  await host[Symbol.asyncDispose]();
});

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
    mac: endpoint.mac,
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

test("nothing is announced where every MAC follows from its address, and nobody learns what it didn't ask for", async () => {
  const neighbour = await sandbox("neighbour");
  const web = await sandbox("web", { ip: fixed.ip });
  await netkit.sandboxes.remove("web");
  await sandbox("web", { ip: fixed.ip });
  expect(steps).not.toContain("announce");

  await sandbox("other", { mac: "02:00:00:00:00:78" });
  expect(steps).toContain("announce");
  expect(await known(neighbour.space, web.addresses)).toEqual([undefined, undefined]);
});
