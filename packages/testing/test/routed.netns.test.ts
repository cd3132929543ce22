// Networks of the driver `routed` on a real kernel, with sockets and ping: who reaches whom, and more sandboxes than a bridge takes.
import { parseIp } from "@netkit/core";
import { describe, expect, test } from "vitest";
import { hostIpv4, hostIpv6, outsideIpv4, ping, serve, spaceOf } from "../src/index.ts";
import { onOutsideHost, plain, settings, type OutsideHost } from "./outside-host.ts";
import { addressesOn, answer, connectError, isCutOff, linkOf, outsideFor, routeTo, serveIn } from "./questions.ts";

const subnets = [{ subnet: "10.9.0.0/16" }, { subnet: "fd00:9::/64" }];
const gateways = ["10.9.0.1", "fd00:9::1"];

async function create({ netkit }: OutsideHost, options: Record<string, string> = {}, internal = false): Promise<void> {
  await netkit.networks.create({ name: "n", driver: "routed", subnets, internal, options });
}

describe.each(settings)("$firewall, bridge-nf-call $bridgeNetfilter", (setting) => {
  test("sandboxes reach the host, each other and the outside; others reach what is published", async () => {
    await onOutsideHost(setting, async (place) => {
      const { host, outside, netkit, open } = place;
      await create(place);
      await netkit.networks.create({ name: "other", ipv6: true });
      const one = await open("n");
      const two = await open({ network: "n", publish: ["8080:80"] });
      const other = await open("other");
      await routeTo(place, "n");
      await using _ = await serveIn(host, outside, one.space, two.space);
      for (const [index, address] of two.addresses.entries()) {
        const gateway = gateways[index] ?? "";
        expect(await answer(one.space, address, 80)).toBe(one.addresses[index]);
        expect(await answer(host, address, 80)).toBe(gateway);
        expect(await answer(one.space, gateway, 80)).toBe(one.addresses[index]);
        expect(await answer(one.space, outsideFor(address), 80)).toBe([hostIpv4, hostIpv6][index]);
      }
      expect(await isCutOff(other.space, two.addresses, 80)).toBe(true);
      expect(await isCutOff(outside, two.addresses, 80)).toBe(true);
      // By the host's address everybody, itself included.
      for (const from of [outside, other.space, one.space, two.space, host]) {
        for (const address of [hostIpv4, hostIpv6]) {
          expect(await answer(from, address, 8080)).not.toMatch(/refused|timeout/);
        }
      }
      expect(await answer(host, "127.0.0.1", 8080)).not.toMatch(/refused|timeout/);
      await two.sandbox.unpublish("n", ["8080:80"]);
      expect(await answer(outside, hostIpv4, 8080)).toBe("refused");
    });
  });

  test("without icc sandboxes reach each other's published ports alone", async () => {
    await onOutsideHost(setting, async (place) => {
      const { host, open } = place;
      await create(place, { icc: "false" });
      const [one, two] = [await open("n"), await open({ network: "n", publish: ["8080:80"] })];
      await using _ = await serveIn(two.space);
      expect(await isCutOff(one.space, two.addresses, 80)).toBe(true);
      expect(await answer(one.space, hostIpv4, 8080)).not.toMatch(/refused|timeout/);
      for (const address of two.addresses) expect(await ping(host, address)).toBe(true);
    });
  });

  test("on an internal network they reach each other alone, and the host reaches them", async () => {
    await onOutsideHost(setting, async (place) => {
      const { host, outside, open } = place;
      await create(place, {}, true);
      const [one, two] = [await open("n"), await open("n")];
      await routeTo(place, "n");
      await using _ = await serveIn(host, outside, two.space);
      for (const address of two.addresses) {
        expect(await answer(one.space, address, 80)).not.toMatch(/refused|timeout/);
        expect(await ping(host, address)).toBe(true);
      }
      expect(await isCutOff(outside, two.addresses, 80)).toBe(true);
      await one.space.exec(["ip", "route", "add", "default", "via", gateways[0] ?? ""]);
      expect(await isCutOff(one.space, [hostIpv4, outsideIpv4, gateways[0] ?? ""].map(parseIp), 80)).toBe(true);
    });
  });

  test("what comes from another address than the sandbox's own is dropped", async () => {
    await onOutsideHost(setting, async (place) => {
      const { host, open } = place;
      await create(place);
      const [one, two] = [await open("n"), await open("n")];
      for (const [address, gateway] of [
        [two.addresses[0], gateways[0]],
        [two.addresses[1], gateways[1]],
        ["192.0.2.77", gateways[0]],
      ] as const) {
        const [bits, ...flags] = address?.includes(":") ? [128, "nodad"] : [32];
        await one.space.exec(["ip", "address", "add", `${address}/${bits}`, "dev", "eth0", ...flags]);
        // One that isn't answered ends with status 1, ping's own errors with 2.
        const asked = `code=0; ping -q -c1 -W1 -I ${address} ${gateway} || code=$?; echo $code`;
        expect((await one.space.shell(asked)).split("\n").at(-1)).toBe("1");
        await one.space.exec(["ip", "address", "del", `${address}/${bits}`, "dev", "eth0"]);
      }
      for (const gateway of gateways) expect(await ping(one.space, gateway)).toBe(true);
      expect(await ping(host, two.addresses[0] ?? "")).toBe(true);
    });
  });
});

test("more sandboxes than a bridge has ports reach the host and each other", async () => {
  await onOutsideHost(plain, async (place) => {
    const { host, netkit, open } = place;
    await create(place);
    const boxes = [];
    for (let number = 0; number < 1100; number++) boxes.push(await open("n"));
    for (let number = 0; number < boxes.length; number += 50) {
      const [one, two] = [boxes[number], boxes[boxes.length - 1 - number]];
      if (one === undefined || two === undefined) throw new Error("no such sandbox");
      for (const [index, address] of two.addresses.entries()) {
        expect(await ping(one.space, address)).toBe(true);
        expect(await ping(host, address)).toBe(true);
        expect(await ping(one.space, gateways[index] ?? "")).toBe(true);
      }
    }
    // An address that nobody has is unreachable at once.
    await expect(host.exec(["ping", "-c1", "-W5", "10.9.200.200"])).rejects.toThrow(/unreachable|No route/i);
    expect((await netkit.doctor()).findings).toEqual([]);
    await netkit.sandboxes.removeAll(boxes.map(({ sandbox }) => sandbox.id));
  });
}, 300_000);

test("a sandbox has several addresses, a MAC of its own, and leaves and joins while it runs", async () => {
  await onOutsideHost(plain, async (place) => {
    const { host, netkit, open } = place;
    await netkit.networks.create({ name: "n", driver: "routed", subnets: [...subnets, { subnet: "10.10.0.0/24" }] });
    const mac = "02:00:5e:10:00:01";
    const box = await open({ network: "n", ip: "10.9.0.77", ip6: "fd00:9::77", furtherIps: ["10.10.0.77"], mac });
    const addresses = ["10.9.0.77", "fd00:9::77", "10.10.0.77"];
    expect(await addressesOn(box.space, "eth0")).toEqual(expect.arrayContaining(addresses));
    expect((await linkOf(box.space, "eth0")).address).toBe(mac);
    await using _ = await serve(box.space, 80);
    for (const address of addresses) expect(await answer(host, address, 80)).not.toMatch(/refused|timeout/);
    await box.sandbox.disconnect("n");
    for (const address of box.addresses) expect(await connectError(host, address)).toBe("EHOSTUNREACH");
    await box.sandbox.connect("n", { ip: "10.9.0.78" });
    expect(await ping(spaceOf(box.sandbox.netns ?? ""), "10.9.0.1")).toBe(true);
  });
});
