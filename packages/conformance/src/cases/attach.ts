import assert from "node:assert/strict";
import { ipOf, isNetkitError, type Endpoint } from "@netkit/core";
import { execa } from "execa";
import type { Case, CaseContext } from "../case.ts";
import { compareSnapshots, spaceOf, type HostOptions, type Space } from "../lab/index.ts";
import { inLab, removeAll, type Lab } from "../lab/lab.ts";
import { makesNetworks } from "../lab/steps.ts";

const common = {
  since: 1,
  tier: "kernel",
  requires: ["root", "ip", "nft"],
  applies: makesNetworks,
} as const satisfies Partial<Case>;

const lab =
  (work: (lab: Lab) => Promise<void>, options: HostOptions = {}) =>
  async ({ driver }: CaseContext): Promise<void> =>
    await inLab(driver, options, work);

/** Networks and endpoints as the kernel shows them. Every one ends with the leak oracle. */
export const attachCases: readonly Case[] = [
  {
    ...common,
    id: "DRV-NETWORK-001",
    rule: "a network can be made and removed again and again, and leaves nothing",
    run: lab(async ({ netkit, network, snapshot }) => {
      const before = await snapshot();
      for (const _ of [1, 2]) {
        await network("a");
        await netkit.networks.remove("a");
        assert.deepEqual(compareSnapshots(before, await snapshot()), []);
      }
    }),
  },
  {
    ...common,
    id: "DRV-NETWORK-002",
    rule: "a dry run shows the plan and changes nothing",
    run: lab(async ({ netkit, driver, network, snapshot }) => {
      await network("a");
      const before = await snapshot();
      let steps = 0;
      await netkit.networks.create({ name: "b", driver: driver.name }, { dryRun: true });
      await netkit.sandboxes.open(
        { name: "web", networks: ["a"] },
        { dryRun: true, onPlan: ({ plan }) => (steps += plan.length) },
      );
      assert.ok(steps > 0, "the plan is empty");
      assert.deepEqual(compareSnapshots(before, await snapshot()), []);
      assert.equal((await netkit.sandboxes.list()).length, 0);
    }),
  },
  {
    ...common,
    id: "DRV-ATTACH-001",
    rule: "an attached sandbox has the interface, the MAC, the addresses and the default routes that its endpoint says",
    run: lab(async ({ netkit, network, space }) => {
      await network("a");
      const web = await netkit.sandboxes.open({ name: "web", networks: ["a"] });
      const [endpoint] = (await web.inspect()).endpoints;
      assert.ok(endpoint);
      await agrees(space(web), endpoint);
    }),
  },
  {
    ...common,
    id: "DRV-ATTACH-002",
    rule: "a sandbox on two networks has an interface for each and one default route per family, which moves on when its network is left",
    run: lab(async ({ netkit, network, space }) => {
      await network("a");
      await network("b");
      const web = await netkit.sandboxes.open({ name: "web", networks: ["a"] });
      await web.connect("b");
      for (const endpoint of (await web.inspect()).endpoints) await agrees(space(web), endpoint);
      await web.disconnect("a");
      const left = (await web.inspect()).endpoints;
      assert.equal(left.length, 1);
      for (const endpoint of left) {
        await agrees(space(web), endpoint);
        const families = endpoint.addresses.filter(({ gateway }) => gateway !== undefined).length;
        assert.equal(endpoint.defaultRoute.length, families, "the default route did not move on");
      }
      assert.equal((await links(space(web))).length, 1);
    }),
  },
  {
    ...common,
    id: "DRV-ATTACH-003",
    rule: "detaching takes everything back that attaching did",
    run: lab(async ({ netkit, network, space, host, snapshot }) => {
      await network("a");
      const web = await netkit.sandboxes.open({ name: "web" });
      const spaces = { ...host.spaces, web: space(web) };
      const before = await snapshot(spaces);
      await web.connect("a");
      assert.notDeepEqual(compareSnapshots(before, await snapshot(spaces)), [], "attaching changed nothing");
      await web.disconnect("a");
      assert.deepEqual(compareSnapshots(before, await snapshot(spaces)), []);
    }),
  },
  {
    ...common,
    id: "DRV-ATTACH-004",
    rule: "attaching twice is refused and changes nothing; an address of the caller's choice is used",
    run: lab(async ({ netkit, network, space, host, snapshot }) => {
      const { subnets } = await network("a");
      const base = subnets[0] && ipOf(subnets[0].subnet);
      const ipv6 = base?.includes(":") === true;
      const ip = ipv6 ? `${base}77` : base?.replace(/0$/, "77");
      const wanted = ip === undefined ? {} : ipv6 ? { ip6: ip } : { ip };
      const web = await netkit.sandboxes.open({ name: "web", networks: [{ network: "a", ...wanted }] });
      const spaces = { ...host.spaces, web: space(web) };
      const before = await snapshot(spaces);
      await assert.rejects(web.connect("a"), (error) => isNetkitError(error) && error.code === "ENDPOINT_EXISTS");
      assert.deepEqual(compareSnapshots(before, await snapshot(spaces)), []);
      const [endpoint] = (await web.inspect()).endpoints;
      assert.ok(endpoint);
      if (ip !== undefined) assert.ok(endpoint.addresses.some(({ address }) => address.startsWith(`${ip}/`)));
      await agrees(space(web), endpoint);
    }),
  },
  {
    ...common,
    id: "DRV-ATTACH-005",
    rule: "a namespace that somebody else made is left as it was",
    run: lab(async ({ netkit, network, host, snapshot }) => {
      const name = `${host.name}-adopt`;
      await execa("ip", ["netns", "add", name]);
      try {
        const adopted = spaceOf(`/run/netns/${name}`);
        await adopted.shell("ip link set lo up; ip link add own0 type veth peer name own1");
        const before = await snapshot({ adopted });
        await network("a");
        const web = await netkit.sandboxes.open({ name: "web", netns: adopted.path, networks: ["a"] });
        assert.notDeepEqual(compareSnapshots(before, await snapshot({ adopted })), []);
        await netkit.sandboxes.remove(web.id);
        assert.deepEqual(compareSnapshots(before, await snapshot({ adopted })), []);
      } finally {
        await execa("ip", ["netns", "del", name]);
      }
    }),
  },
  {
    ...common,
    id: "DRV-REMOVE-001",
    rule: "everything can be removed by a netkit that doesn't have the driver",
    run: lab(async ({ netkit, network, reopen }) => {
      await network("a");
      await network("b");
      const web = await netkit.sandboxes.open({ name: "web", networks: ["a"] });
      await web.connect("b");
      await using stranger = await reopen([]);
      await removeAll(stranger);
      assert.deepEqual(
        (await stranger.networks.list()).filter(({ predefined }) => !predefined),
        [],
      );
    }),
  },
];

/** Compares what `ip` shows in the sandbox with what the endpoint says. */
async function agrees(space: Space, endpoint: Endpoint): Promise<void> {
  const [link] = await space.ip<Link>(`address show dev ${endpoint.ifName}`);
  assert.ok(link, `no interface ${endpoint.ifName}`);
  if (endpoint.mac !== undefined) assert.equal(link.address, endpoint.mac);
  assert.ok(link.flags.includes("UP") && link.flags.includes("LOWER_UP"), `${endpoint.ifName} is not up`);
  const found = link.addr_info
    .filter(({ scope }) => scope !== "link")
    .map(({ local, tentative }) => ({ local, tentative }));
  assert.deepEqual(
    found.toSorted((a, b) => (a.local < b.local ? -1 : 1)),
    endpoint.addresses
      .map(({ address }) => ({ local: address.slice(0, address.indexOf("/")), tentative: undefined }))
      .toSorted((a, b) => (a.local < b.local ? -1 : 1)),
  );
  for (const { address, gateway } of endpoint.addresses) {
    const family = address.includes(":") ? "ipv6" : "ipv4";
    const routes = await space.ip<{ gateway?: string; dev: string }>(
      `${family === "ipv6" ? "-6" : "-4"} route show default`,
    );
    const mine = routes.filter(({ dev }) => dev === endpoint.ifName);
    assert.equal(
      mine.length,
      endpoint.defaultRoute.includes(family) ? 1 : 0,
      `default routes of ${family} on ${endpoint.ifName}`,
    );
    assert.ok(routes.length <= 1, `${routes.length} default routes of ${family}`);
    if (gateway !== undefined && mine[0] !== undefined) assert.equal(mine[0].gateway, gateway);
  }
}

/** Links but for the loopback. */
async function links(space: Space): Promise<Link[]> {
  return (await space.ip<Link>("link show")).filter(({ ifname }) => ifname !== "lo");
}

interface Link {
  readonly ifname: string;
  readonly address: string;
  readonly flags: readonly string[];
  readonly addr_info: readonly { readonly local: string; readonly scope: string; readonly tentative?: boolean }[];
}
