import assert from "node:assert/strict";
import { familyOf, ipOf } from "@netkit/core";
import type { SandboxHandle } from "@netkit/engine";
import type { AnyDriver } from "@netkit/core";
import type { Case, CaseContext } from "../case.ts";
import {
  hostIpv4,
  hostIpv6,
  outsideIpv4,
  outsideIpv6,
  ping,
  reach,
  serve,
  type Space,
  type Target,
} from "../lab/index.ts";
import { inLab, type Lab } from "../lab/lab.ts";
import { makesNetworks } from "../lab/steps.ts";

const common = { since: 1, tier: "traffic", requires: ["root", "ip", "nft", "ping"] } as const satisfies Partial<Case>;
const carries = (driver: AnyDriver): boolean => makesNetworks(driver) && driver.traits.addresses === "engine";
const publishes = (driver: AnyDriver): boolean => carries(driver) && driver.traits.publish;

/** Long for what is on one machine; what is to be silent has to be so for this long. */
const silenceMs = 400;

/** Runs `work` in a host with an outside, once with bridged packets seen by netfilter and once without. */
const lab =
  (work: (lab: Lab) => Promise<void>) =>
  async ({ driver }: CaseContext): Promise<void> => {
    for (const bridgeNetfilter of [true, false]) await inLab(driver, { outside: true, bridgeNetfilter }, work);
  };

/** Packets between sandboxes, host and outside world: real sockets, and ping. */
export const trafficCases: readonly Case[] = [
  {
    ...common,
    id: "DRV-TRAFFIC-001",
    rule: "two sandboxes on a network reach each other by address, and the host reaches them unless they are beside it",
    applies: carries,
    run: lab(async ({ netkit, driver, network, space, host }) => {
      await network("a");
      const one = await netkit.sandboxes.open({ name: "one", networks: ["a"] });
      const two = await netkit.sandboxes.open({ name: "two", networks: ["a"] });
      await using echo = await serve(space(two), 80);
      for (const address of await addressesOf(two)) {
        assert.ok(await ping(space(one), address), `ping ${address}`);
        await reaches(space(one), echo.port, [address]);
        if (driver.traits.besideHost === true) await areSilent(host, echo.port, [address]);
        else await reaches(host, echo.port, [address]);
      }
    }),
  },
  {
    ...common,
    id: "DRV-TRAFFIC-002",
    rule: "a sandbox reaches the outside, which sees the host's address",
    applies: publishes,
    run: lab(async ({ netkit, driver, network, space, host }) => {
      await network("a");
      const one = await netkit.sandboxes.open({ name: "one", networks: ["a"] });
      assert.ok(host.outside);
      await using echo = await serve(host.outside, 80);
      for (const [family, address, seen] of [
        ["ipv4", outsideIpv4, hostIpv4],
        ["ipv6", outsideIpv6, hostIpv6],
      ] as const) {
        if (driver.traits.families.includes(family)) await reaches(space(one), echo.port, [address], seen);
      }
    }),
  },
  {
    ...common,
    id: "DRV-TRAFFIC-003",
    rule: "sandboxes on different networks of a driver don't reach each other",
    applies: (driver) => carries(driver) && driver.traits.routed !== true,
    run: lab(async ({ netkit, network, space }) => {
      await network("a");
      await network("b");
      const one = await netkit.sandboxes.open({ name: "one", networks: ["a"] });
      const two = await netkit.sandboxes.open({ name: "two", networks: ["b"] });
      await using echo = await serve(space(two), 80);
      await using control = await serve(space(one), 80);
      await areSilent(space(one), echo.port, await addressesOf(two));
      await areSilent(space(two), control.port, await addressesOf(one));
    }),
  },
  {
    ...common,
    id: "DRV-TRAFFIC-004",
    rule: "an internal network carries traffic between its sandboxes, and none to the outside or to other networks",
    applies: (driver) => carries(driver) && driver.traits.internal,
    run: lab(async ({ netkit, network, space, host }) => {
      await network("a", { internal: true });
      await network("b");
      const one = await netkit.sandboxes.open({ name: "one", networks: ["a"] });
      const two = await netkit.sandboxes.open({ name: "two", networks: ["a"] });
      const far = await netkit.sandboxes.open({ name: "far", networks: ["b"] });
      await using echo = await serve(space(two), 80);
      await reaches(space(one), echo.port, await addressesOf(two));
      assert.ok(host.outside);
      await using beyond = await serve(host.outside, 80);
      await using other = await serve(space(far), 80);
      await using own = await serve(host, 80);
      // Even with a default route of its own making.
      const { subnets } = await netkit.networks.get("a");
      const gateways = subnets.flatMap(({ gateway }) => gateway ?? []);
      const hops = gateways.length === 0 ? ["dev eth0"] : gateways.map((gateway) => `via ${gateway}`);
      for (const hop of hops) await space(one).shell(`ip route add default ${hop} || true`);
      await areSilent(space(one), beyond.port, [outsideIpv4]);
      await areSilent(space(one), own.port, [hostIpv4]);
      await areSilent(space(one), other.port, await addressesOf(far));
      await space(one).shell("ip route del default; ip -6 route del default || true");
    }),
  },
  {
    ...common,
    id: "DRV-TRAFFIC-005",
    rule: "a published port is reached from the host, from outside, from another network and from the sandbox itself; unpublished, no more",
    applies: publishes,
    run: lab(async ({ netkit, driver, network, space, host }) => {
      await network("a");
      await network("b");
      const web = await netkit.sandboxes.open({
        name: "web",
        networks: [{ network: "a", publish: ["18080:80", "18080:80/udp"] }],
      });
      const far = await netkit.sandboxes.open({ name: "far", networks: ["b"] });
      await using _ = await serve(space(web), 80);
      assert.ok(host.outside);
      const ipv6 = driver.traits.families.includes("ipv6");
      const addresses = [hostIpv4, ...(ipv6 ? [hostIpv6] : [])];
      await reaches(host, 18_080, ["127.0.0.1", ...addresses]);
      await reaches(host.outside, 18_080, addresses);
      await reaches(space(far), 18_080, addresses);
      await reaches(space(web), 18_080, addresses);
      await web.unpublish("a", ["18080:80", "18080:80/udp"]);
      assert.equal((await reach(host.outside, { protocol: "tcp", address: hostIpv4, port: 18_080 })).status, "refused");
    }),
  },
  {
    ...common,
    id: "DRV-TRAFFIC-006",
    rule: "a port published on one address of the host is reached there alone; a range maps port by port",
    applies: publishes,
    run: lab(async ({ netkit, network, space, host }) => {
      await network("a");
      const web = await netkit.sandboxes.open({
        name: "web",
        networks: [{ network: "a", publish: ["127.0.0.1:18081:80", `${hostIpv4}:18090-18092:80-82`] }],
      });
      await using _ = await serve(space(web), 80);
      await using last = await serve(space(web), 82);
      assert.ok(host.outside);
      await reaches(host, 18_081, ["127.0.0.1"], undefined, ["tcp"]);
      const refused = { protocol: "tcp", address: hostIpv4, port: 18_081 } as const;
      assert.equal((await reach(host.outside, refused)).status, "refused");
      await reaches(host.outside, 18_090, [hostIpv4], undefined, ["tcp"]);
      assert.equal(last.port, 82);
      await reaches(host.outside, 18_092, [hostIpv4], undefined, ["tcp"]);
    }),
  },
  {
    ...common,
    id: "DRV-TRAFFIC-007",
    rule: "a port published for some sources is reached from there and from the host, and from nowhere else",
    applies: publishes,
    run: lab(async ({ netkit, driver, network, space, host }) => {
      await network("a");
      await network("b");
      const ipv6 = driver.traits.families.includes("ipv6");
      const outside = [outsideIpv4, ...(ipv6 ? [outsideIpv6] : [])].map((address) => `,from=${address}`).join("");
      const web = await netkit.sandboxes.open({
        name: "web",
        networks: [{ network: "a", publish: [`18080-18089:80-89${outside}`, `18080:80/udp${outside}`] }],
      });
      await web.publish("a", ["18079:80,from=192.0.2.0/24", "18079:80/udp,from=192.0.2.0/24"]);
      const far = await netkit.sandboxes.open({ name: "far", networks: ["b"] });
      await using _ = await serve(space(web), 80);
      assert.ok(host.outside);
      const addresses = [hostIpv4, ...(ipv6 ? [hostIpv6] : [])];
      await reaches(host, 18_080, ["127.0.0.1", ...addresses]);
      await reaches(host.outside, 18_080, addresses);
      await areSilent(space(far), 18_080, addresses);
      await areSilent(space(web), 18_080, addresses);
      await reaches(host, 18_079, ["127.0.0.1", hostIpv4]);
      await areSilent(host.outside, 18_079, addresses);
      await areSilent(space(far), 18_079, [hostIpv4]);
    }),
  },
  {
    ...common,
    id: "DRV-TRAFFIC-008",
    rule: "what the outside sends to a sandbox's own address doesn't arrive, not even at a published port",
    applies: (driver) => publishes(driver) && driver.traits.routed !== true,
    run: lab(async ({ netkit, network, space, host }) => {
      const { subnets } = await network("a");
      const web = await netkit.sandboxes.open({ name: "web", networks: [{ network: "a", publish: ["18080:80"] }] });
      await using _ = await serve(space(web), 80);
      const { outside } = host;
      assert.ok(outside);
      const routes = subnets.map(({ subnet }) => {
        const via = familyOf(subnet) === "ipv4" ? hostIpv4 : hostIpv6;
        return `ip route add ${subnet} via ${via}\n`;
      });
      await outside.shell(routes.join(""));
      await reaches(outside, 18_080, [hostIpv4], undefined, ["tcp"]);
      await areSilent(outside, 80, await addressesOf(web));
      await outside.shell(subnets.map(({ subnet }) => `ip route del ${subnet}\n`).join(""));
    }),
  },
];

async function addressesOf(sandbox: SandboxHandle): Promise<string[]> {
  return (await sandbox.inspect()).endpoints.flatMap(({ addresses }) => addresses.map(({ address }) => ipOf(address)));
}

/** Each address answers, over TCP and UDP, and the server saw `seen` if that is given. */
async function reaches(
  from: Space,
  port: number,
  addresses: readonly string[],
  seen?: string,
  protocols: readonly Target["protocol"][] = ["tcp", "udp"],
): Promise<void> {
  for (const address of addresses) {
    for (const protocol of protocols) {
      const { status, source } = await reach(from, { protocol, address, port });
      assert.equal(status, "ok", `${protocol} to ${address} port ${port}`);
      if (seen !== undefined) assert.equal(source, seen, `source of ${protocol} to ${address}`);
    }
  }
}

/** None answers. All are asked at once: each silence is waited for in full. */
async function areSilent(from: Space, port: number, addresses: readonly string[]): Promise<void> {
  // Whoever asks leaves for where it came from, and that is here.
  using _ = from.enter();
  const asking = addresses.flatMap((address) =>
    (["tcp", "udp"] as const).map(async (protocol) => {
      const { status } = await reach(from, { protocol, address, port }, silenceMs);
      assert.notEqual(status, "ok", `${protocol} to ${address} port ${port} got through`);
    }),
  );
  await Promise.all(asking);
}
