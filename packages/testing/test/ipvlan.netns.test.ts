// Sandboxes behind the MAC of a link of the host, on its wire or routed: the outside is a host on that wire.
import { hasLinkKind, openNetlink } from "@netkit/netlink";
import { describe, expect, test } from "vitest";
import { hostIpv4, hostIpv6, outsideIpv4, outsideIpv6 } from "../src/index.ts";
import { onOutsideHost, plain } from "./outside-host.ts";
import { answer, defaultRoutes, linkOf, outsideFor, serveIn } from "./questions.ts";

const lan = [
  { subnet: "203.0.113.0/24", gateway: outsideIpv4, range: "203.0.113.64/26" },
  { subnet: "2001:db8:99::/64", gateway: outsideIpv6, range: "2001:db8:99::40/122" },
];
const apart = [{ subnet: "198.51.100.0/24" }, { subnet: "2001:db8:50::/64" }];

const lacking = ((): boolean => {
  using socket = openNetlink();
  return !hasLinkKind(socket, "ipvlan");
})();

describe("on a parent", () => {
  test.skipIf(lacking)(
    "in mode l2 sandboxes reach each other, the router and what it leads to, behind the parent's MAC (needs ipvlan)",
    async () => {
      await onOutsideHost(plain, async ({ netkit, host, outside, open }) => {
        await netkit.networks.create({ name: "n", driver: "ipvlan", subnets: lan, options: { parent: "up0" } });
        const [one, two] = [await open("n"), await open("n")];
        const mac = (await host.ip<{ address: string }>("link show dev up0"))[0]?.address;
        expect(await linkOf(one.space, "eth0")).toMatchObject({ address: mac });
        await using _ = await serveIn(two.space, outside);
        expect(await defaultRoutes(one.space)).toEqual([outsideIpv4, outsideIpv6]);
        for (const [index, address] of two.addresses.entries()) {
          expect(await answer(one.space, address, 80)).toBe(one.addresses[index]);
          expect(await answer(one.space, outsideFor(address), 80)).toBe(one.addresses[index]);
          expect(await answer(outside, address, 80)).toBe(outsideFor(address));
        }
      });
    },
  );

  test.skipIf(lacking).each(["l3", "l3s"])(
    "in mode %s they are routed, and answered by who has a route to them (needs ipvlan)",
    async (mode) => {
      await onOutsideHost(plain, async ({ netkit, outside, open }) => {
        const options = { parent: "up0", ipvlan_mode: mode };
        await netkit.networks.create({ name: "n", driver: "ipvlan", subnets: apart, options });
        const [one, two] = [await open("n"), await open("n")];
        await outside.shell(
          `ip route add 198.51.100.0/24 via ${hostIpv4}; ip route add 2001:db8:50::/64 via ${hostIpv6}`,
        );
        await using _ = await serveIn(two.space, outside);
        for (const [index, address] of two.addresses.entries()) {
          expect(await answer(one.space, address, 80)).toBe(one.addresses[index]);
          expect(await answer(one.space, outsideFor(address), 80)).toBe(one.addresses[index]);
          expect(await answer(outside, address, 80)).toBe(outsideFor(address));
        }
      });
    },
  );

  test("a network has it alone, beside those of macvlan too", async () => {
    await onOutsideHost(plain, async ({ netkit }) => {
      const options = { parent: "up0" };
      await netkit.networks.create({ name: "n", driver: "ipvlan", subnets: lan, options });
      for (const driver of ["ipvlan", "macvlan"]) {
        await expect(netkit.networks.create({ name: "second", driver, subnets: apart, options })).rejects.toMatchObject(
          {
            code: "RESOURCE_CONFLICT",
            message: "parent up0 is in use by network 'n'",
          },
        );
      }
    });
  });

  test("routed networks have no gateway, and lead out by the link", async () => {
    await onOutsideHost(plain, async ({ netkit }) => {
      const options = { parent: "up0", mode: "l3" };
      await netkit.networks.create({ name: "n", driver: "ipvlan", subnets: apart, options });
      const { subnets } = await netkit.networks.get("n");
      expect(subnets.map(({ gateway }) => gateway)).toEqual([undefined, undefined]);
      const routes: unknown[] = [];
      await netkit.sandboxes.open(
        { name: "web", networks: ["n"] },
        {
          dryRun: true,
          onPlan: ({ plan }) =>
            routes.push(...plan.map(({ resource }) => resource).filter(({ kind }) => kind === "route")),
        },
      );
      expect(routes).toEqual([
        { kind: "route", ns: expect.any(String) as unknown, destination: "0.0.0.0/0", link: "eth0" },
        { kind: "route", ns: expect.any(String) as unknown, destination: "::/0", link: "eth0" },
      ]);
    });
  });

  test("a MAC of one's own is refused", async () => {
    await onOutsideHost(plain, async ({ netkit, open }) => {
      await netkit.networks.create({ name: "n", driver: "ipvlan", subnets: lan, options: { parent: "up0" } });
      await expect(open({ network: "n", mac: "02:00:5e:10:00:07" })).rejects.toMatchObject({
        code: "UNSUPPORTED",
        message: "interfaces of driver 'ipvlan' have the MAC of the link they lie on",
      });
    });
  });

  test("where the kernel has no ipvlan it is refused with the module that has it, and nothing is left", async () => {
    await onOutsideHost(plain, async ({ netkit, open }) => {
      await netkit.networks.create({ name: "n", driver: "ipvlan", subnets: lan, options: { parent: "up0" } });
      const refused: unknown = expect.objectContaining({
        code: "UNSUPPORTED",
        hint: expect.stringContaining("modprobe ipvlan") as unknown,
      });
      const made = await open("n").then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(made).toEqual(lacking ? refused : undefined);
    });
  });
});
